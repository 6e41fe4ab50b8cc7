//! Local clusters on difficult hosts, in difficult folders and under difficult callers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::local_support::{endpoint, is_healthy, one, processes, three, up, with_packaged};
use crate::render::in_own_network;
use crate::scratch::{Ran, Scratch};
use crate::support::{copy_programs, require_tool, write_program};

/// Runs a shell script in the workspace, with `$up`, `$xtask` and `$etcd` set.
fn sh(scratch: &Scratch, script: &str) -> Ran {
    let mut command = Command::new("setsid");
    require_tool("setsid", "util-linux");
    command
        .args(["--wait", "bash", "-c", script])
        .current_dir(scratch.root())
        .env("xtask", env!("CARGO_BIN_EXE_xtask"))
        .env("etcd", packaged())
        .stdin(Stdio::null());
    Ran::from(command.output().unwrap())
}

#[test]
fn taken_port_is_reported_with_its_process() {
    let scratch = Scratch::with("port", &one(51));
    let _listener = TcpListener::bind("127.79.51.101:2380").unwrap();
    let up = up(&scratch, "port").expect(5);
    let holder = format!(
        "error: `core-01` cannot use 127.79.51.101:2380: process {} (`",
        std::process::id()
    );
    assert!(up.stderr.contains(&holder), "{}", up.stderr);
    assert!(processes(&scratch, "port").is_empty());
}

