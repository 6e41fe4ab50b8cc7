//! Machines for tests: a real systemd and a real cloud-init in containers, on a private network.
//! The names of tests that need them end in `_in_containers`.

// Also from tests in other folders.
#[path = "containers/root.rs"]
mod root;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use crate::scratch::Ran;
use crate::support::require_tool;

const WORLD: &str = include_str!("../../xtask/src/commands/test/world.sh");
const LAB: &str = include_str!("containers/lab.sh");

/// The time limit of any step on a slow and busy host. Steps usually take less than a tenth of it.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Waits until a condition returns a value, and fails after the time limit.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A network with a mirror and machines. It lives in namespaces that end with its standard input,
/// so nothing is left of it however the test ends.
pub(crate) struct Lab {
    process: Child,
    /// The first process of the namespaces, by its ID outside.
    first: u32,
    /// The folder on which the lab is mounted, in its own namespace only.
    folder: Utf8PathBuf,
    address: Ipv4Addr,
    /// Additional arguments of systemd-nspawn for machines of this name.
    settings: fn(&str) -> String,
}

impl Lab {
    /// A lab whose mirror has this address, in a /24 network.
    pub(crate) fn new(address: Ipv4Addr) -> Self {
        Self::of(root::debian_13(), address, |_| String::new())
    }

    /// A lab whose machines have Docker and no cloud-init.
    pub(crate) fn with_docker(address: Ipv4Addr) -> Self {
        Self::of(root::with_docker(), address, |name| {
            // Docker limits devices with BPF, and needs its own layers not to be on an overlay.
            format!(
                "[Exec]\nSystemCallFilter=@keyring bpf\n\
                 [Files]\nBind=/run/docker-of-{name}:/var/lib/docker\n"
            )
        })
    }

    fn of(root: &Utf8Path, address: Ipv4Addr, settings: fn(&str) -> String) -> Self {
        require_tool("systemd-nspawn", "systemd-container");
        require_tool("ip", "iproute2");
        let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
        fs::create_dir_all(&folder).unwrap();
        let mut process = Command::new("unshare")
            .args(["--mount", "--net", "sh", "-c", WORLD, "world"])
            .args(["sh", "-c", LAB, "lab", folder.as_str()])
            .arg(address.to_string())
            .current_dir(root)
            // An interruption of the tests closes the input, which ends the lab in an orderly way.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        if line != "ready\n" {
            output.read_to_string(&mut line).unwrap();
            panic!("no lab could be made: {line}");
        }
        let first = only_child(only_child(process.id()));
        Self {
            process,
            first,
            folder,
            address,
            settings,
        }
    }

    /// The URL of the mirror.
    pub(crate) fn mirror(&self) -> String {
        format!("http://{}:8080", self.address)
    }

    /// Adds a file to the mirror.
    pub(crate) fn publish(&self, path: &str, bytes: &[u8]) {
        let path = self.inside().join("mirror").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("part");
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, path).unwrap();
    }

    /// The number of answered requests for this file.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let log = fs::read_to_string(self.inside().join("mirror.log")).unwrap();
        log.matches(&format!("\"GET /{path} ")).count()
    }

    /// Boots a machine for the first time.
    pub(crate) fn boot(&mut self, seed: &Seed<'_>) -> Machine {
        let files = [
            (
                "var/lib/cloud/seed/nocloud/meta-data",
                format!(
                    "instance-id: {}\nlocal-hostname: {}\n",
                    seed.name, seed.host_name
                ),
            ),
            (
                "var/lib/cloud/seed/nocloud/user-data",
                seed.user_data.to_owned(),
            ),
            (
                "etc/apt/sources.list",
                format!("deb [trusted=yes] {}/packages ./\n", self.mirror()),
            ),
        ];
        self.boot_with(seed.name, seed.address, &files)
    }

    /// Boots a new machine with these files.
    pub(crate) fn boot_with(
        &mut self,
        name: &str,
        address: Ipv4Addr,
        files: &[(&str, String)],
    ) -> Machine {
        let upper = self.inside().join(name).join("upper");
        let network = (
            "etc/systemd/network/10-lab.network",
            format!(
                "[Match]\nName=host0\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\n"
            ),
        );
        for (path, text) in files.iter().chain([&network]) {
            write(&upper.join(path), text);
        }
        let run = self.world().join("run");
        let settings = (self.settings)(name);
        write(
            &run.join(format!("systemd/nspawn/{name}.nspawn")),
            &settings,
        );
        fs::create_dir(run.join(format!("docker-of-{name}"))).unwrap();
        let mut machine = Machine {
            name: name.to_owned(),
            group: self.world().join("sys/fs/cgroup").join(name),
            leader: 0,
        };
        self.boot_again(&mut machine);
        machine
    }

    /// Boots a stopped machine.
    pub(crate) fn boot_again(&mut self, machine: &mut Machine) {
        let mut input = self.process.stdin.as_ref().unwrap();
        writeln!(input, "{}", machine.name).unwrap();
        let processes = machine.group.join("payload/init.scope/cgroup.procs");
        machine.leader = wait_for("the first process of a machine", || {
            let processes = fs::read_to_string(&processes).ok()?;
            processes
                .lines()
                .map(|id| id.parse().unwrap())
                .find(|id| is_first_of_its_kind(*id))
        });
    }

    /// Shuts a machine down, as its own `poweroff` does.
    pub(crate) fn turn_off(&self, machine: &Machine) {
        machine.run(&["systemctl", "poweroff"]).expect(0);
        self.wait_until_off(machine);
    }

    /// Cuts a machine's power: all its processes end at once.
    pub(crate) fn cut_power(&self, machine: &Machine) {
        fs::write(machine.group.join("cgroup.kill"), "1").unwrap();
        self.wait_until_off(machine);
    }

    fn wait_until_off(&self, machine: &Machine) {
        wait_for("a machine to be off", || {
            let group = fs::read_to_string(machine.group.join("cgroup.events")).unwrap();
            let links = fs::read_to_string(format!("/proc/{}/net/dev", self.first)).unwrap();
            let is_off =
                group.contains("populated 0") && !links.contains(&format!("vb-{}:", machine.name));
            is_off.then_some(())
        });
    }

    /// A command of this host on the lab's network.
    pub(crate) fn command(&self, program: &Utf8Path) -> Command {
        let mut command = Command::new("timeout");
        command
            .args([&PATIENCE.as_secs().to_string(), "nsenter", "--net"])
            .arg(format!("--target={}", self.first))
            .arg(program);
        command
    }

    /// The root of the lab's file systems.
    fn world(&self) -> Utf8PathBuf {
        format!("/proc/{}/root", self.first).into()
    }

    fn inside(&self) -> Utf8PathBuf {
        self.world()
            .join(self.folder.as_str().trim_start_matches('/'))
    }

    /// Prints the end of each machine's journal.
    fn explain(&self) {
        let folders = self.inside().read_dir_utf8().into_iter().flatten();
        for folder in folders.flatten() {
            let journal = fs::read(folder.path().join("console")).unwrap_or_default();
            let journal = String::from_utf8_lossy(&journal);
            let lines: Vec<&str> = journal.lines().collect();
            let last = lines.len().saturating_sub(40);
            println!("== {}\n{}", folder.file_name(), lines[last..].join("\n"));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            self.explain();
        }
        drop(self.process.stdin.take());
        let ended = self.process.wait();
        if !thread::panicking() {
            assert!(ended.unwrap().success(), "the lab left something behind");
        }
    }
}

