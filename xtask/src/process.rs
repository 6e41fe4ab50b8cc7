//! The only place that runs other programs: each with a deadline, in a process group of its own,
//! with its output captured, and with errors that carry a command line to paste.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How a program that was run ended, and what it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, fit to be pasted into a shell.
    pub command: String,
    /// Why it ended.
    pub ending: Ending,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Why a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// By us, because it had not ended after this time.
    Deadline(Duration),
    /// It could not be started.
    NotStarted(io::ErrorKind),
}

impl Finished {
    /// Whether it ended by itself with status 0.
    pub const fn success(&self) -> bool {
        matches!(self.ending, Ending::Exited(0))
    }

    /// The ending in words.
    pub fn ending(&self) -> String {
        match self.ending {
            Ending::Exited(status) => format!("exited with status {status}"),
            Ending::Signalled(signal) => format!("was killed by signal {signal}"),
            Ending::Deadline(after) => format!("had not ended after {after:?}"),
            Ending::NotStarted(io::ErrorKind::NotFound) => "was not found on this host".to_owned(),
            Ending::NotStarted(kind) => format!("could not be started: {kind}"),
        }
    }

    /// The last lines of what it said on standard error, or else on standard output.
    pub fn last_lines(&self, most: usize) -> String {
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let lines: Vec<&str> = said.trim_end().lines().collect();
        lines[lines.len().saturating_sub(most)..].join("\n")
    }
}

/// Runs a program to its end, at most until the deadline.
pub fn run(command: xshell::Cmd<'_>, deadline: Duration) -> Finished {
    let shown = command.to_string();
    let mut command = Command::from(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return Finished {
                command: shown,
                ending: Ending::NotStarted(error.kind()),
                stdout: String::new(),
                stderr: String::new(),
            };
        }
    };
    let group = ProcessGroup::of(&child);
    let stdout = read_aside(child.stdout.take());
    let stderr = read_aside(child.stderr.take());
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        let _ = ended.send(());
        status
    });
    let in_time = end.recv_timeout(deadline) != Err(RecvTimeoutError::Timeout);
    if !in_time {
        group.kill();
    }
    let status = waiter.join();
    let ending = match status {
        _ if !in_time => Ending::Deadline(deadline),
        Ok(Ok(status)) => {
            use std::os::unix::process::ExitStatusExt;
            match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Exited(code),
                (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
            }
        }
        Ok(Err(error)) => Ending::NotStarted(error.kind()),
        Err(_) => Ending::NotStarted(io::ErrorKind::Other),
    };
    Finished {
        command: shown,
        ending,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    }
}

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The groups of all programs that are running right now, so that an interruption can end them.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends every program that [`run`] is waiting for. For the handler of Ctrl-C.
pub fn kill_all_running() {
    for &group in RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// A running program with everything that it started itself.
struct ProcessGroup(i32);

impl ProcessGroup {
    fn of(child: &Child) -> Self {
        let id = child.id().cast_signed();
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
        Self(id)
    }

    fn kill(&self) {
        // It may have ended in this very moment, which is as good.
        let _ = killpg(Pid::from_raw(self.0), Signal::SIGKILL);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.0);
    }
}
