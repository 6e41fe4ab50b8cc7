//! Helpers for tests of local clusters.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xtask::process::is_halted;

use crate::etcd_binaries::packaged;
use crate::scratch::{Ran, Scratch};
use crate::support::{look_until, program};

/// A definition of three members on this test's network.
pub(crate) fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.79.{network}.0/24\"\n")
}

/// A definition of one member on this test's network, for tests that need no quorum.
pub(crate) fn one(network: u8) -> String {
    three(network).replace("members = 3", "members = 1")
}

/// The endpoint of a local member, by its number.
pub(crate) fn endpoint(network: u8, member: u8) -> String {
    format!("http://127.79.{network}.{}:2379", 100 + member)
}

/// Halts a process, and waits until it is: it may be busy with something that it finishes first.
#[track_caller]
pub(crate) fn halt(id: i32) {
    kill(Pid::from_raw(id), Signal::SIGSTOP).unwrap();
    assert!(look_until(|| is_halted(id), |halted| *halted));
}

/// `up` with the distribution's etcd, which all these tests use.
pub(crate) fn up(scratch: &Scratch, name: &str) -> Ran {
    scratch.run(&[&["up", name][..], &with_packaged()].concat())
}

/// A folder with an etcd that first runs this script, in a child of the shell that started it, and
/// then becomes the real etcd. It reports its version at once.
pub(crate) fn etcd_that_first(scratch: &Scratch, does: &str) -> Utf8PathBuf {
    let folder = scratch.root().join("bin");
    fs::create_dir_all(&folder).unwrap();
    for program in ["etcd", "etcdctl"] {
        let real = packaged().join(program);
        let first = if program == "etcd" { does } else { "" };
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *data-dir*) {first} ;; esac\nexec '{real}' \"$@\"\n"
        );
        let path = folder.join(program);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Asserts that `verify` finds a cluster healthy within a minute.
#[track_caller]
pub(crate) fn is_healthy(scratch: &Scratch, name: &str) -> Ran {
    scratch.run(&["verify", name, "--wait", "60s"]).expect(0)
}

/// The arguments of `up` for the distribution's etcd, which may need minutes on a busy host.
pub(crate) fn with_packaged() -> [&'static str; 4] {
    ["--etcd-dir", packaged().as_str(), "--timeout", "5m"]
}

/// Repeats a failing `up` until it has printed all of this: a member that exits late is reported by
/// a later one.
#[track_caller]
pub(crate) fn fails_until_it_has_said(up: impl Fn() -> Ran, facts: &[String]) {
    let mut said = String::new();
    for _ in 0..20 {
        said += &up().expect(6).stderr;
        if facts.iter().all(|fact| said.contains(fact)) {
            return;
        }
    }
    panic!("not all of {facts:#?} in {said}");
}

/// The processes of a cluster's members by name, from the system and not from the program.
pub(crate) fn processes(scratch: &Scratch, name: &str) -> BTreeMap<String, i32> {
    let members = scratch.root().join(format!(".state/{name}/members/"));
    let mut found = BTreeMap::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        let folder = format!("--data-dir={members}");
        let Some(member) = line.split('\0').find_map(|word| word.strip_prefix(&folder)) else {
            continue;
        };
        // Not etcdctl, which may be restoring data beside it.
        let Some(member) = member.strip_suffix("/data").map(str::to_owned) else {
            continue;
        };
        let id: i32 = process.file_name().to_str().unwrap().parse().unwrap();
        let other = found.insert(member, id);
        assert_eq!(other, None, "two processes on one folder: {line:?}");
    }
    found
}

/// Whether a process is running; a zombie has no command line.
pub(crate) fn runs(id: i32) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Runs etcdctl as the task does, with enough time and a second try: an election may be under way.
pub(crate) fn etcdctl(scratch: &Scratch, name: &str, words: &[&str]) -> Ran {
    let first = ["etcdctl", "--cluster", name, "--", "--command-timeout=60s"];
    let all = [&first[..], words].concat();
    let ran = scratch.run(&all);
    if ran.status == Some(0) {
        return ran;
    }
    scratch.run(&all)
}

pub(crate) fn put(scratch: &Scratch, name: &str, key: &str, value: &str) {
    etcdctl(scratch, name, &["put", key, value]).expect(0);
}

pub(crate) fn get(scratch: &Scratch, name: &str, key: &str) -> String {
    etcdctl(scratch, name, &["get", key, "--print-value-only"])
        .expect(0)
        .stdout
}

/// The cluster ID that the running members report, as decimal text.
pub(crate) fn running_cluster_id(scratch: &Scratch, name: &str) -> String {
    let status = etcdctl(scratch, name, &["endpoint", "status", "-w", "json"]).expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let ids: Vec<String> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Status"]["header"]["cluster_id"].to_string())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    ids[0].clone()
}

pub(crate) fn predicted_cluster_id(scratch: &Scratch, name: &str) -> String {
    let identity = scratch
        .run(&["identity", name, "--driver", "local", "--format", "json"])
        .expect(0);
    let identity: serde_json::Value = serde_json::from_str(&identity.stdout).unwrap();
    identity["cluster_id_decimal"].as_str().unwrap().to_owned()
}

/// A running `up`.
pub(crate) fn begin_up(scratch: &Scratch, name: &str) -> Child {
    begin(scratch, &[&["up", name][..], &with_packaged()].concat())
}

/// A running program with these arguments.
pub(crate) fn begin(scratch: &Scratch, arguments: &[&str]) -> Child {
    scratch
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for its end.
pub(crate) fn end(child: Child) -> Ran {
    Ran::from(child.wait_with_output().unwrap())
}

/// A running cluster `cut` whose etcdctl waits once this command has succeeded.
pub(crate) fn that_stops_after(command: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with("cut", definition);
    let bin = scratch.root().join("bin");
    program(
        &bin.join("etcd"),
        &format!("exec '{}/etcd' \"$@\"", packaged()),
    );
    let script = format!(
        "root='{}'\n'{}/etcdctl' \"$@\" || exit\n\
         case \"$*\" in *'{command}'*) touch \"$root/waits\"\n\
         while [ -d \"$root\" ] && [ ! -e \"$root/go\" ]; do sleep 0.05; done ;; esac",
        scratch.root(),
        packaged()
    );
    program(&bin.join("etcdctl"), &script);
    let up = ["up", "cut", "--etcd-dir", bin.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    put(&scratch, "cut", "greeting", "hello");
    scratch
}
