//! The only place that runs other programs: each with a deadline, in its own process group, with
//! captured and bounded output, and with errors that contain a command line to paste.

mod conversation;
mod detached;
mod group;
mod interrupt;
mod line;
mod pipe;
mod tether;

use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::report::{Diagnostic, Failure, Outcome};

pub use conversation::{Conversation, Heard, converse};
pub use detached::{
    all, command_line, detach, environment, is_halted, is_there, reads_from, signal, signal_group,
};
pub use group::end_what_was_given_up;
pub use interrupt::{
    AfterInterrupt, DeferredInterrupt, QuietlyOnInterrupt, RemovedOnInterrupt, defer_interrupt,
    install_interrupt_handler, on_interrupt, quietly_on_interrupt, remove_on_interrupt,
};
pub use line::{SECRETS, paste_able, quoted};
pub use nix::sys::signal::Signal;
pub use tether::{Tethered, tether};

use group::ProcessGroup;

/// How long a program may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait for output that is still in the pipes after a program has ended. It takes that
/// long only if the program left something running on them.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a program ended, and its output.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, ready to paste into a shell.
    pub command: String,
    /// Why it ended.
    pub ending: Ending,
    /// The last 16 MiB of its standard output.
    pub stdout: String,
    /// The last 16 MiB of its standard error.
    pub stderr: String,
}

/// Why a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Signalled(i32),
    /// It exceeded this deadline and was ended by us.
    Deadline(Duration),
    /// It could not be started; `ENOENT` if the program does not exist.
    NotStarted(Errno),
}

impl Finished {
    /// Whether it exited with status 0.
    pub const fn success(&self) -> bool {
        matches!(self.ending, Ending::Exited(0))
    }

    /// Whether the program does not exist on this host.
    pub const fn not_found(&self) -> bool {
        matches!(self.ending, Ending::NotStarted(Errno::ENOENT))
    }

    /// The ending in words.
    pub fn ending(&self) -> String {
        self.ending.to_string()
    }

    /// The last lines of its standard error, or else of its standard output.
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
            Self::Deadline(after) => write!(f, "did not finish within {after:?}"),
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

/// A shell to build commands with: xshell's notion of a folder and an environment.
pub fn shell() -> Outcome<xshell::Shell> {
    xshell::Shell::new().map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("the current folder does not exist: {error}"))
                .hint("change into a folder that exists, and try again"),
        )
    })
}

/// Runs a program to its end. At the deadline it is terminated with everything it started, and
/// killed if it does not end.
///
/// A program that it left running in the background is not touched, even if that keeps the output
/// open: output counts until shortly after the end.
pub fn run(command: xshell::Cmd<'_>, deadline: Duration) -> Finished {
    let mut command = Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run_command(command, deadline, &mut |_| {})
}

/// As [`run`]. Whenever this time is over, `goes_on` decides whether the program gets as much time again.
pub fn run_while(
    command: xshell::Cmd<'_>,
    time: Duration,
    goes_on: &mut dyn FnMut() -> bool,
) -> Finished {
    let mut command = Command::from(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    run_to_its_end(command, time, goes_on, &mut |_| {})
}

/// Runs two programs to their ends. The output of the first one is the input of the second one.
///
/// # Errors
///
/// Fails if there is no pipe, because too many files are open.
pub fn run_piped(
    from: xshell::Cmd<'_>,
    to: xshell::Cmd<'_>,
    deadline: Duration,
) -> std::io::Result<[Finished; 2]> {
    let (reader, writer) = std::io::pipe()?;
    let (mut from, mut to) = (Command::from(from), Command::from(to));
    from.stdin(Stdio::null()).stdout(writer);
    to.stdin(reader).stdout(Stdio::piped());
    from.stderr(Stdio::piped());
    to.stderr(Stdio::piped());
    // Each command holds its end of the pipe as long as its program runs.
    Ok(thread::scope(|scope| {
        let from = scope.spawn(|| run_with_input(from, deadline, &mut |_| {}));
        let to = run_with_input(to, deadline, &mut |_| {});
        let from = from
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        [from, to]
    }))
}

/// Runs a program that takes minutes, and passes on each line of its output as it comes.
pub fn follow(
    command: xshell::Cmd<'_>,
    deadline: Duration,
    line: &mut dyn FnMut(&str),
) -> Finished {
    let mut command = Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run_command(command, deadline, line)
}

/// Runs a program whose output goes directly to the user.
pub fn stream(command: xshell::Cmd<'_>, deadline: Duration) -> Finished {
    run_command(command.into(), deadline, &mut |_| {})
}

/// The width in columns of the terminal that standard output is. `stty` is asked, because that needs neither
/// `unsafe` nor another dependency.
pub fn terminal_columns() -> Option<usize> {
    let terminal = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    let mut stty = Command::new("stty");
    stty.arg("size").stdin(terminal).stderr(Stdio::null());
    let said = String::from_utf8(stty.output().ok()?.stdout).ok()?;
    let columns = said.split_whitespace().nth(1)?.parse().ok();
    columns.filter(|columns| *columns > 0)
}

/// Replaces this process by another program, which takes over the terminal, signals and exit
/// status. Returns only if it could not be started.
pub fn hand_over(command: xshell::Cmd<'_>) -> Finished {
    let mut command = Command::from(command);
    let error = command.exec();
    not_started(&command, &error)
}

/// An event of a running program.
enum Event {
    Line(String),
    Ended(std::io::Result<ExitStatus>),
}

fn run_command(mut command: Command, deadline: Duration, line: &mut dyn FnMut(&str)) -> Finished {
    command.stdin(Stdio::null());
    run_with_input(command, deadline, line)
}

fn run_with_input(command: Command, deadline: Duration, line: &mut dyn FnMut(&str)) -> Finished {
    run_to_its_end(command, deadline, &mut || false, line)
}

fn run_to_its_end(
    mut command: Command,
    deadline: Duration,
    goes_on: &mut dyn FnMut() -> bool,
    line: &mut dyn FnMut(&str),
) -> Finished {
    command.process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_started(&command, &error),
    };
    let group = ProcessGroup::of(&child);
    let (sender, events) = mpsc::channel();
    let lines = || {
        let sender = sender.clone();
        // Sending fails only if nobody waits any more.
        pipe::by_lines(move |line| drop(sender.send(Event::Line(line))))
    };
    let stdout = pipe::read_aside(child.stdout.take(), lines());
    let stderr = pipe::read_aside(child.stderr.take(), lines());
    thread::spawn(move || drop(sender.send(Event::Ended(child.wait()))));
    let ended = loop {
        let ended = end(&events, Instant::now() + deadline, line);
        if ended.is_some() || !goes_on() {
            break ended;
        }
    };
    let ending = match ended {
        Some(Ok(status)) => Ending::from(status),
        Some(Err(error)) => Ending::NotStarted(errno(&error)),
        None => {
            group.terminate();
            let ended = end(&events, Instant::now() + GRACE, line).is_some();
            // Even if the program has ended, what it started may not have.
            group.kill();
            if !ended {
                let _ = end(&events, Instant::now() + GRACE, line);
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
    for event in events.try_iter() {
        if let Event::Line(last) = event {
            line(&last);
        }
    }
    finished
}

/// Passes lines on until the program has ended; `None` at the deadline.
fn end(
    events: &Receiver<Event>,
    until: Instant,
    line: &mut dyn FnMut(&str),
) -> Option<std::io::Result<ExitStatus>> {
    loop {
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
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
    // Errors of std itself, such as for a NUL byte in an argument, have no number.
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}
