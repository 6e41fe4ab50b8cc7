//! The tasks that look at, use and stop a cluster, on real clusters.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::local_support;
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;

/// A definition of three members on this test's network.
pub(crate) fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.78.{network}.0/24\"\n")
}

/// A definition of one member, for tests that need no quorum.
pub(crate) fn one(network: u8) -> String {
    three(network).replace("members = 3", "members = 1")
}

/// A workspace with a running cluster.
pub(crate) fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name);
    scratch
}

pub(crate) fn up(scratch: &Scratch, name: &str) {
    local_support::up(scratch, name).expect(0);
}

pub(crate) fn status(scratch: &Scratch, name: &str) -> Value {
    let ran = scratch.run(&["status", name, "--format", "json"]).expect(0);
    assert_eq!(ran.stderr, "");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Whether all members answer and agree on the leader.
fn all_answer(seen: &Value) -> bool {
    let members = seen["members"].as_array().unwrap();
    members.iter().all(|member| member["answers"] == true) && seen["leader"].is_string()
}

/// Kills a member that `status` shows as running.
pub(crate) fn kill_member(scratch: &Scratch, name: &str, member: &str) {
    signal_member(scratch, name, member, Signal::SIGKILL);
}

/// Sends a signal to a member that `status` shows as running.
pub(crate) fn signal_member(scratch: &Scratch, name: &str, member: &str, signal: Signal) {
    let seen = status(scratch, name);
    let members = seen["members"].as_array().unwrap();
    let runs_as = members.iter().find(|one| one["name"] == member).unwrap()["runs_as"]
        .as_str()
        .unwrap();
    // The text after the number shows whether it is halted.
    let id = runs_as.strip_prefix("process ").unwrap();
    let id = id.split(',').next().unwrap().parse().unwrap();
    kill(Pid::from_raw(id), signal).unwrap();
}

/// The table, with values that differ between runs replaced.
fn table(scratch: &Scratch, name: &str) -> Ran {
    let mut ran = scratch.run(&["status", name]).expect(0);
    let words = ran.stdout.lines().map(|line| {
        let mut number = false;
        let words = line.split_whitespace().map(|word| {
            let was = std::mem::replace(&mut number, word == "process");
            let digits = word.chars().all(|c| c.is_ascii_digit());
            if was || digits || word.starts_with("3.") {
                "#"
            } else {
                word
            }
        });
        words.collect::<Vec<_>>().join(" ")
    });
    let mut words: Vec<String> = words.collect();
    // Any member may be the leader.
    for word in &mut words {
        *word = word
            .replace(" leader ", " ROLE ")
            .replace(" follower ", " ROLE ");
    }
    ran.stdout = words.join("\n") + "\n";
    ran
}

#[test]
fn status_shows_running_killed_and_stopped_members() {
    let scratch = started("seen", &three(1));

    let seen = look_until(|| status(&scratch, "seen"), all_answer);
    assert_eq!(
        (
            &seen["format"],
            &seen["cluster"],
            &seen["driver"],
            &seen["running"]
        ),
        (&1.into(), &"seen".into(), &"local".into(), &3.into())
    );
    let members = seen["members"].as_array().unwrap();
    assert_eq!(members[0]["name"], "core-01");
    assert_eq!(members[0]["endpoint"], "http://127.78.1.101:2379");
    for member in members {
        assert_eq!(member["condition"], "running");
        assert_eq!(member["answers"], true);
        assert_eq!(member["version"], seen["running_version"]);
        assert!(member["database_size_bytes"].as_u64().unwrap() > 0);
        let leads = member["name"] == seen["leader"];
        assert_eq!(member["role"], if leads { "leader" } else { "follower" });
    }
    let ran = look_until(
        || table(&scratch, "seen"),
        // One of them is the heading.
        |ran| ran.stdout.matches(" ROLE ").count() == 4,
    );
    assert_eq!(ran.stderr, "");
    expect![[r#"
        MEMBER CLIENT URL RUNS AS ETCD ROLE TERM
        core-01 http://127.78.1.101:2379 process # # ROLE #
        core-02 http://127.78.1.102:2379 process # # ROLE #
        core-03 http://127.78.1.103:2379 process # # ROLE #
    "#]]
    .assert_eq(&ran.stdout);

    kill_member(&scratch, "seen", "core-02");
    let seen = look_until(
        || status(&scratch, "seen"),
        |seen| seen["members"][1]["condition"] == "stopped",
    );
    assert_eq!(seen["running"], 2);
    let killed = &seen["members"][1];
    assert_eq!(killed["condition"], "stopped");
    assert_eq!(killed["answers"], false);
    assert_eq!(killed["role"], Value::Null);
    assert!(killed["error"].as_str().unwrap().contains("refused"));
    let ran = table(&scratch, "seen");
    assert_eq!(ran.stderr, "");
    assert_eq!(
        ran.stdout.lines().nth(2),
        Some("core-02 http://127.78.1.102:2379 stopped - - -")
    );

    scratch.run(&["down", "seen"]).expect(0);
    let ran = table(&scratch, "seen");
    assert_eq!(ran.stderr, "hint: start it: `cargo xtask up seen`\n");
    expect![[r#"
        MEMBER CLIENT URL RUNS AS ETCD ROLE TERM DATABASE
        core-01 http://127.78.1.101:2379 stopped - - - -
        core-02 http://127.78.1.102:2379 stopped - - - -
        core-03 http://127.78.1.103:2379 stopped - - - -
    "#]]
    .assert_eq(&ran.stdout);
    assert_eq!(status(&scratch, "seen")["leader"], Value::Null);
}

#[test]
fn stopping_a_cluster_twice_is_no_error() {
    let scratch = started("ended", &one(2));
    let down = scratch.run(&["down", "ended"]).expect(0);
    assert_eq!(down.stdout, "");
    let last_lines = "ended: 1 member stopped, its data is kept\n\
        hint: start it again: `cargo xtask up ended`\n\
        hint: or remove it with its data: `cargo xtask destroy ended`\n";
    assert!(down.stderr.ends_with(last_lines), "{}", down.stderr);

    let again = scratch.run(&["down", "ended"]).expect(0);
    assert_eq!(
        again.stderr,
        "ended was not running; its data is kept\n\
         hint: start it again: `cargo xtask up ended`\n\
        hint: or remove it with its data: `cargo xtask destroy ended`\n"
    );

    let unasked = scratch.run(&["destroy", "ended"]).expect(2);
    assert_eq!(
        unasked.stderr,
        "error: cannot ask for confirmation: standard input is not a terminal\n\
         note: a destroyed cluster's data can be restored only from a backup\n\
         hint: if you are sure: `cargo xtask destroy ended --yes`\n"
    );
    let member = scratch.run(&["logs", "-c", "ended", "core-09"]).expect(2);
    assert_eq!(
        member.stderr,
        "error: cluster `ended` has no member `core-09`\n\
         hint: its members are `core-01`\n"
    );
    let elsewhere = scratch.run(&["destroy", "other", "--yes"]).expect(0);
    assert_eq!(
        elsewhere.stderr,
        "nothing to destroy: cluster `other` has not been started\n\
         hint: started clusters: `ended`\n"
    );

    let destroyed = scratch.run(&["destroy", "ended", "--yes"]).expect(0);
    assert_eq!(
        (destroyed.stdout.as_str(), destroyed.stderr.as_str()),
        ("", "ended is destroyed\n")
    );
    let again = scratch.run(&["destroy", "ended", "--yes"]).expect(0);
    assert_eq!(
        again.stderr,
        "nothing to destroy: cluster `ended` has not been started\n"
    );
}

/// How long to wait for a line.
const LINE: Duration = Duration::from_secs(120);

/// The lines of an output, as they come.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || {
        let output = BufReader::new(output);
        // Fails only if nobody reads any more.
        output.lines().try_for_each(|line| tell.send(line.unwrap()))
    });
    lines
}

/// A program whose output is read line by line.
pub(crate) struct Follower {
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn of(scratch: &Scratch, arguments: &[&str]) -> Self {
        Self::follow(&mut scratch.command(arguments))
    }

    pub(crate) fn follow(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let lines = lines(stdout);
        Self { child, lines }
    }

    /// Follows its messages instead of its results.
    pub(crate) fn errors(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let lines = lines(stderr);
        Self { child, lines }
    }

    /// The next line, which must arrive in time.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        let line = self.lines.recv_timeout(LINE);
        line.unwrap_or_else(|error| panic!("no other line came: {error}"))
    }

    /// Reads until a line contains this, which must arrive in time.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + LINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("no line came with {text:?}: {error}"),
            }
        }
    }

    /// Ends it by a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

