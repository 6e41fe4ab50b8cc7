//! A program that this process talks to over its input and output.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::group::ProcessGroup;
use super::pipe::{self, Reading};
use super::{Ending, Finished, errno, line::paste_able, not_started};

/// A running program. Its input ends with this process, even if that is killed, so the program must end with its
/// input.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    group: ProcessGroup,
    command: String,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    errors: Option<Reading>,
}

/// What a program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A piece of its output.
    Piece(Vec<u8>),
    /// Nothing before the deadline.
    Silence,
    /// It has closed its output.
    End,
}

/// Starts a program.
///
/// # Errors
///
/// Fails if it cannot be started.
pub fn converse(command: xshell::Cmd<'_>) -> Result<Conversation, Finished> {
    let mut command = Command::from(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let group = ProcessGroup::of(&child);
    let (sender, output) = mpsc::channel();
    // Sending fails only if nobody listens any more.
    pipe::read_aside(child.stdout.take(), move |piece| {
        drop(sender.send(piece.to_owned()));
    });
    let errors = Some(pipe::read_aside(child.stderr.take(), |_| {}));
    let Some(input) = child.stdin.take() else {
        return Err(not_started(&command, &ErrorKind::BrokenPipe.into()));
    };
    // A program that reads nothing must not hold this process for ever.
    let nonblocking = FcntlArg::F_SETFL(OFlag::O_NONBLOCK);
    fcntl(&input, nonblocking).map_err(|errno| not_started(&command, &errno.into()))?;
    Ok(Conversation {
        child,
        group,
        command: paste_able(&command),
        input,
        output,
        errors,
    })
}

impl Conversation {
    /// Whether it runs and has said nothing that was not listened to.
    pub fn is_quiet(&self) -> bool {
        self.output.try_recv() == Err(TryRecvError::Empty)
    }

    /// Tells it something.
    ///
    /// # Errors
    ///
    /// Fails if it does not read all of that before the deadline, or has ended.
    pub fn tell(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.input.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                    let mut watched = [PollFd::new(self.input.as_fd(), PollFlags::POLLOUT)];
                    poll(&mut watched, wait)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Listens to it.
    pub fn listen(&self, deadline: Instant) -> Heard {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(piece) => Heard::Piece(piece),
            Err(RecvTimeoutError::Timeout) => Heard::Silence,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }

    /// How it has ended, after it has closed its output.
    pub fn end(mut self) -> Finished {
        let ending = match self.child.wait() {
            Ok(status) => Ending::from(status),
            Err(error) => Ending::NotStarted(errno(&error)),
        };
        let errors = self.errors.take();
        Finished {
            command: self.command.clone(),
            ending,
            stdout: String::new(),
            stderr: errors.map_or_else(String::new, |errors| errors.take_within(LAST_WORDS)),
        }
    }
}

/// How long to wait for the end of its error output.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Drop for Conversation {
    fn drop(&mut self) {
        self.group.kill();
        let _ = self.child.wait();
    }
}
