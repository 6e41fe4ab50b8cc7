//! Lets etcdctl run once at a time and with less priority, while a task changes a cluster that clients use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether one runs at a time.
static ARE_TAKEN: AtomicBool = AtomicBool::new(false);

/// Held while one runs.
static TURN: Mutex<()> = Mutex::new(());

/// While this exists, etcdctl runs once at a time. A look at a cluster starts two dozen of them, which would keep the
/// processors from its members and their clients.
pub struct Turns(());

/// Lets etcdctl run once at a time from now on.
pub fn take() -> Turns {
    ARE_TAKEN.store(true, Ordering::Relaxed);
    Turns(())
}

impl Drop for Turns {
    fn drop(&mut self) {
        ARE_TAKEN.store(false, Ordering::Relaxed);
    }
}

/// Whether etcdctl runs once at a time.
pub(super) fn are_taken() -> bool {
    ARE_TAKEN.load(Ordering::Relaxed)
}

/// Waits for the turn of one run, if they are taken.
pub(super) fn wait() -> Option<MutexGuard<'static, ()>> {
    are_taken().then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}