#[test]
fn logs_are_followed_across_a_restart_until_ctrl_c() {
    let scratch = started("told", &one(3));
    let follower = Follower::of(
        &scratch,
        &["logs", "-c", "told", "core-01", "-f", "-n", "1"],
    );
    // One earlier line.
    follower.next();
    kill_member(&scratch, "told", "core-01");
    up(&scratch, "told");
    follower.wait_for("starting etcd server");
    follower.signal(Signal::SIGINT);
    let ended = follower.child.wait_with_output().unwrap();
    use std::os::unix::process::ExitStatusExt;
    // A shell reports this as 130.
    assert_eq!(ended.status.signal(), Some(Signal::SIGINT as i32));
    assert_eq!(ended.stderr, b"");

    // It ends by itself if there is nothing left to follow.
    let follower = Follower::of(
        &scratch,
        &["logs", "-c", "told", "core-01", "-f", "-n", "1"],
    );
    follower.next();
    scratch.run(&["destroy", "told", "--yes"]).expect(0);
    let ended = Ran::from(follower.child.wait_with_output().unwrap()).expect(0);
    assert_eq!(
        ended.stderr,
        "core-01: the log is gone, probably removed by `cargo xtask destroy told`\n"
    );
}

/// A workspace with the record of a cluster and, as the log of one member, this text.
fn with_log(network: u8, log: &[u8]) -> Scratch {
    let scratch = started("text", &one(network));
    scratch.run(&["down", "text"]).expect(0);
    fs::write(log_of(&scratch), log).unwrap();
    scratch
}

