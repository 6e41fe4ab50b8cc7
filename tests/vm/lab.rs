//! A host of virtual machines for tests: libvirt in its own namespaces, isolated from the host, and
//! removed however a test ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::scratch::Ran;

/// The script of the first process.
const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vm/lab.sh");

/// The time limit of a lab's start and of any condition in it, on a slow and busy host. A lab
/// usually takes a second, and machines a minute.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The Vagrant settings of every user of this lab.
const OF_THE_USER: &str = r#"Vagrant.configure("2") do |config|
  config.vm.provider :libvirt do |libvirt|
    # The host that could crash under these disks is the one that the test would fail on anyway.
    libvirt.disk_driver cache: "unsafe"
  end
end
"#;

/// Waits until a condition returns a value, and fails after the time limit.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The host. It lives in namespaces that end with its standard input, so the system ends everything
/// that runs in it, even if the test is killed.
pub(crate) struct Lab {
    process: Child,
    /// The first process of the namespaces, by its ID outside.
    first: u32,
    folder: Utf8PathBuf,
    /// Programs that run beside the test.
    beside: Vec<Child>,
}

impl Lab {
    /// A host whose libvirt answers.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let all = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
        remove_what_killed_tests_left(all);
        let folder = all.join(format!("{PREFIX}{}-{number}", std::process::id()));
        let vagrant = folder.join(VAGRANT_HOME);
        fs::create_dir_all(&vagrant).unwrap();
        fs::write(vagrant.join("Vagrantfile"), OF_THE_USER).unwrap();

