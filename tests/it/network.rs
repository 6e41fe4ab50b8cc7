//! A network of a test's own, on which nobody else is: its clusters meet neither those of other tests nor
//! those of another run, and what a killed run has left keeps no port from it. Where this host allows no
//! such network, one run of the tests waits for the end of another.

use std::cell::Cell;
use std::fs::File;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// The host's own network, where networks can be made.
static HOST: OnceLock<Option<File>> = OnceLock::new();

thread_local! {
    /// Whether this thread stays on the network that it is on.
    static STAYS: Cell<bool> = const { Cell::new(false) };
}

/// Finds out whether this host allows networks of one's own, which takes root.
pub(crate) fn prepare() {
    let host = File::open("/proc/self/ns/net").ok();
    let is_possible = thread::spawn(make).join().unwrap_or(false);
    let host = host.filter(|_| is_possible);
    if host.is_none() {
        wait_for_other_runs();
    }
    let _ = HOST.set(host);
}

/// Moves this thread, and whatever it starts from now on, to a network of its own.
pub(crate) fn own() {
    let is_possible = HOST.get().is_some_and(Option::is_some);
    if is_possible && !STAYS.replace(true) {
        assert!(make(), "no network could be made, though one could before");
    }
}

/// Does something on the host's own network, from where packages can be fetched.
pub(crate) fn outside<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let outside = scope.spawn(|| {
            if let Some(Some(host)) = HOST.get() {
                setns(host, CloneFlags::CLONE_NEWNET).unwrap();
            }
            STAYS.set(true);
            act()
        });
        match outside.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Puts this thread on a new network with a loopback. Where that fails, it stays where it was.
fn make() -> bool {
    let Ok(before) = File::open("/proc/thread-self/ns/net") else {
        return false;
    };
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        return false;
    }
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    let is_up = up.is_ok_and(|status| status.success());
    if !is_up {
        let _ = setns(before, CloneFlags::CLONE_NEWNET);
    }
    is_up
}

/// Two runs on one network would take each other's ports.
fn wait_for_other_runs() {
    let path = std::env::temp_dir().join("xtask-tests-on-this-network.lock");
    let lock = File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    if lock.try_lock().is_err() {
        eprintln!("waiting for another run of the tests to end, as both share this host's network");
        lock.lock().unwrap();
    }
    // Held until this process ends.
    std::mem::forget(lock);
}
