//! The members of a cluster other than the one that is replaced.

use std::time::{Duration, Instant};

use super::AGAIN;
use crate::advice::Unusable;
use crate::etcd::observe;
use crate::hint::Hint;
use crate::lifecycle::member_machine;
use crate::observation::{Condition, ListedMember, Look, Status};
use crate::pause::pause;
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::HostName;
use crate::wording::list;

/// How long members may take to elect a leader.
const ELECTING: Duration = Duration::from_secs(10);

/// What the other members say.
pub(super) struct Present {
    /// The other member that is asked: the leader, if it is one of them.
    pub(super) asked: Member,
    /// The last log entry that it has applied.
    pub(super) applied: Option<u64>,
    pub(super) listed: Vec<ListedMember>,
    /// Other voters that do not run and have no usable data.
    pub(super) lost: Vec<EtcdId>,
    /// Other defined voters that do not run and have their data.
    pub(super) stopped: Vec<HostName>,
    /// Whether the process of the member runs.
    pub(super) is_running: bool,
    /// Whether the member has data.
    pub(super) has_data: bool,
    /// What the member itself says.
    itself: Option<Status>,
}

impl Present {
    /// Looks until the others have a quorum, if enough of them answer: an election may be under way.
    ///
    /// # Errors
    ///
    /// Refuses if the others are no quorum.
    pub(super) fn of(session: &Session, member: &HostName) -> Outcome<Self> {
        let deadline = Instant::now() + ELECTING;
        loop {
            let Session { plan, tools, .. } = session;
            let statuses = observe::statuses(&plan.members, tools, observe::PATIENCE);
            if let Some(present) = Self::seen(session, member, &statuses)? {
                return Ok(present);
            }
            let others = plan.members.iter().zip(&statuses);
            let others = others.filter(|(one, look)| {
                one.name != *member
                    && look
                        .seen()
                        .is_some_and(|one| one.cluster_id == plan.cluster_id)
            });
            if others.count() < plan.quorum() || Instant::now() > deadline {
                return Err(no_quorum(session, member, &statuses));
            }
            pause(AGAIN);
        }
    }

    /// `None` if the others have no quorum.
    fn seen(
        session: &Session,
        member: &HostName,
        statuses: &[Look<Status>],
    ) -> Outcome<Option<Self>> {
        let Session {
            home,
            driver,
            plan,
            tools,
            ..
        } = session;
        let both = || plan.members.iter().zip(statuses);
        let seen = || both().filter_map(|(one, look)| Some((one, look.seen()?)));
        let others = || {
            seen().filter(|(one, status)| {
                one.name != *member && status.cluster_id == plan.cluster_id && !status.is_learner
            })
        };
        let led = || others().filter(|(_, status)| status.leader.is_some());
        let leader = led().find(|(_, status)| status.leads());
        let asked = leader.or_else(|| led().next());
        let list = asked.map(|(asked, _)| observe::member_list(asked, tools, observe::PATIENCE));
        let (Some((asked, asked_status)), Some(Look::Seen(listed))) = (asked, list) else {
            return Ok(None);
        };
        let is_voter = |entry: &&ListedMember| !entry.is_learner;
        let voters: Vec<&ListedMember> = listed.iter().filter(is_voter).collect();
        let able = |entry: &&&ListedMember| led().any(|(_, status)| status.member_id == entry.id);
        if voters.iter().filter(able).count() <= voters.len() / 2 {
            return Ok(None);
        }
        let url = plan.members.iter().find(|one| one.name == *member);
        let url = url.map(Member::peer_url).unwrap_or_default();
        let is_other = |entry: &&&ListedMember| {
            entry.name != member.as_str() && !entry.peer_urls.contains(&url)
        };
        // Whether it runs, not whether it answers: it may only be slow.
        let others: Vec<&&ListedMember> = voters.iter().filter(is_other).collect();
        let (mut lost, mut stopped) = (Vec::new(), Vec::new());
        let conditions = driver.conditions(home, &plan.names())?;
        for (one, condition) in plan.members.iter().zip(&conditions) {
            let is_it = |entry: &&&&ListedMember| {
                entry.id == one.id || entry.peer_urls.contains(&one.peer_url())
            };
            let Some(entry) = others.iter().find(is_it) else {
                continue;
            };
            // Whatever its condition is called here, it serves.
            if seen().any(|(_, status)| status.member_id == entry.id) {
                continue;
            }
            let ended = driver.ended(home, &one.name);
            match condition {
                Condition::Running(_) | Condition::Halted { .. } => {}
                Condition::Stopped if ended.and_then(Unusable::because_of).is_none() => {
                    stopped.push(one.name.clone());
                }
                // `up` completes it.
                Condition::Unfinished => stopped.push(one.name.clone()),
                _ => lost.push(entry.id),
            }
        }
        let itself = both().find(|(one, _)| one.name == *member);
        let at = plan.members.iter().position(|one| one.name == *member);
        let condition = at.and_then(|at| conditions.get(at));
        let condition = condition.unwrap_or(&Condition::Absent);
        let (is_running, has_data) = match driver.machines() {
            Some(machines) => member_machine::state(session, machines, member, condition)?,
            None => (condition.is_running(), *condition != Condition::Absent),
        };
        Ok(Some(Self {
            applied: asked_status.raft_applied_index.or(asked_status.raft_index),
            asked: asked.clone(),
            lost,
            stopped,
            is_running,
            has_data,
            itself: itself.and_then(|(_, look)| look.seen().cloned()),
            listed,
        }))
    }

