//! A member that runs a small part of the time only, as on a host that is far too slow.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::etcd::observe;
use crate::session::Session;
use crate::values::HostName;

/// How long the member is halted at least before it runs again: on a host where nobody takes longer, that
/// is slow.
const RESTS: Duration = Duration::from_millis(640);

/// How many times longer it is halted than members take to answer on this host: the check `pace` calls
/// slow who takes five times as long as the others.
const TIMES_AN_ANSWER: u32 = 8;

/// The part of the time in which it is halted that it runs after it.
const RUNS: u32 = 10;

/// Halts a member again and again, until this is dropped.
pub(super) struct Throttle {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Begins with it, at a pace that follows from how long members take to answer before.
    pub(super) fn begin(session: &Session, member: &HostName) -> Self {
        let (end, ended) = mpsc::channel();
        let rests = RESTS
            .max(time_of_an_answer(session) * TIMES_AN_ANSWER)
            .min(LONGEST);
        let driver = session.driver;
        let home = session.home.clone();
        let member = member.clone();
        let thread = thread::spawn(move || {
            let Some(faults) = driver.faults() else {
                return;
            };
            let is_over = |wait| ended.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout);
            loop {
                // One that is gone is none of ours any more.
                let paused = faults.pause(&home, &member);
                let over = is_over(rests);
                if paused.is_err() || faults.resume(&home, &member).is_err() || over {
                    return;
                }
                if is_over(rests / RUNS) {
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

/// The longest time to be halted. A member that is longer than that does not answer in time.
const LONGEST: Duration = Duration::from_secs(3);

/// How long it takes until all members have told how they are, as `verify` asks them.
fn time_of_an_answer(session: &Session) -> Duration {
    let asked = Instant::now();
    observe::statuses(&session.plan.members, &session.tools, LONGEST);
    asked.elapsed()
}

impl Drop for Throttle {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
