//! Running programs: their ends, their output, and programs that outlive us.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};
use test_attribute::test;
use xshell::{Shell, cmd};
use xtask::process::{self, Ending, Finished};

use crate::loopback_server::{Answer, Server};
use crate::scratch::{Ran, Scratch};

/// Longer than anything in these tests takes.
const LONG: Duration = Duration::from_secs(60);

/// Whether a process ends within this time. A zombie has no command line.
fn is_gone_within(pid: i32, patience: Duration) -> bool {
    let begun = Instant::now();
    while process::command_line(pid).is_some() {
        if begun.elapsed() > patience {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    true
}

fn sh(script: &str, deadline: Duration) -> Finished {
    let shell = Shell::new().unwrap();
    process::run(cmd!(shell, "sh -c {script}"), deadline)
}

#[test]
fn background_program_delays_nothing() {
    let finished = sh("sleep 1000 & echo $!", LONG);
    let left = Pid::from_raw(finished.stdout.trim().parse().unwrap());
    kill(left, Signal::SIGKILL).expect("it was left alone");
    assert_eq!(finished.ending, Ending::Exited(0));
}

#[test]
fn piped_programs_both_report_how_they_ended() {
    let shell = Shell::new().unwrap();
    let (from, to) = (cmd!(shell, "seq 100000"), cmd!(shell, "tail -n 1"));
    let [sent, received] = process::run_piped(from, to, LONG).unwrap();
    assert!(sent.success());
    assert_eq!(received.stdout, "100000\n");

    let (from, to) = (cmd!(shell, "yes"), cmd!(shell, "sh -c 'exit 3'"));
    let [sent, received] = process::run_piped(from, to, LONG).unwrap();
    assert_eq!(sent.ending, Ending::Signalled(Signal::SIGPIPE as i32));
    assert_eq!(received.ending, Ending::Exited(3));
}

#[test]
fn tethered_program_ends_with_its_guard() {
    let shell = Shell::new().unwrap();
    // Without `exec`: a program has no command line for a moment while it is executed.
    let script = "echo ready; sleep 1000; :";
    let program = process::tether(cmd!(shell, "sh -c {script}"), LONG).unwrap();
    let children = fs::read_to_string("/proc/thread-self/children").unwrap();
    let pid = children.split_whitespace().next().unwrap().parse().unwrap();
    assert!(process::command_line(pid).is_some());
    drop(program);
    assert!(is_gone_within(pid, LONG));

    let script = "echo 'no way' >&2; exit 4";
    let failed = process::tether(cmd!(shell, "sh -c {script}"), LONG).unwrap_err();
    assert_eq!(failed.ending, Ending::Exited(4));
    assert_eq!(failed.last_lines(1), "no way");
}

#[test]
fn deadline_ends_a_program_and_its_children() {
    let deadline = Duration::from_secs(3);
    let finished = sh("sleep 1000 & echo $!; wait", deadline);
    assert_eq!(finished.ending, Ending::Deadline(deadline));
    let started = finished.stdout.trim().parse().unwrap();
    assert!(is_gone_within(started, LONG));
}

#[test]
fn program_goes_on_as_long_as_it_may() {
    let shell = Shell::new().unwrap();
    let time = Duration::from_millis(20);
    let mut asked = 0;
    let mut thrice = || {
        asked += 1;
        asked < 3
    };
    let ended = process::run_while(cmd!(shell, "sleep 1000"), time, &mut thrice);
    assert_eq!((ended.ending, asked), (Ending::Deadline(time), 3));
    let line = "sleep 0.2; echo done";
    let ended = process::run_while(cmd!(shell, "sh -c {line}"), time, &mut || true);
    assert_eq!(ended.stdout, "done\n");
}

#[test]
fn program_that_ignores_sigterm_is_killed() {
    let script = "trap '' TERM; echo $$; while :; do sleep 1; done";
    let deadline = Duration::from_secs(3);
    let finished = sh(script, deadline);
    assert_eq!(finished.ending, Ending::Deadline(deadline));
    let stubborn = finished.stdout.trim().parse().unwrap();
    assert!(is_gone_within(stubborn, LONG));
}

#[test]
fn end_of_endless_output_is_kept() {
    let finished = sh(
        "head -c 50000000 /dev/zero | tr '\\0' a; echo; echo end",
        LONG,
    );
    assert_eq!(finished.ending, Ending::Exited(0));
    assert_eq!(finished.stdout.len(), 16 << 20);
    assert!(finished.stdout.ends_with("a\nend\n"));
}

#[test]
fn endings_are_described() {
    let shell = Shell::new().unwrap();
    let ending = |script: &str| sh(script, LONG).ending();
    assert_eq!(ending("exit 3"), "exited with status 3");
    assert_eq!(ending("kill -SEGV $$"), "was killed by SIGSEGV");
    let run = |program: &str| process::run(shell.cmd(program), LONG);
    assert!(run("no-such-program").not_found());
    assert_eq!(
        run("no-such-program").ending(),
        "was not found on this host"
    );
    assert_eq!(
        run("/etc/passwd").ending(),
        "could not be started: permission denied"
    );
}

#[test]
fn last_lines_come_from_standard_error() {
    let finished = sh("echo out; echo one >&2; echo two >&2; echo three >&2", LONG);
    assert_eq!(finished.last_lines(2), "two\nthree");
    assert_eq!(sh("echo one; echo two", LONG).last_lines(1), "two");
    assert_eq!(sh("true", LONG).last_lines(1), "");
}

#[test]
fn secrets_are_not_pasted() {
    let shell = Shell::new().unwrap();
    let command = cmd!(shell, "false")
        .env("ETCDCTL_API", "3")
        .env("ETCDCTL_USER", "root:s3cret")
        .env("ETCDCTL_PASSWORD", "s3cret");
    assert_eq!(process::run(command, LONG).command, "ETCDCTL_API=3 false");
}

#[test]
fn any_command_line_can_be_pasted() {
    let shell = Shell::new().unwrap();
    let words = [
        "",
        "a b",
        "it's",
        "$HOME",
        "`id`",
        "a\nb",
        "*",
        "--flag=x y",
        "é",
        "~",
        "#",
        "a\\b",
    ];
    let command = shell
        .cmd("printf")
        .arg("%s|")
        .args(words)
        .env("VARIABLE", "a 'b'");
    let finished = process::run(command, LONG);
    assert!(
        finished
            .command
            .starts_with(r"VARIABLE='a '\''b'\''' printf '%s|'")
    );
    assert_eq!(sh(&finished.command, LONG).stdout, finished.stdout);
    assert_eq!(
        finished.stdout,
        words.map(|word| format!("{word}|")).concat()
    );
}

#[test]
fn detached_program_is_recorded_and_survives_a_hangup() {
    let scratch = Scratch::new();
    let detached = Outliving::new(&scratch, "sh", &["-c", "echo begun; exec sleep 1000"]);
    let pid = detached.id();
    wait_until(|| detached.log() == "begun\n");
    let file = fs::read_to_string(scratch.root().join("pid")).unwrap();
    assert_eq!(file, format!("{pid}\n"));
    wait_until(|| process::command_line(pid) == Some(vec!["sleep".to_owned(), "1000".to_owned()]));
    process::signal(pid, Signal::SIGHUP).unwrap();
    // Its own group: Ctrl-C on our terminal does not reach it.
    assert_eq!(getpgid(Some(Pid::from_raw(pid))), Ok(Pid::from_raw(pid)));
    assert!(process::command_line(pid).is_some());

    process::signal(pid, Signal::SIGTERM).unwrap();
    assert!(is_gone_within(pid, LONG), "a zombie is not alive");
    assert_eq!(process::command_line(pid), None);
    let mut detached = detached;
    assert_eq!(detached.end(), Ending::Signalled(Signal::SIGTERM as i32));
}

#[test]
fn log_of_a_detached_program_is_appended_to() {
    let scratch = Scratch::new();
    let script = "echo first; echo second >&2";
    let mut detached = Outliving::new(&scratch, "sh", &["-c", script]);
    assert_eq!(detached.end(), Ending::Exited(0));
    let mut again = Outliving::new(&scratch, "echo", &["third"]);
    assert_eq!(again.end(), Ending::Exited(0));
    assert_eq!(again.log(), "first\nsecond\nthird\n");
}

#[test]
fn missing_detached_program_is_reported_in_its_log() {
    let scratch = Scratch::new();
    let mut detached = Outliving::new(&scratch, "no-such-program", &[]);
    assert_eq!(detached.end(), Ending::Exited(127));
    let log = detached.log();
    assert!(log.contains("no-such-program"), "{log}");
}

#[test]
fn signals_reach_one_process_or_none() {
    // 0 would be our own group, and negative numbers are groups.
    for pid in [0, -1, i32::MIN] {
        assert_eq!(
            process::signal(pid, Signal::SIGCONT),
            Err(nix::errno::Errno::ESRCH)
        );
        assert!(process::command_line(pid).is_none());
    }
}

#[test]
fn interruption_ends_programs_and_explains_how_to_continue() {
    let server = Server::answering(Answer::Silence);
    let checksums =
        "[etcd.sha256]\namd64 = \"AAAA\"\narm64 = \"AAAA\"\n".replace("AAAA", &"a".repeat(64));
    let scratch = Scratch::with(
        "default",
        &format!(
            "members = 1\ndriver = \"local\"\n[etcd]\nversion = \"3.6.14\"\nrelease_url = \"{}\"\n{checksums}",
            server.url
        ),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let child = scratch
            .command(&["up"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        server.came.recv_timeout(LONG).expect("a download begins");
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap()).expect(130);
        server
            .gone
            .recv_timeout(LONG)
            .expect("the download ends with us");
        assert_eq!(ran.stdout, "");
        let last = ".tar.gz\ninterrupted\nhint: the interrupted download is not kept; run the same command again\n";
        assert!(ran.stderr.ends_with(last), "{}", ran.stderr);
        let unfinished = scratch.root().join(".state/.cache/etcd/.unfinished");
        assert!(!unfinished.exists(), "{unfinished} is left");
    }
}

/// A detached program that does not outlive its test.
struct Outliving {
    inner: Child,
    log: Utf8PathBuf,
}

impl Outliving {
    fn new(scratch: &Scratch, program: &str, words: &[&str]) -> Self {
        let shell = Shell::new().unwrap();
        let log = scratch.root().join("log");
        let command = shell.cmd(program).args(words);
        let stdin = fs::File::open("/dev/null").unwrap();
        let pid_file = scratch.root().join("pid");
        let inner = process::detach(command, stdin, &log, &pid_file).unwrap();
        Self { inner, log }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn id(&self) -> i32 {
        self.inner.id().cast_signed()
    }

    fn end(&mut self) -> Ending {
        Ending::from(self.inner.wait().unwrap())
    }
}

impl Drop for Outliving {
    fn drop(&mut self) {
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