/// The initial state of a machine.
pub(crate) struct Seed<'a> {
    /// The lab's name for it: at most twelve characters, because of network interfaces.
    pub(crate) name: &'a str,
    /// Its host name.
    pub(crate) host_name: &'a str,
    pub(crate) address: Ipv4Addr,
    pub(crate) user_data: &'a str,
}

/// A machine that was booted in a lab.
pub(crate) struct Machine {
    name: String,
    /// Its control group.
    group: Utf8PathBuf,
    /// Its first process, by its ID outside.
    leader: u32,
}

impl Machine {
    /// Its first process, by its ID outside.
    pub(crate) fn leader(&self) -> u32 {
        self.leader
    }

    /// Runs a program in the machine to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let output = Command::new("timeout")
            .args([&PATIENCE.as_secs().to_string(), "nsenter", "--all"])
            .arg(format!("--target={}", self.leader))
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
            .output();
        Ran::from(output.unwrap())
    }

    /// A file of the machine, which must not contain symbolic links: they would lead outside.
    pub(crate) fn path(&self, path: &str) -> Utf8PathBuf {
        let root = Utf8PathBuf::from(format!("/proc/{}/root", self.leader));
        let path = root.join(path.trim_start_matches('/'));
        assert!(!path.is_symlink(), "{path}");
        path
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The permissions and the owner of a file.
    pub(crate) fn mode(&self, path: &str) -> (u32, u32, u32) {
        let metadata = fs::metadata(self.path(path)).unwrap();
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    }

    /// Waits until cloud-init has finished, and returns its status.
    pub(crate) fn configured(&self) -> serde_json::Value {
        let finished = format!("/var/lib/cloud/instances/{}/boot-finished", self.name);
        wait_for("cloud-init", || self.path(&finished).exists().then_some(()));
        let status = self.run(&["cloud-init", "status", "--wait", "--format=json"]);
        serde_json::from_str(&status.stdout).unwrap()
    }

    /// Waits until cloud-init has finished and etcd runs: its last step restarts etcd, which a
    /// package may already have started.
    pub(crate) fn settled(&self) {
        self.configured();
        wait_for("etcd to run", || {
            let jobs = self.run(&["systemctl", "list-jobs", "--no-legend"]);
            let is_settled = !jobs.expect(0).stdout.contains("etcd.service")
                && self.unit("ActiveState") == "active";
            is_settled.then_some(())
        });
    }

    /// A property of etcd's unit.
    pub(crate) fn unit(&self, property: &str) -> String {
        let show = ["systemctl", "show", "--value", "--property", property];
        let shown = self.run(&[&show[..], &["etcd.service"]].concat()).expect(0);
        shown.stdout.trim_end().to_owned()
    }

    /// The journal of etcd's unit.
    pub(crate) fn journal(&self) -> String {
        let words = ["journalctl", "--unit=etcd.service", "--output=cat"];
        self.run(&words).expect(0).stdout
    }
}

fn write(path: &Utf8Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn only_child(id: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    children.trim().parse().unwrap()
}

/// Whether it is the first process of its innermost PID namespace.
fn is_first_of_its_kind(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.is_some_and(|ids| ids.split_whitespace().next_back() == Some("1"))
}