    pub(super) fn is_healthy(&self, member: &Member) -> bool {
        let as_itself = |status: &Status| {
            status.member_id == member.id && status.leader.is_some() && !status.is_learner
        };
        self.itself.as_ref().is_some_and(as_itself) && self.id_of(member) == member.id
    }

    /// The ID of the entry that means this member.
    pub(super) fn id_of(&self, member: &Member) -> EtcdId {
        let url = member.peer_url();
        let entries = || self.listed.iter();
        let entry = entries()
            .find(|entry| entry.id == member.id)
            .or_else(|| entries().find(|entry| entry.name == member.name.as_str()))
            .or_else(|| entries().find(|entry| entry.peer_urls.contains(&url)));
        entry.map_or(member.id, |entry| entry.id)
    }

    /// Whether the cluster lists a member with this ID.
    pub(super) fn lists(&self, id: EtcdId) -> bool {
        self.listed.iter().any(|entry| entry.id == id)
    }

    /// A learner other than this member, of which etcd has one at a time.
    pub(super) fn other_learner(&self, member: &Member) -> Option<String> {
        let url = member.peer_url();
        let is_other = |entry: &&ListedMember| entry.is_learner && !entry.peer_urls.contains(&url);
        let learner = self.listed.iter().find(is_other)?;
        Some(format!("{} ({})", self.name_of(learner.id), learner.id))
    }

    pub(super) fn name_of(&self, id: EtcdId) -> String {
        let entry = self.listed.iter().find(|entry| entry.id == id);
        let name = entry.map(|entry| entry.name.escape_debug().to_string());
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "a member that never started".to_owned())
    }
}

fn no_quorum(session: &Session, member: &HostName, statuses: &[Look<Status>]) -> Failure {
    let (name, plan) = (&session.home.name, &session.plan);
    let able = plan.members.iter().zip(statuses);
    let able = able.filter(|(one, look)| {
        let leads = |status: &Status| {
            status.leader.is_some() && status.cluster_id == plan.cluster_id && !status.is_learner
        };
        one.name != *member && look.seen().is_some_and(leads)
    });
    let able: Vec<&HostName> = able.map(|(one, _)| &one.name).collect();
    let who = match able.as_slice() {
        [] => "no other member has a leader".to_owned(),
        able => format!("of the others, only {} can agree", list(able)),
    };
    Failure::refused(
        Diagnostic::error(format!("without `{member}`, the cluster has no quorum"))
            .note(who)
            .hint(Hint::informs(
                "see what is wrong with the others, and which command helps",
                [format!("cargo xtask verify {name}")],
            )),
    )
}