        let mut process = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private"])
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", LAB, folder.as_str()])
            // An interruption of the tests closes the input, which ends the lab in an orderly way.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        assert_eq!((output.is_ok(), &*line), (true, "ready\n"), "not run");
        let lab = Self {
            first: only_child(process.id()),
            process,
            folder,
            beside: Vec::new(),
        };
        wait_for("libvirt", || lab.virsh(&["version"]).ok());
        lab
    }

    /// A folder that is removed with the lab.
    pub(crate) fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// A command in this lab, run by its user in the command's folder. It is ended after this time,
    /// with status 124, and so is everything that it started.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, patience: Duration) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--net", "--mount", "--pid", "--wd=."])
            .arg(format!("--target={}", self.first))
            .args([
                "timeout",
                "--kill-after=10",
                &patience.as_secs().to_string(),
            ])
            .arg(program)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", &self.folder)
            // In the lab's own /run, so that temporary files end with it.
            .env("XDG_RUNTIME_DIR", "/run/user")
            .env("VAGRANT_HOME", self.folder.join(VAGRANT_HOME));
        command
    }

    /// Kills only a program that was started by [`Self::command`], not its children.
    pub(crate) fn kill(&self, command: &Child) {
        signal(command, Signal::SIGKILL);
    }

    /// Interrupts a program that was started by [`Self::command`], as Ctrl-C does.
    pub(crate) fn interrupt(&self, command: &Child) {
        signal(command, Signal::SIGINT);
    }

    /// Starts a program that runs until the end of the lab.
    pub(crate) fn run_beside(&mut self, command: &mut Command) {
        self.beside.push(command.spawn().unwrap());
    }

    /// The defined machines, running or not.
    pub(crate) fn domains(&self) -> Vec<String> {
        self.names(&["list", "--all", "--name"])
    }

    /// The running machines.
    pub(crate) fn running(&self) -> Vec<String> {
        self.names(&["list", "--name"])
    }

    /// The defined networks.
    pub(crate) fn networks(&self) -> Vec<String> {
        self.names(&["net-list", "--all", "--name"])
    }

    /// The disks of machines, without the copies of boxes that the next machine uses.
    pub(crate) fn disks(&self) -> Vec<String> {
        let images = self.folder.join("libvirt/images").read_dir_utf8();
        let images = images.into_iter().flatten().flatten();
        let mut names: Vec<String> = images
            .map(|image| image.file_name().to_owned())
            .filter(|name| !name.contains("_vagrant_box_image_"))
            .collect();
        names.sort();
        names
    }

    /// The command lines of all processes, including the lab's own.
    pub(crate) fn processes(&self) -> Vec<String> {
        let inside = Utf8PathBuf::from(format!("/proc/{}/root/proc", self.first));
        let mut lines: Vec<String> = inside
            .read_dir_utf8()
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().parse::<u32>().is_ok())
            .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
            .map(|line| line.trim_end_matches('\0').replace('\0', " "))
            // A zombie.
            .filter(|line| !line.is_empty())
            .collect();
        lines.sort();
        lines
    }

    /// The PID namespace of its processes, as the system names it.
    pub(crate) fn namespace(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/ns/pid", self.first)).unwrap()
    }

    /// Cuts the power of the machine whose name ends with this.
    pub(crate) fn pull_the_plug(&self, ending: &str) {
        let domains = self.domains();
        let domain = domains.iter().find(|name| name.ends_with(ending));
        let domain = domain.unwrap_or_else(|| panic!("no {ending} among {domains:?}"));
        self.virsh(&["destroy", domain]).unwrap();
    }

    fn names(&self, words: &[&str]) -> Vec<String> {
        let listed = self.virsh(words).unwrap();
        let names = listed.split_whitespace().map(str::to_owned);
        names.collect()
    }

    /// The output of virsh, or its failure.
    pub(crate) fn virsh(&self, words: &[&str]) -> Result<String, Ran> {
        let mut command = self.command("virsh", PATIENCE);
        command.args(["--connect", "qemu:///system"]).args(words);
        let ran = Ran::from(command.output().unwrap());
        if ran.status == Some(0) {
            Ok(ran.stdout)
        } else {
            Err(ran)
        }
    }

    /// Prints what may explain a test's failure.
    fn explain(&self) {
        let logs = format!("/proc/{}/root/var/log/libvirt/qemu", self.first);
        let logs = Utf8PathBuf::from(logs).read_dir_utf8().into_iter();
        let logs = logs
            .flatten()
            .flatten()
            .map(camino::Utf8DirEntry::into_path);
        for log in logs.chain([self.folder.join("libvirtd.log")]) {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(10)..].join("\n");
            println!("== {}\n{last}", log.file_name().unwrap_or_default());
        }
        println!("== what runs\n{}", self.processes().join("\n"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            self.explain();
        }
        drop(self.process.stdin.take());
        let ended = end_of(&mut self.process);
        for program in &mut self.beside {
            let _ = program.wait();
        }
        let removed = fs::remove_dir_all(&self.folder);
        if !thread::panicking() {
            assert!(
                ended.is_some_and(|ended| ended.success()),
                "the lab had to be killed, or failed: {ended:?}"
            );
            removed.unwrap();
        }
    }
}

/// Waits for the end of a lab; `None` if it had to be killed. The system ends all of its processes
/// before the first one.
fn end_of(lab: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(Some(ended)) = lab.try_wait() {
            return Some(ended);
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = lab.kill();
    let _ = lab.wait();
    None
}

/// The prefix of the labs' folders; the test process's ID follows.
const PREFIX: &str = "vms-";

/// The folder of Vagrant's user data in the folder of a lab.
const VAGRANT_HOME: &str = ".vagrant.d";

/// The processes of a killed test end with it, but its files stay.
fn remove_what_killed_tests_left(all: &Utf8Path) {
    for folder in all.read_dir_utf8().into_iter().flatten().flatten() {
        let name = folder.file_name().strip_prefix(PREFIX);
        let Some((owner, _)) = name.and_then(|name| name.split_once('-')) else {
            continue;
        };
        if !Utf8Path::new("/proc").join(owner).exists() {
            // Another test may be doing the same.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

/// Sends a signal to a program that was started by [`Lab::command`].
fn signal(command: &Child, signal: Signal) {
    // `nsenter` started `timeout`, which started the program.
    let program = only_child(only_child(command.id()));
    kill(Pid::from_raw(program.try_into().unwrap()), signal).unwrap();
}

fn only_child(id: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    children.trim().parse().unwrap()
}
