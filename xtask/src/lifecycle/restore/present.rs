//! The cluster that is about to be restored.

use crate::advice::Unusable;
use crate::backup::has_quorum;
use crate::etcd::observe;
use crate::lifecycle::reach::Reach;
use crate::observation::{Condition, ListedMember, Look, Status};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::session::Session;
use crate::state::Record;

/// The cluster as it is before the restoration.
pub(super) struct Present {
    /// The way to its members.
    pub(super) _reach: Reach,
    /// The ID of the cluster that was started.
    pub(super) cluster: EtcdId,
    /// What its members answer.
    pub(super) statuses: Vec<(Member, Look<Status>)>,
    /// The highest revision of those that answer.
    pub(super) revision: Option<u64>,
    pub(super) has_quorum: bool,
    /// The names of members that are not defined.
    pub(super) undefined: Vec<String>,
    /// Whether enough members have data for `up` to start the cluster.
    pub(super) can_start: bool,
}

impl Present {
    pub(super) fn of(session: &Session) -> Outcome<Self> {
        let Session {
            home,
            record,
            driver,
            plan,
            tools,
            ..
        } = session;
        let reach = Reach::of(session.ui, *driver, home, record.members());
        let members = reach.members.clone();
        let cluster = record.cluster_id();
        let conditions = driver.conditions(home, &record.names())?;
        let statuses = if conditions.iter().any(Condition::is_running) {
            observe::statuses(&members, tools, observe::PATIENCE)
        } else {
            vec![Look::NotAsked("does not run".to_owned()); members.len()]
        };
        let ours = statuses.iter().filter_map(Look::seen);
        let ours = ours.filter(|status| status.cluster_id == cluster);
        let revision = ours.filter_map(|status| status.revision).max();
        let has_quorum = has_quorum(&statuses, cluster);
        let answers = members.iter().zip(&statuses);
        let answers = answers.filter(|(_, status)| status.seen().is_some());
        let undefined = match answers.map(|(member, _)| member).next() {
            Some(member) if has_quorum => {
                let list = observe::member_list(member, tools, observe::PATIENCE);
                undefined(plan, record, list.seen())
            }
            _ => Vec::new(),
        };
        let is_usable = |(member, condition): &(&Member, &Condition)| {
            let ended = driver.ended(home, &member.name);
            let is_damaged = ended.and_then(Unusable::because_of).is_some();
            condition.is_running() || (**condition == Condition::Stopped && !is_damaged)
        };
        let usable = members.iter().zip(&conditions).filter(is_usable).count();
        Ok(Self {
            _reach: reach,
            cluster,
            revision,
            has_quorum,
            undefined,
            can_start: usable > members.len() / 2,
            statuses: members.into_iter().zip(statuses).collect(),
        })
    }
}

/// The members in the cluster's own list that are neither defined nor recorded.
fn undefined(plan: &Plan, record: &Record, list: Option<&Vec<ListedMember>>) -> Vec<String> {
    let known: Vec<String> = plan
        .members
        .iter()
        .chain(&record.members())
        .map(Member::peer_url)
        .collect();
    let listed = list.into_iter().flatten();
    let unknown = listed.filter(|listed| !listed.peer_urls.iter().any(|url| known.contains(url)));
    let name = |listed: &ListedMember| match listed.name.as_str() {
        "" => listed.id.to_string(),
        name => name.escape_debug().to_string(),
    };
    unknown.map(name).collect()
}
