//! The setting of tests on machines: a workspace on a host of machines, with a mirror.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use crate::etcd_binaries::packaged;
use crate::etcd_release::machine;
use crate::lab::Lab;
use crate::mirror::Mirror;
use crate::scratch::Ran;

pub(crate) const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

/// The cluster.
pub(crate) const NAME: &str = "vms";

/// Its network. It is inside the lab, so the host may use the same one.
pub(crate) const NETWORK: &str = "192.168.56";

/// The time limit of a command. Three machines on two emulated processors boot in a sixth of it,
/// and in half of it on a slow host.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25 * 60);

/// The folder of a workspace's boxes.
const BOXES: &str = ".state/.cache/boxes";

/// A checkout of this project, and its built program.
pub(crate) struct Project {
    pub(crate) checkout: Utf8PathBuf,
    pub(crate) xtask: Utf8PathBuf,
    /// The test folder for its boxes.
    boxes: &'static str,
}

impl Project {
    pub(crate) fn this() -> Self {
        let checkout = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        Self {
            checkout: checkout.to_owned(),
            xtask: XTASK.into(),
            boxes: "boxes-for-vms",
        }
    }

    /// Another, already built checkout to compare with.
    #[allow(dead_code, reason = "used by the benchmark")]
    pub(crate) fn built_in(checkout: &Utf8Path) -> Option<Self> {
        let built = ["release", "debug"].map(|way| checkout.join("target").join(way).join("xtask"));
        Some(Self {
            checkout: checkout.to_owned(),
            xtask: built.into_iter().find(|xtask| xtask.is_file())?,
            boxes: "boxes-for-vms-to-compare",
        })
    }
}

/// A workspace with one rendered definition, and the box of its machines. The cluster is not
/// started.
pub(crate) struct Setting {
    pub(crate) mirror: Mirror,
    pub(crate) workspace: Utf8PathBuf,
    xtask: Utf8PathBuf,
    begun: Instant,
    // Dropped last.
    pub(crate) lab: Lab,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::of(&Project::this())
    }

    pub(crate) fn of(project: &Project) -> Self {
        let begun = Instant::now();
        // Before the lab starts, which has no network to the outside.
        let boxes = boxes(project);
        tell("box", begun);

        let mut lab = Lab::new();
        let mirror = Mirror::new(&mut lab);
        let workspace = lab.folder().join("workspace");
        for folder in ["cluster", "vagrant", ".state/.cache"] {
            fs::create_dir_all(workspace.join(folder)).unwrap();
        }
        let vagrantfile = "vagrant/Vagrantfile";
        fs::copy(
            project.checkout.join(vagrantfile),
            workspace.join(vagrantfile),
        )
        .unwrap();
        symlink(boxes, workspace.join(BOXES)).unwrap();
        let definition = definition(&mirror);
        fs::write(workspace.join(format!("cluster/{NAME}.toml")), definition).unwrap();
        let setting = Self {
            mirror,
            workspace,
            xtask: project.xtask.clone(),
            begun,
            lab,
        };
        setting.ask(&["render"]).expect(0);
        setting
    }

    /// The same with TLS.
    pub(crate) fn with_tls(self) -> Self {
        let path = self.workspace.join(format!("cluster/{NAME}.toml"));
        let definition = fs::read_to_string(&path).unwrap();
        fs::write(path, definition + "tls = true\n").unwrap();
        self.ask(&["render"]).expect(0);
        self
    }

    /// A command in the lab, in the workspace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.lab.command(program, PATIENCE);
        command
            .current_dir(&self.workspace)
            .env("XTASK_ETCD_DIR", packaged());
        command
    }

    /// Runs a task, and prints how long it took.
    pub(crate) fn run(&self, what: &str, arguments: &[&str]) -> Ran {
        let begun = Instant::now();
        let ran = self.ask(arguments);
        tell(what, begun);
        ran
    }

    /// Runs a task without printing its time.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(&self.xtask);
        Ran::from(command.args(arguments).output().unwrap())
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        tell("all of it", self.begun);
    }
}

/// The folder of the box for these machines, made from packages. It is kept, and made again if its
/// inputs change.
fn boxes(project: &Project) -> Utf8PathBuf {
    let workspace = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(project.boxes);
    fs::create_dir_all(workspace.join("cluster")).unwrap();
    fs::write(workspace.join("cluster/default.toml"), "members = 3\n").unwrap();
    let mut made = Command::new(&project.xtask);
    made.args(["box", "--from", "packages"]);
    let made = made.current_dir(&workspace).stdin(Stdio::null()).output();
    Ran::from(made.unwrap()).expect(0);
    workspace.join(BOXES)
}

/// Three minimal members, with timeouts for emulated processors.
fn definition(mirror: &Mirror) -> String {
    let (version, sha256) = (mirror.release.version, &mirror.release.sha256);
    let (url, architecture) = (Mirror::url(NETWORK), machine());
    format!(
        "members = 3
driver = \"vagrant\"

[network]
subnet = \"{NETWORK}.0/24\"

[machine]
memory = 512

[etcd]
version = \"{version}\"
runtime = \"release\"
release_url = \"{url}\"
sha256 = {{ {architecture} = \"{sha256}\" }}
heartbeat_interval = 500
election_timeout = 5000
"
    )
}

/// Bypasses the test's output capture: a wait of minutes needs progress.
pub(crate) fn tell(what: &str, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let _ = writeln!(std::io::stderr(), "{seconds:>7.1} s  {what}");
}
