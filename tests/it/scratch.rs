//! A private workspace for each test: created empty, and removed with everything that was started
//! in it.

use std::fs::{self, File};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::network;
use crate::support::look_until;

static SHARES_PROCESSORS: AtomicBool = AtomicBool::new(false);

/// Runs each etcd and etcdctl of the workspaces on one processor, because many tests share the
/// host's. Benchmarks do not use this.
pub(crate) fn share_processors() {
    SHARES_PROCESSORS.store(true, Ordering::Relaxed);
}

/// A folder with `cluster/`, in which the real program runs.
pub(crate) struct Scratch {
    root: Utf8PathBuf,
}

impl Scratch {
    /// An empty workspace.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        network::own();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = folder().join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("cluster")).unwrap();
        Self { root }
    }

    /// A workspace with one definition.
    pub(crate) fn with(name: &str, definition: &str) -> Self {
        let scratch = Self::new();
        scratch.define(name, definition);
        scratch
    }

    /// Writes `cluster/<name>.toml`.
    pub(crate) fn define(&self, name: &str, definition: &str) {
        fs::write(self.root.join(format!("cluster/{name}.toml")), definition).unwrap();
    }

    /// The folder of the workspace.
    pub(crate) fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The command of the program with these arguments, in this workspace and without the
    /// surrounding environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("ETCD") || text.starts_with("XTASK_") {
                command.env_remove(&name);
            }
        }
        // Independent of this host: a test about machines says so itself.
        command.env("XTASK_DRIVER", "local");
        if SHARES_PROCESSORS.load(Ordering::Relaxed) {
            command.env("GOMAXPROCS", "1");
        }
        command.env_remove("RUST_BACKTRACE");
        command
    }

    /// The content of this workspace's `.state`, except for the cache.
    pub(crate) fn left_in_state(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(".state")).into_iter();
        let names = entries.flatten().flatten();
        names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name != ".cache")
            .collect()
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // By the definitions, because a test may have removed `.state`.
        let definitions = fs::read_dir(self.root.join("cluster")).into_iter();
        if self.root.join(".state").exists() {
            for definition in definitions.flatten().flatten() {
                let path = definition.path();
                if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                    self.run(&["destroy", name, "--yes"]);
                }
            }
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The folder of the workspaces of all runs.
fn folder() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The prefix of their names; the test process's ID follows.
const PREFIX: &str = "scratch-";

/// Ends the processes and removes the files that killed runs have left: members outlive the task
/// that started them. A lock protects this run from the next one. The returned value must be kept
/// until the end of this run.
pub(crate) fn remove_what_killed_runs_left() -> OfThisRun {
    let lock = |run: &str| {
        let path = folder().join(format!("{PREFIX}{run}.lock"));
        let lock = File::options().append(true).create(true).open(&path);
        (lock.unwrap(), path)
    };
    let (own, own_path) = lock(&std::process::id().to_string());
    own.lock().unwrap();
    for entry in folder().read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let run = entry.file_name().strip_prefix(PREFIX);
        let Some(run) = run.and_then(|run| run.split(['-', '.']).next()) else {
            continue;
        };
        let (lock, path) = lock(run);
        if lock.try_lock().is_err() {
            continue;
        }
        if entry.path().is_dir() {
            end_all_in(entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
        let _ = fs::remove_file(path);
    }
    OfThisRun {
        _lock: own,
        path: own_path,
    }
}

/// Shows other runs that this one is not over.
pub(crate) struct OfThisRun {
    _lock: File,
    path: Utf8PathBuf,
}

impl Drop for OfThisRun {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Kills every process that runs in a folder, which belongs to one test.
fn end_all_in(folder: &Utf8Path) {
    let runs_there = |id: &i32| {
        let current = fs::read_link(format!("/proc/{id}/cwd"));
        current.is_ok_and(|current| current.starts_with(folder))
    };
    let all = || xtask::process::all().into_iter().filter(runs_there);
    look_until(
        || {
            all()
                .filter(|&id| kill(Pid::from_raw(id), Signal::SIGKILL).is_ok())
                .count()
        },
        |left| *left == 0,
    );
}

/// The exit of a run, and its output.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts an exit status, and prints everything otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            Some(status),
            "{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}