/// In its own network namespace: in this one no other cluster could start meanwhile.
#[test]
fn port_taken_on_all_addresses_is_reported_in_namespaces() {
    let scratch = Scratch::with("port", &one(51));
    // It ends by itself if nobody ends it.
    let script = format!(
        "ip link set lo up || exit 99
        mkfifo listens
        /usr/bin/python3 -c 'import signal, socket
taken = socket.create_server((\"0.0.0.0\", 2380))
print(\"ready\", flush=True)
signal.alarm(60)
signal.pause()' >listens &
        read -r ready <listens
        echo holder $!
        '{}' up port --etcd-dir '{}'; echo up $?
        kill $!",
        env!("CARGO_BIN_EXE_xtask"),
        packaged()
    );
    let mut command = in_own_network(&mut scratch.command(&[]), &script);
    let ran = Ran::from(command.current_dir(scratch.root()).output().unwrap());
    let mut lines = ran.stdout.lines();
    let holder = lines.find_map(|line| line.strip_prefix("holder "));
    let fact = format!(
        "error: `core-01` cannot use 127.79.51.101:2380: process {} (`",
        holder.unwrap()
    );
    assert!(ran.stderr.contains(&fact), "{}", ran.stderr);
    assert!(ran.stdout.contains("up 5\n"), "{}", ran.stdout);
}

#[test]
fn other_workspace_on_the_same_addresses_is_reported() {
    let first = Scratch::with("same", &one(52));
    let other = Scratch::with("same", &one(52));
    up(&first, "same").expect(0);
    let refused = up(&other, "same").expect(5);
    let fact = format!(
        "error: cluster `same` in `{}` uses the addresses and ports of `core-01`\n",
        first.root()
    );
    assert!(refused.stderr.contains(&fact), "{}", refused.stderr);
    let hint = format!("`cd {} && cargo xtask down same`", first.root());
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);

    first.run(&["down", "same"]).expect(0);
    up(&other, "same").expect(0);
    assert!(processes(&first, "same").is_empty());
}

#[test]
fn callers_environment_does_not_reach_members() {
    let scratch = Scratch::with("leak", &one(53));
    let mut command = scratch.command(&[&["up", "leak"][..], &with_packaged()].concat());
    for (name, value) in [
        ("ETCD_NAME", "wrong"),
        ("ETCD_DATA_DIR", "/nonexistent"),
        ("ETCD_UNKNOWN", "wrong"),
        ("ETCDCTL_ENDPOINTS", "http://127.0.0.1:1"),
        ("ETCDCTL_API", "2"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("ALL_PROXY", "http://127.0.0.1:9"),
        ("LANG", "tr_TR.UTF-8"),
        ("TZ", "Asia/Kolkata"),
        ("TMPDIR", "/nonexistent"),
    ] {
        command.env(name, value);
    }
    Ran::from(command.env_remove("HOME").output().unwrap()).expect(0);
    let id = processes(&scratch, "leak")["core-01"];
    let environment = fs::read_to_string(format!("/proc/{id}/environ")).unwrap();
    let leaks = ["ETCD", "proxy", "PROXY"];
    for variable in environment.split('\0') {
        assert!(
            !leaks.iter().any(|leak| variable.contains(leak)),
            "{variable}"
        );
    }
    // It does not keep the caller's folder busy either.
    let folder = fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert!(
        folder.ends_with(".state/leak/members/core-01"),
        "{folder:?}"
    );
}

#[test]
fn readers_of_ups_output_wait_only_for_up() {
    let scratch = Scratch::with("pipe", &one(54));
    // Each of these hangs for as long as a member holds the other end.
    let ran = sh(
        &scratch,
        r#"set -e
        captured=$("$xtask" up pipe --timeout 5m --etcd-dir "$etcd" 2>/dev/null)
        "$xtask" down pipe 2>/dev/null
        "$xtask" up pipe --timeout 5m --etcd-dir "$etcd" 2>&1 | cat >/dev/null
        "$xtask" down pipe 2>/dev/null
        "$xtask" up pipe --timeout 5m --etcd-dir "$etcd" 3>&1 7>&1 >/dev/null 2>&1 | cat
        "$xtask" down pipe 2>/dev/null
        "$xtask" up pipe --timeout 5m --etcd-dir "$etcd" <&- >&- 2>&-
        echo "$captured" | tail -n 1"#,
    );
    let last = format!("pipe serves at {}\n", endpoint(54, 1));
    assert_eq!(ran.expect(0).stdout, last);
    assert_eq!(processes(&scratch, "pipe").len(), 1);
}

#[test]
fn members_ignore_a_terminal_hangup() {
    let scratch = Scratch::with("hangup", &one(55));
    // The shell leads its own session and ends with everything in its group.
    sh(
        &scratch,
        r#""$xtask" up hangup --timeout 5m --etcd-dir "$etcd" >/dev/null 2>&1; kill -HUP 0"#,
    );
    let members = processes(&scratch, "hangup");
    assert_eq!(members.len(), 1);
    for id in members.values() {
        kill(Pid::from_raw(*id), Signal::SIGHUP).unwrap();
    }
    is_healthy(&scratch, "hangup");
}

#[test]
fn workspace_works_anywhere_and_can_be_moved() {
    let scratch = Scratch::new();
    let first = scratch.root().join("a \"b\" c'd $e ö");
    let second = scratch.root().join("x".repeat(120));
    fs::create_dir_all(first.join("cluster")).unwrap();
    fs::write(first.join("cluster/moved.toml"), one(56)).unwrap();
    let bin = first.join("my etcd");
    fs::create_dir(&bin).unwrap();
    for name in ["etcd", "etcdctl"] {
        std::os::unix::fs::symlink(packaged().join(name), bin.join(name)).unwrap();
    }
    let run = |folder: &Utf8Path, arguments: &[&str]| {
        Ran::from(
            scratch
                .command(arguments)
                .current_dir(folder)
                .output()
                .unwrap(),
        )
    };
    let _end = OnDrop(|| {
        for folder in [&first, &second] {
            if folder.exists() {
                run(folder, &["destroy", "moved", "--yes"]);
            }
        }
    });
    // The folder is relative to the user's folder, and members run elsewhere.
    let up = ["up", "moved", "--etcd-dir", "./my etcd", "--timeout", "5m"];
    run(&first, &up).expect(0);

    // Moved while it runs: paths are outdated, but nothing is started twice.
    fs::rename(&first, &second).unwrap();
    let again = run(&second, &up).expect(0);
    assert_eq!(again.stderr.matches("already runs").count(), 1);
    run(&second, &["down", "moved"]).expect(0);

    // Moved while it is stopped, and reached by a symbolic link.
    fs::rename(&second, &first).unwrap();
    let link = scratch.root().join("link");
    std::os::unix::fs::symlink(&first, &link).unwrap();
    run(&link, &up).expect(0);
    let status = run(&first, &["status", "moved"]).expect(0);
    assert_eq!(
        status.stdout.matches("process ").count(),
        1,
        "{}",
        status.stdout
    );
}

#[test]
fn cluster_of_another_user_is_left_alone_as_root() {
    require_tool("setpriv", "util-linux");
    let scratch = Scratch::with("foreign", &one(57));
    up(&scratch, "foreign").expect(0);
    let before = processes(&scratch, "foreign");
    // All parent folders must be readable by others.
    let folder = Utf8Path::new("/tmp").join(format!("xtask-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let _end = OnDrop(|| drop(fs::remove_dir_all(&folder)));
    let built = Utf8Path::new(env!("CARGO_BIN_EXE_xtask"));
    copy_programs(built.parent().unwrap(), &folder, &["xtask"]);
    let xtask = folder.join("xtask");
    fs::set_permissions(scratch.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let lock = scratch.root().join(".state/foreign.lock");
    fs::set_permissions(lock, fs::Permissions::from_mode(0o666)).unwrap();
    let down = Command::new("setpriv")
        .args(["--reuid", "nobody", "--clear-groups", xtask.as_str()])
        .args(["down", "foreign"])
        .current_dir(scratch.root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let down = Ran::from(down).expect(6);
    assert!(
        down.stderr.contains("cannot be stopped: process"),
        "{}",
        down.stderr
    );
    assert!(
        down.stderr.contains("Operation not permitted"),
        "{}",
        down.stderr
    );
    assert_eq!(processes(&scratch, "foreign"), before);
}

#[test]
fn other_binaries_are_used_only_if_compatible() {
    let scratch = Scratch::with("binaries", &one(58));
    let bin = scratch.root().join("bin");
    fs::create_dir(&bin).unwrap();
    copy_programs(packaged(), &bin, &["etcd", "etcdctl"]);
    let up = |folder: &Utf8Path| {
        let with = ["--etcd-dir", folder.as_str(), "--timeout", "5m"];
        scratch.run(&[&["up", "binaries"][..], &with].concat())
    };
    up(&bin).expect(0);
    scratch.run(&["down", "binaries"]).expect(0);

    let newer = fake_etcd_that_only_tells_its_version(&scratch, "9.8.7");
    let refused = up(&newer).expect(7);
    assert!(refused.stderr.contains("holds 9.8.7"), "{}", refused.stderr);
    assert!(processes(&scratch, "binaries").is_empty());

    fs::set_permissions(bin.join("etcd"), fs::Permissions::from_mode(0o644)).unwrap();
    let broken = up(&bin).expect(5);
    assert!(
        broken.stderr.contains("etcd` cannot be run"),
        "{}",
        broken.stderr
    );

    // The recorded binaries are gone, but others of the same version exist.
    fs::remove_dir_all(&bin).unwrap();
    up(packaged()).expect(0);
    assert_eq!(processes(&scratch, "binaries").len(), 1);
}

#[test]
fn five_members_run() {
    let scratch = Scratch::with("size", &three(60).replace("members = 3", "members = 5"));
    up(&scratch, "size").expect(0);
    assert_eq!(processes(&scratch, "size").len(), 5);
    let down = scratch.run(&["down", "size"]).expect(0);
    assert_eq!(down.stderr.matches(": stopped\n").count(), 5);
}

#[test]
fn flags_unknown_to_the_stand_in_are_omitted_and_reported() {
    let definition =
        one(61) + "[etcd.flags]\nsnapshot-catchup-entries = \"5000\"\nsnapshot-count = \"5000\"\n";
    let scratch = Scratch::with("flags", &definition);
    let up = up(&scratch, "flags").expect(0);
    let id = processes(&scratch, "flags")["core-01"];
    let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap();
    assert!(line.contains("--snapshot-count=5000"), "{line}");
    let has = line.contains("--snapshot-catchup-entries=5000");
    let note = "note: the definition's flag `snapshot-catchup-entries` is left out";
    assert_ne!(up.stderr.contains(note), has, "{}", up.stderr);
}

#[test]
fn member_that_rejects_its_flags_is_quoted() {
    let definition = one(62) + "[etcd.flags]\nmax-wals = \"many\"\n";
    let scratch = Scratch::with("refused", &definition);
    let up = up(&scratch, "refused").expect(6);
    let quoted = "error: `core-01` exited while starting\n\
        note: its log says: invalid value \"many\" for flag -max-wals: ";
    assert!(up.stderr.contains(quoted), "{}", up.stderr);
    let hints = "hint: correct the flag in the definition\n\
        hint: then start the members that do not run: `cargo xtask up refused`\n";
    assert!(up.stderr.ends_with(hints), "{}", up.stderr);
}

#[test]
fn recipe_of_2015_runs_and_serves_fleets_api() {
    let recipe = crate::support::project().join("cluster/coreos-2015.toml");
    let scratch = Scratch::new();
    let recipe = fs::read_to_string(recipe).unwrap();
    scratch.define("recipe", &recipe.replace("172.17.8", "172.30.99"));
    let up = up(&scratch, "recipe").expect(0);
    let keys = minreq::get("http://127.30.99.101:2379/v2/keys/").with_timeout(5);
    assert_eq!(keys.send().unwrap().status_code, 200);
    let env = scratch.run(&["env", "recipe"]).expect(0).stdout;
    let endpoint = "export FLEETCTL_ENDPOINT=http://127.30.99.101:2379\n";
    assert!(env.contains(endpoint), "{env}");

    // A shell can run the hint of `up`. Without `--quorum` a lagging member may answer.
    let hint = "hint: use it: `e=$(cargo xtask env recipe) && eval \"$e\"`, then `etcdctl set greeting hello`";
    assert!(up.stderr.contains(hint), "{}", up.stderr);
    let script =
        "eval \"$(\"$xtask\" env recipe)\" && etcdctl set greeting hello && etcdctl ls --quorum /";
    assert_eq!(sh(&scratch, script).expect(0).stdout, "hello\n/greeting\n");
}

/// A folder with scripts that report this version of etcd and do nothing else.
fn fake_etcd_that_only_tells_its_version(scratch: &Scratch, version: &str) -> Utf8PathBuf {
    let folder = scratch.root().join("newer");
    fs::create_dir(&folder).unwrap();
    for (name, words) in [("etcd", "etcd Version:"), ("etcdctl", "etcdctl version:")] {
        let text = format!("#!/bin/sh\necho '{words} {version}'\n");
        write_program(&folder.join(name), &text);
    }
    folder
}

/// Runs a closure at the end of a test, whatever its result.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
