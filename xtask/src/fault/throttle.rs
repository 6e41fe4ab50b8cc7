//! Lets a member run only a small part of the time, as on a far too slow host.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::etcd::observe;
use crate::session::Session;
use crate::values::HostName;

/// The minimum time to halt the member, which is slow on a host where members answer quickly.
const RESTS: Duration = Duration::from_millis(640);

/// How many times longer it is halted than members take to answer: the check `pace` calls a member
/// slow at five times the others' time.
const TIMES_AN_ANSWER: u32 = 8;

/// The member runs for this fraction of the halted time.
const RUNS: u32 = 10;

/// Halts and resumes a member in turns, until this is dropped.
pub(super) struct Throttle {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// Starts, at a pace that follows from the members' present speed.
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
                // A member that is gone is no longer our concern.
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

/// The maximum time to halt it. Longer, and it would not answer in time.
const LONGEST: Duration = Duration::from_secs(3);

/// How long all members take to answer `verify`'s query for the status.
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
