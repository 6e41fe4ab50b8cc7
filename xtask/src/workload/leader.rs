//! Watches the leadership, many times a second.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{is_same, is_there};
use crate::drill::{Event, Moment};
use crate::etcd::gateway::{Gateway, GatewayStatus};
use crate::etcd::tools::Tools;
use crate::pause::pause;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::values::HostName;

/// Queries every member for the leader until it is ended.
pub(super) struct LeaderWatch {
    begun: Instant,
    tools: Tools,
    seen: Arc<Mutex<LeadersSeen>>,
    /// The number of members that are queried.
    count: Arc<AtomicU32>,
    askers: Vec<Asker>,
}

/// A thread that queries one member.
struct Asker {
    member: Member,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// The leaders seen so far.
#[derive(Debug, Default)]
struct LeadersSeen {
    /// The leader, if it is known, and its term.
    latest: Option<(u64, Option<EtcdId>)>,
    moments: Vec<Moment>,
    /// The members that are or were in the cluster.
    names: Vec<(EtcdId, HostName)>,
    /// How often everything before was forgotten.
    forgotten: usize,
}

/// The pause between two queries to any member. Members take turns, because each of them reports an
/// election.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// How long a member may take to answer, in seconds. A slow member delays only its own thread.
const PATIENCE: u64 = 1;

impl LeaderWatch {
    /// Queries nobody yet.
    pub(super) fn new(begun: Instant, tools: Tools) -> Self {
        Self {
            begun,
            tools,
            seen: Arc::default(),
            count: Arc::default(),
            askers: Vec::new(),
        }
    }

    /// Adapts to the members that the same cluster has now.
    pub(super) fn follow(&mut self, plan: &Plan) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for member in &plan.members {
                let name = (member.id, member.name.clone());
                if !seen.names.contains(&name) {
                    seen.names.push(name);
                }
            }
        }
        let count = u32::try_from(plan.members.len()).unwrap_or(u32::MAX);
        self.count.store(count, Ordering::SeqCst);
        for asker in &self.askers {
            if !is_there(plan, &asker.member) {
                asker.is_over.store(true, Ordering::SeqCst);
            }
        }
        for (turn, member) in (0..).zip(&plan.members) {
            let is_it = |asker: &Asker| {
                is_same(&asker.member, member) && !asker.is_over.load(Ordering::SeqCst)
            };
            if !self.askers.iter().any(is_it) {
                self.askers.push(self.asker(plan, member, turn));
            }
        }
    }

    fn asker(&self, plan: &Plan, member: &Member, turn: u32) -> Asker {
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, count, ended) = (
            Arc::clone(&self.seen),
            Arc::clone(&self.count),
            Arc::clone(&is_over),
        );
        let (gateway, begun) = (Gateway::of(plan, &self.tools, member, PATIENCE), self.begun);
        let thread = thread::spawn(move || {
            pause(ASK_AGAIN * turn);
            while !ended.load(Ordering::SeqCst) {
                ask(&gateway, &seen, begun);
                pause(ASK_AGAIN * count.load(Ordering::SeqCst));
            }
        });
        Asker {
            member: member.clone(),
            is_over,
            thread,
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
        for asker in &self.askers {
            asker.is_over.store(true, Ordering::SeqCst);
        }
        for asker in self.askers {
            let _ = asker.thread.join();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.moments)
    }
}

fn ask(gateway: &Gateway, seen: &Mutex<LeadersSeen>, begun: Instant) {
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let forgotten = lock().forgotten;
    if let Ok(status) = gateway.status() {
        let mut seen = lock();
        if seen.forgotten == forgotten {
            seen.take(status, begun.elapsed());
        }
    }
}

impl LeadersSeen {
    /// A leader counts only in a later term: in an earlier one, the member has not heard of the
    /// election yet.
    fn take(&mut self, GatewayStatus { leader, term, .. }: GatewayStatus, at: Duration) {
        let Some(leader) = leader else { return };
        let before = self.latest;
        if before.is_some_and(|(latest, _)| term <= latest) {
            return;
        }
        self.latest = Some((term, Some(leader)));
        let name = self.names.iter().find(|(id, _)| *id == leader);
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
