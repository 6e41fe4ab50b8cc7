//! A running program and everything it started.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::interrupt;

/// The process groups of all programs that are waited for.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Notified whenever a group leaves [`RUNNING`].
static ONE_ENDED: Condvar = Condvar::new();

/// The process group of a child that leads it.
#[derive(Debug)]
pub(super) struct ProcessGroup(i32);

impl ProcessGroup {
    /// Registers the group for interruptions, until it is dropped.
    pub(super) fn of(child: &Child) -> Self {
        let group = Self(child.id().cast_signed());
        running().insert(group.0);
        // An interruption before the line above has missed this group.
        if interrupt::is_interrupted() {
            group.kill();
        }
        group
    }

    pub(super) fn terminate(&self) {
        send(self.0, Signal::SIGTERM);
    }

    pub(super) fn kill(&self) {
        send(self.0, Signal::SIGKILL);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        running().remove(&self.0);
        ONE_ENDED.notify_all();
    }
}

/// Ends every running group: terminates them, waits at most this long, then kills.
pub(super) fn end_all(grace: Duration) {
    let groups = running();
    for &group in groups.iter() {
        send(group, Signal::SIGTERM);
    }
    let (groups, _) = ONE_ENDED
        .wait_timeout_while(groups, grace, |groups| !groups.is_empty())
        .unwrap_or_else(PoisonError::into_inner);
    for &group in groups.iter() {
        send(group, Signal::SIGKILL);
    }
}

/// Kills every running group. Their threads were given up, and would end with this process.
pub fn end_what_was_given_up() {
    for &group in running().iter() {
        send(group, Signal::SIGKILL);
    }
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(group: i32, signal: Signal) {
    // The group may have just ended, which does no harm.
    let _ = killpg(Pid::from_raw(group), signal);
}
