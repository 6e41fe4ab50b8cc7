//! A program that serves this process, and ends with it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::group::ProcessGroup;
use super::{Ending, Finished, LAST_WORDS, errno, interrupt, line::paste_able, not_started, pipe};

/// A program that runs until this is dropped. Its input ends with this process, even if that is
/// killed, so the program must end with its input.
#[derive(Debug)]
pub struct Tethered {
    child: Child,
    group: ProcessGroup,
}

/// Starts a program, and waits until it prints a line.
///
/// # Errors
///
/// Fails if it ends before that, or does not print one until the deadline.
pub fn tether(command: xshell::Cmd<'_>, deadline: Duration) -> Result<Tethered, Finished> {
    let mut command = Command::from(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Err(not_started(&command, &error)),
    };
    let group = ProcessGroup::of(&child);
    let (sender, lines) = mpsc::channel();
    let stdout = pipe::read_aside(
        child.stdout.take(),
        pipe::by_lines(move |line| drop(sender.send(line))),
    );
    let stderr = pipe::read_aside(child.stderr.take(), |_| {});
    let mut tethered = Tethered { child, group };
    let ending = match lines.recv_timeout(deadline) {
        Ok(_) => return Ok(tethered),
        Err(RecvTimeoutError::Timeout) => Ending::Deadline(deadline),
        Err(RecvTimeoutError::Disconnected) => tethered.wait(),
    };
    interrupt::wait_if_interrupted();
    Err(Finished {
        command: paste_able(&command),
        ending,
        stdout: stdout.take_within(LAST_WORDS),
        stderr: stderr.take_within(LAST_WORDS),
    })
}

impl Tethered {
    /// Waits for a program that has closed its output.
    fn wait(&mut self) -> Ending {
        match self.child.wait() {
            Ok(status) => Ending::from(status),
            Err(error) => Ending::NotStarted(errno(&error)),
        }
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        self.group.kill();
        let _ = self.child.wait();
    }
}
