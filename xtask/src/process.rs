//! The only place that runs other programs: each with a deadline, in a process group of its own,
//! with its output captured and bounded, and with errors that carry a command line to paste.

mod detached;
mod group;
mod interrupt;
mod line;
mod pipe;

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::report::{Diagnostic, Failure, Outcome};

pub use detached::{
    all, command_line, detach, environment, is_halted, is_there, reads_from, signal, signal_group,
};
pub use interrupt::{
    AfterInterrupt, DeferredInterrupt, QuietlyOnInterrupt, RemovedOnInterrupt, defer_interrupt,
    install_interrupt_handler, on_interrupt, quietly_on_interrupt, remove_on_interrupt,
};
pub use line::{paste_able, quoted};
pub use nix::sys::signal::Signal;

use group::ProcessGroup;

/// How long a program that was told to end may take for it before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait, after a program has ended, for output that is still in its pipes. Only one that left
/// something running on them takes all of it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a program that was run ended, and what it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, fit to be pasted into a shell.
    pub command: String,
    /// Why it ended.
    pub ending: Ending,
    /// What it wrote to standard output: the last 16 MiB of it.
    pub stdout: String,
    /// What it wrote to standard error: the last 16 MiB of it.
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
    /// It could not be started; `ENOENT` where there is no such program.
    NotStarted(Errno),
}

impl Finished {
    /// Whether it ended by itself with status 0.
    pub const fn success(&self) -> bool {
        matches!(self.ending, Ending::Exited(0))
    }

    /// Whether there is no such program on this host.
    pub const fn not_found(&self) -> bool {
        matches!(self.ending, Ending::NotStarted(Errno::ENOENT))
    }

    /// The ending in words.
    pub fn ending(&self) -> String {
        self.ending.to_string()
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

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was killed by {signal}"),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
            Self::Deadline(after) => write!(f, "had not ended after {after:?}"),
            Self::NotStarted(Errno::ENOENT) => f.write_str("was not found on this host"),
            Self::NotStarted(errno) => {
                write!(
                    f,
                    "could not be started: {}",
                    errno.desc().to_ascii_lowercase()
                )
            }
        }
    }
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }
}

/// Where commands are put together: xshell's notion of a folder and an environment.
///
/// # Errors
/// Fails where the current folder is gone.
pub fn shell() -> Outcome<xshell::Shell> {
    xshell::Shell::new().map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("there is no folder to work in: {error}"))
                .hint("change into a folder that exists, and try again"),
        )
    })
}

/// Runs a program to its end, at most until the deadline: then it is told to end, with everything
/// that it started, and killed where it does not.
///
/// A program that it left running in the background is left alone, even where that holds on to the
/// output: what came until shortly after the end is what counts.
pub fn run(command: xshell::Cmd<'_>, deadline: Duration) -> Finished {
    let mut command = Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run_command(command, deadline, &mut |_| {})
}

/// The same for a program that takes minutes: each line that it writes, to standard output or to
/// standard error, is also passed on as it comes.
pub fn follow(
    command: xshell::Cmd<'_>,
    deadline: Duration,
    line: &mut dyn FnMut(&str),
) -> Finished {
    let mut command = Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run_command(command, deadline, line)
}

/// The same for a program whose output its user watches as it comes: nothing is captured.
pub fn stream(command: xshell::Cmd<'_>, deadline: Duration) -> Finished {
    run_command(command.into(), deadline, &mut |_| {})
}

/// Becomes another program, which takes over terminal, signals and exit status. Returns only if it
/// could not be started.
pub fn hand_over(command: xshell::Cmd<'_>) -> Finished {
    let mut command = Command::from(command);
    let error = command.exec();
    not_started(&command, &error)
}

/// What comes from a running program.
enum Event {
    Line(String),
    Ended(std::io::Result<ExitStatus>),
}

fn run_command(mut command: Command, deadline: Duration, line: &mut dyn FnMut(&str)) -> Finished {
    let until = Instant::now() + deadline;
    command.stdin(Stdio::null()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_started(&command, &error),
    };
    let group = ProcessGroup::of(&child);
    let (tell, told) = mpsc::channel();
    let lines = || {
        let tell = tell.clone();
        // Fails only where nobody waits any more.
        pipe::by_lines(move |line| drop(tell.send(Event::Line(line))))
    };
    let stdout = pipe::read_aside(child.stdout.take(), lines());
    let stderr = pipe::read_aside(child.stderr.take(), lines());
    thread::spawn(move || drop(tell.send(Event::Ended(child.wait()))));
    let ending = match end(&told, until, line) {
        Some(Ok(status)) => Ending::from(status),
        Some(Err(error)) => Ending::NotStarted(errno(&error)),
        None => {
            group.terminate();
            let ended = end(&told, Instant::now() + GRACE, line).is_some();
            // Also where it has ended: what it started may not have.
            group.kill();
            if !ended {
                let _ = end(&told, Instant::now() + GRACE, line);
            }
            Ending::Deadline(deadline)
        }
    };
    drop(group);
    interrupt::wait_if_interrupted();
    let until = Instant::now() + LAST_WORDS;
    let left = || until.saturating_duration_since(Instant::now());
    let finished = Finished {
        command: paste_able(&command),
        ending,
        stdout: stdout.take_within(left()),
        stderr: stderr.take_within(left()),
    };
    for event in told.try_iter() {
        if let Event::Line(last) = event {
            line(&last);
        }
    }
    finished
}

/// Passes lines on until the program has ended; none where it has not until then.
fn end(
    told: &Receiver<Event>,
    until: Instant,
    line: &mut dyn FnMut(&str),
) -> Option<std::io::Result<ExitStatus>> {
    loop {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Line(text)) => line(&text),
            Ok(Event::Ended(status)) => return Some(status),
            Err(_) => return None,
        }
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> Finished {
    Finished {
        command: paste_able(command),
        ending: Ending::NotStarted(errno(error)),
        stdout: String::new(),
        stderr: String::new(),
    }
}

fn errno(error: &std::io::Error) -> Errno {
    // What std itself refuses, such as a NUL byte in an argument, has no number.
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}
