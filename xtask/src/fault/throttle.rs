//! A member that runs a small part of the time only, as on a host that is far too slow.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Cluster;
use crate::driver::Home;
use crate::values::{ClusterName, HostName};
use crate::workspace::Workspace;

/// How long the member runs, and then is halted.
const RUNS: Duration = Duration::from_millis(60);
const RESTS: Duration = Duration::from_millis(640);

/// Halts a member again and again, until this is dropped.
pub(super) struct Throttle {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Begins with it.
    pub(super) fn begin(cluster: &Cluster<'_>, member: &HostName) -> Self {
        let (end, ended) = mpsc::channel();
        let driver = cluster.driver;
        let workspace: Arc<Workspace> = Arc::new(cluster.home.workspace.clone());
        let name: ClusterName = cluster.home.name.clone();
        let member = member.clone();
        let thread = thread::spawn(move || {
            let Some(faults) = driver.faults() else {
                return;
            };
            let home = Home {
                workspace: &workspace,
                name: &name,
            };
            let is_over = |wait| ended.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout);
            loop {
                // One that is gone is none of ours any more.
                let paused = faults.pause(&home, &member);
                let over = is_over(RESTS);
                if paused.is_err() || faults.resume(&home, &member).is_err() || over {
                    return;
                }
                if is_over(RUNS) {
                    return;
                }
            }
        });
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
