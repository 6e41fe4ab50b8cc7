//! Watches who leads, many times a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::gateways;
use crate::drill::{Event, Moment};
use crate::etcd::gateway::{Gateway, Status};
use crate::pause::pause;
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

/// Asks every member who leads, until it is told to end.
pub(super) struct LeaderWatch {
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    askers: Vec<JoinHandle<()>>,
}

/// Who was seen to lead.
#[derive(Debug, Default)]
struct Seen {
    latest: Option<(u64, EtcdId)>,
    moments: Vec<Moment>,
}

/// How often each member is asked.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// How long a member may take to answer, in seconds. One that does not holds up only its own asker.
const PATIENCE: u64 = 1;

impl LeaderWatch {
    pub(super) fn begin(plan: &Plan, begun: Instant) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let names: Vec<(EtcdId, HostName)> = plan
            .members
            .iter()
            .map(|member| (member.id, member.name.clone()))
            .collect();
        let askers = gateways(plan, PATIENCE).into_iter().map(|gateway| {
            let (ended, seen, names) = (Arc::clone(&ended), Arc::clone(&seen), names.clone());
            thread::spawn(move || ask(&gateway, &ended, &seen, &names, begun))
        });
        Self {
            askers: askers.collect(),
            ended,
            seen,
        }
    }

    /// Every change of leader that was seen.
    pub(super) fn end(self) -> Vec<Moment> {
        self.ended.store(true, Ordering::SeqCst);
        for asker in self.askers {
            let _ = asker.join();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.moments)
    }
}

fn ask(
    gateway: &Gateway,
    ended: &AtomicBool,
    seen: &Mutex<Seen>,
    names: &[(EtcdId, HostName)],
    begun: Instant,
) {
    while !ended.load(Ordering::SeqCst) {
        if let Ok(status) = gateway.status() {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.take(status, names, begun.elapsed());
        }
        pause(ASK_AGAIN);
    }
}

impl Seen {
    /// A leader counts in a later term only: in an earlier one it is a member that has not heard yet.
    fn take(
        &mut self,
        Status { leader, term, .. }: Status,
        names: &[(EtcdId, HostName)],
        at: Duration,
    ) {
        let Some(leader) = leader else { return };
        let before = self.latest;
        if before.is_some_and(|(latest, _)| term <= latest) {
            return;
        }
        self.latest = Some((term, leader));
        let name = names.iter().find(|(id, _)| *id == leader);
        if let (Some((_, was)), Some((_, name))) = (before, name)
            && was != leader
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