fn log_of(scratch: &Scratch) -> camino::Utf8PathBuf {
    scratch.root().join(".state/text/members/core-01/etcd.log")
}

#[test]
fn logs_show_the_last_lines() {
    let scratch = with_log(4, b"");
    let log = log_of(&scratch);
    let tail = |count: &str| {
        scratch
            .run(&["logs", "-c", "text", "core-01", "-n", count])
            .expect(0)
            .stdout
    };
    let long = "x".repeat(150_000);
    let texts = [
        String::new(),
        "\n".to_owned(),
        "one".to_owned(),
        "one\n".to_owned(),
        "one\ntwo".to_owned(),
        "one\n\n\ntwo\n".to_owned(),
        format!("one\n{long}\ntwo\n{long}"),
        // A newline at each end of a block that is read at once.
        format!("{}\n{}\n", "y".repeat(65_535), "z".repeat(65_535)),
    ];
    for text in texts {
        fs::write(&log, &text).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for count in [0, 1, 2, 3, 100] {
            let wanted = lines[lines.len().saturating_sub(count)..].concat();
            assert!(
                tail(&count.to_string()) == wanted,
                "{count} lines of {} bytes",
                text.len()
            );
        }
    }

    // A sparse file of ten gigabytes: reading it would take minutes, and holding it more memory
    // than there is.
    let mut file = fs::File::options().write(true).open(&log).unwrap();
    file.set_len(10 << 30).unwrap();
    drop(file);
    file = fs::File::options().append(true).open(&log).unwrap();
    file.write_all(b"\nthe end\n").unwrap();
    assert_eq!(tail("1"), "the end\n");

    fs::remove_file(&log).unwrap();
    let none = scratch.run(&["logs", "-c", "text", "core-01"]).expect(4);
    assert_eq!(
        none.stderr,
        format!(
            "error: `core-01` has no log\n\
             note: `{log}` is created when the member first starts, and removed with its \
             folder\n\
             hint: see the member's status: `cargo xtask status text`\n"
        )
    );
}

