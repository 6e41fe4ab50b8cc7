//! A private network for each test: its clusters cannot meet those of other tests or runs, and
//! leftovers of a killed run keep no port from it. If this host allows no such network, test runs
//! wait for each other.

use std::cell::Cell;
use std::fs::File;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// The host's network, if private networks can be created.
static HOST: OnceLock<Option<File>> = OnceLock::new();

thread_local! {
    /// Whether this thread keeps its network.
    static STAYS: Cell<bool> = const { Cell::new(false) };
}

/// Checks whether this host allows private networks, which need root.
pub(crate) fn prepare() {
    let host = File::open("/proc/self/ns/net").ok();
    let is_possible = thread::spawn(make).join().unwrap_or(false);
    let host = host.filter(|_| is_possible);
    if host.is_none() {
        wait_for_other_runs();
    }
    let _ = HOST.set(host);
}

/// Moves this thread, and everything it starts from now on, to a private network.
pub(crate) fn own() {
    let is_possible = HOST.get().is_some_and(Option::is_some);
    if is_possible && !STAYS.replace(true) {
        assert!(make(), "no network could be made, though one could before");
    }
}

/// Runs a closure on the host's network, from which packages can be fetched.
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

/// Puts this thread on a new network with a loopback device. If that fails, it keeps its network.
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

/// Two runs on one network would use the same ports.
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
    // Held until the process ends.
    std::mem::forget(lock);
}
