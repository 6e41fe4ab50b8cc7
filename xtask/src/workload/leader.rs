//! Watches the leadership, many times a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::gateways;
use crate::drill::{Event, Moment};
use crate::etcd::gateway::{Gateway, GatewayStatus};
use crate::pause::pause;
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

/// Queries every member for the leader until it is ended.
pub(super) struct LeaderWatch {
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<LeadersSeen>>,
    askers: Vec<JoinHandle<()>>,
}

/// The leaders seen so far.
#[derive(Debug, Default)]
struct LeadersSeen {
    /// The leader, if it is known, and its term.
    latest: Option<(u64, Option<EtcdId>)>,
    moments: Vec<Moment>,
    /// How often everything before was forgotten.
    forgotten: usize,
}

/// The pause between two queries to any member. Members take turns, because each of them reports an
/// election.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// How long a member may take to answer, in seconds. A slow member delays only its own thread.
const PATIENCE: u64 = 1;

impl LeaderWatch {
    pub(super) fn begin(plan: &Plan, begun: Instant) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(LeadersSeen::default()));
        let names: Vec<(EtcdId, HostName)> = plan
            .members
            .iter()
            .map(|member| (member.id, member.name.clone()))
            .collect();
        let count = u32::try_from(plan.members.len()).unwrap_or(u32::MAX);
        let askers = (0..).zip(gateways(plan, PATIENCE)).map(|(turn, gateway)| {
            let (ended, seen, names) = (Arc::clone(&ended), Arc::clone(&seen), names.clone());
            thread::spawn(move || {
                pause(ASK_AGAIN * turn);
                while !ended.load(Ordering::SeqCst) {
                    ask(&gateway, &seen, &names, begun);
                    pause(ASK_AGAIN * count);
                }
            })
        });
        Self {
            askers: askers.collect(),
            ended,
            seen,
        }
    }

    /// Starts again, because terms do, and no answer from before counts.
    pub(super) fn forget(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.latest = Some((0, None));
        seen.forgotten += 1;
    }

    /// Stops, and returns every change of the leader.
    pub(super) fn end(self) -> Vec<Moment> {
        self.ended.store(true, Ordering::SeqCst);
        for asker in self.askers {
            let _ = asker.join();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.moments)
    }
}

fn ask(gateway: &Gateway, seen: &Mutex<LeadersSeen>, names: &[(EtcdId, HostName)], begun: Instant) {
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let forgotten = lock().forgotten;
    if let Ok(status) = gateway.status() {
        let mut seen = lock();
        if seen.forgotten == forgotten {
            seen.take(status, names, begun.elapsed());
        }
    }
}

impl LeadersSeen {
    /// A leader counts only in a later term: in an earlier one, the member has not heard of the
    /// election yet.
    fn take(
        &mut self,
        GatewayStatus { leader, term, .. }: GatewayStatus,
        names: &[(EtcdId, HostName)],
        at: Duration,
    ) {
        let Some(leader) = leader else { return };
        let before = self.latest;
        if before.is_some_and(|(latest, _)| term <= latest) {
            return;
        }
        self.latest = Some((term, Some(leader)));
        let name = names.iter().find(|(id, _)| *id == leader);
        if let (Some((_, was)), Some((_, name))) = (before, name)
            && was != Some(leader)
        {
            self.moments.push(Moment {
                at,
                event: Event::NewLeader {
                    leader: name.clone(),
                    term,
                },
            });
        }
    }
}
