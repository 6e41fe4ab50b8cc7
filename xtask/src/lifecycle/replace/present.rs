//! The members of a cluster other than the one that is replaced.

use std::time::{Duration, Instant};

use super::AGAIN;
use crate::etcd::observe;
use crate::hint::Hint;
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
    pub(super) listed: Vec<ListedMember>,
    /// The other voters that do not answer.
    pub(super) dead: Vec<EtcdId>,
    /// Whether the process of the member runs.
    pub(super) is_running: bool,
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
        let (Some((asked, _)), Some(Look::Seen(listed))) = (asked, list) else {
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
        let answers =
            |entry: &&&ListedMember| seen().any(|(_, status)| status.member_id == entry.id);
        let dead = voters.iter().filter(is_other);
        let dead = dead.filter(|entry| !answers(entry)).map(|entry| entry.id);
        let conditions = driver.conditions(home, std::slice::from_ref(member))?;
        let itself = both().find(|(one, _)| one.name == *member);
        Ok(Some(Self {
            asked: asked.clone(),
            dead: dead.collect(),
            is_running: conditions.iter().any(Condition::is_running),
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
            .note("nothing was changed")
            .hint(Hint::informs(
                "see what is wrong with the others, and which command helps",
                [format!("cargo xtask verify {name}")],
            )),
    )
}