#[test]
fn following_a_log_ends_when_the_reader_is_gone() {
    let scratch = with_log(5, b"one\ntwo\nthree\n");
    let script = format!(
        "set -o pipefail; {} logs -c text core-01 -f | head -1; echo $?",
        env!("CARGO_BIN_EXE_xtask")
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(scratch.root())
        .output()
        .unwrap();
    let ran = Ran::from(output).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("one\n0\n", ""));
}

#[test]
fn closed_pipe_is_no_error() {
    let scratch = started("piped", &one(8));
    let tasks = [
        "status piped",
        "status piped --format json",
        "status piped --watch",
        "status piped --watch --format json",
        "verify piped --wait 60s",
        "verify piped --wait 60s --format json",
        "env piped",
        "logs -c piped core-01",
        "up piped --timeout 5m",
    ];
    for task in tasks {
        let script = format!(
            "set -o pipefail; {} {task} | true; echo $?",
            env!("CARGO_BIN_EXE_xtask")
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(scratch.root())
            .output()
            .unwrap();
        let ran = Ran::from(output).expect(0);
        assert_eq!(ran.stdout, "0\n", "{task}\n{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{task}\n{}", ran.stderr);
    }
}

#[test]
fn env_works_in_every_shell_and_workspace() {
    let scratch = started("odd", &three(6));
    // The same cluster, from a workspace whose path needs quoting in a shell.
    let odd = scratch.root().join("it's a \"$HOME\" `id`; *");
    fs::create_dir_all(odd.join("cluster")).unwrap();
    fs::create_dir_all(odd.join(".state/odd/bin")).unwrap();
    for tool in ["etcd", "etcdctl"] {
        let place = odd.join(".state/odd/bin").join(tool);
        std::os::unix::fs::symlink(packaged().join(tool), place).unwrap();
    }
    let record = fs::read_to_string(scratch.root().join(".state/odd/cluster.json")).unwrap();
    let mut record: Value = serde_json::from_str(&record).unwrap();
    for tool in ["etcd", "etcdctl"] {
        record["etcd"][tool] = odd.join(".state/odd/bin").join(tool).as_str().into();
    }
    fs::write(odd.join(".state/odd/cluster.json"), record.to_string()).unwrap();

    let script = format!(
        "set -eu; eval \"$({} env odd)\"; command -v etcdctl; \
         etcdctl --command-timeout=60s put from shell; \
         echo \"$ETCDCTL_ENDPOINTS ${{FLEETCTL_ENDPOINT-unset}} ${{ETCDCTL_API-unset}}\"",
        env!("CARGO_BIN_EXE_xtask")
    );
    for shell in ["sh", "dash", "bash"] {
        let output = Command::new(shell)
            .args(["-c", &script])
            .current_dir(&odd)
            // A leftover of another cluster.
            .env("FLEETCTL_ENDPOINT", "http://127.0.0.1:1")
            .env("ETCDCTL_API", "2")
            .output()
            .unwrap();
        let ran = Ran::from(output).expect(0);
        let endpoints = [101, 102, 103].map(|host| format!("http://127.78.6.{host}:2379"));
        assert_eq!(
            ran.stdout,
            format!(
                "{}/.state/odd/bin/etcdctl\nOK\n{} unset unset\n",
                odd,
                endpoints.join(",")
            ),
            "{shell}"
        );
    }
    let from = scratch.run(&["etcdctl", "-c", "odd", "--", "get", "from"]);
    assert_eq!(from.expect(0).stdout, "from\nshell\n");
    fs::remove_dir_all(&odd).unwrap();
}

#[test]
fn etcdctl_gets_all_arguments_and_returns_its_status() {
    let scratch = started("words", &one(7));
    let etcdctl = |words: &[&str]| scratch.run(&[&["etcdctl", "-c", "words"], words].concat());
    // An election may be under way.
    let succeeds = |words: &[&str]| {
        let ran = look_until(|| etcdctl(words), |ran| ran.status == Some(0));
        ran.expect(0)
    };
    let put = succeeds(&["put", "a key", "--", "--value"]);
    assert_eq!(put.stdout, "OK\n");
    let get = succeeds(&["get", "a key", "--print-value-only"]);
    assert_eq!(get.stdout, "--value\n");
    let get = succeeds(&["--", "--write-out=simple", "get", "a key"]);
    assert_eq!(get.stdout, "a key\n--value\n");
    // A flag of etcdctl that this task has as well.
    let all = succeeds(&["endpoint", "health", "--cluster"]);
    assert_eq!((all.stdout + &all.stderr).matches("is healthy").count(), 1);
    let failed = etcdctl(&[
        "get",
        "a",
        "--dial-timeout=1s",
        "--endpoints=http://127.78.7.9:1",
    ]);
    assert_eq!(failed.status, Some(1), "{}", failed.stderr);
}

#[test]
fn list_shows_every_cluster_of_the_checkout() {
    let scratch = started("running", &three(67));
    scratch.define("idle", "members = 3\n");
    scratch.define("gone", &one(68));
    up(&scratch, "gone");
    scratch.run(&["down", "gone"]).expect(0);
    fs::remove_file(scratch.root().join("cluster/gone.toml")).unwrap();
    scratch.define("wrong", "members = ");
    let listed = || {
        let ran = scratch.run(&["list", "--format", "json"]).expect(0);
        assert_eq!(ran.stderr, "");
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    // An election may be under way.
    let document = look_until(listed, |seen| seen["clusters"][2]["leader"].is_string());
    let [gone, idle, running] = [0, 1, 2].map(|at| &document["clusters"][at]);
    let leader = running["leader"].as_str().unwrap();
    let ran = scratch.run(&["list"]).expect(0);
    expect![[r"
        CLUSTER  RUNNING      LEADER   DRIVER  ENDPOINTS
        gone     0 of 1       -        local   http://127.78.68.101:2379
        idle     not started  -        -       -
        running  3 of 3       core-0#  local   http://127.78.67.101:2379,…
        wrong    has errors   -        -       -
    "]]
    .assert_eq(&ran.stdout.replace(leader, "core-0#"));
    expect![[r"
        hint: the definition of `gone` is gone; restore it, or remove what is left: `cargo xtask destroy gone`
        hint: the definition of `wrong` has errors: `cargo xtask render wrong --check`
    "]]
    .assert_eq(&ran.stderr);
    let is = |cluster: &Value| (cluster["defined"].clone(), cluster["started"].clone());
    assert_eq!(is(gone), (false.into(), true.into()));
    assert_eq!(is(idle), (true.into(), false.into()));
    assert_eq!(running["running"], 3);
    assert_eq!(running["endpoints"].as_array().unwrap().len(), 3);

    // A cluster that cannot be looked at hides no other.
    fs::write(scratch.root().join(".state/gone/cluster.json"), "{").unwrap();
    let ran = scratch.run(&["list"]).expect(4);
    assert!(ran.stdout.contains("gone     unknown "), "{}", ran.stdout);
    assert!(ran.stdout.contains("running  3 of 3 "), "{}", ran.stdout);
    assert!(ran.stderr.contains("it ends too early"), "{}", ran.stderr);

    let ran = scratch.run(&["verify", "idle"]).expect(4);
    expect![[r"
        error: cluster `idle` has not been started
        hint: start it: `cargo xtask up idle`
        hint: started clusters: `gone` and `running`; see all: `cargo xtask list`
    "]]
    .assert_eq(&ran.stderr);
}
