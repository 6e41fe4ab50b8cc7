//! What is known of a cluster, from its definition, its record and what it says itself.

use super::{Known, Life, State};
use crate::check::flag_differences;
use crate::observation::{ListedMember, StartedWith, Status};
use crate::plan::{Member, Plan};
use crate::values::{HostName, Scheme};

/// What was read.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The plan of the definition.
    pub defined: &'a Plan,
    /// The recorded members, with those that are being added or removed.
    pub recorded: &'a [Member],
    /// The cluster's own list.
    pub listed: &'a [ListedMember],
    /// What was seen of each member that is defined or recorded.
    pub members: &'a [MemberSeen],
}

/// What was seen of a member.
#[derive(Debug, Clone)]
pub struct MemberSeen {
    /// Its name.
    pub name: HostName,
    /// The state of its process and its data.
    pub life: Life,
    /// What its process was started with, if that can be read.
    pub started: Option<StartedWith>,
    /// Whether its machine was set up with other user-data than that of the definition.
    pub is_outdated: bool,
    /// Its own status, if it answers.
    pub status: Option<Status>,
}

impl State {
    /// Puts together what is known.
    pub fn of(seen: &Seen<'_>) -> Self {
        let mut taken = Vec::new();
        let defined = seen.defined.members.iter().map(|one| &one.name);
        let recorded = seen.recorded.iter().map(|one| &one.name);
        let mut names: Vec<&HostName> = Vec::new();
        for name in defined.chain(recorded) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut members: Vec<Known> = names.iter().map(|name| seen.known(name)).collect();
        taken.extend(members.iter().filter_map(Known::id));
        let others = seen.listed.iter().filter(|one| !taken.contains(&one.id));
        members.extend(others.map(|entry| Known {
            name: entry.name.clone(),
            defined: None,
            entry: Some(entry.clone()),
            place: None,
            is_recorded: false,
            life: Life::Absent,
            is_able: false,
            leads: false,
            differs: Vec::new(),
            version: None,
        }));
        Self {
            members,
            has_learners: seen.defined.version().has_learners(),
            version: seen.defined.version(),
        }
    }
}

impl Seen<'_> {
    fn known(&self, name: &HostName) -> Known {
        let named = |members: &[Member]| members.iter().find(|one| one.name == *name).cloned();
        let (defined, recorded) = (named(&self.defined.members), named(self.recorded));
        let seen = self.members.iter().find(|one| one.name == *name);
        let status = seen.and_then(|seen| seen.status.as_ref());
        let known_id = recorded.as_ref().map(|recorded| {
            let is_listed = |entry: &ListedMember| entry.id == recorded.id;
            // Somebody may have added it again by hand, or the record may have been lost.
            let is_it = |entry: &&ListedMember| {
                let runs_so = status.is_some_and(|status| status.member_id == entry.id);
                let is_there = runs_so || entry.peer_urls == [recorded.peer_url()];
                entry.name == name.as_str() && is_there
            };
            let mut listed = self.listed.iter();
            match listed.clone().any(is_listed) {
                true => recorded.id,
                false => listed.find(is_it).map_or(recorded.id, |entry| entry.id),
            }
        });
        let is_its = |entry: &&ListedMember| match (known_id, &defined) {
            (Some(id), _) => entry.id == id,
            // The task may have been killed before it recorded the member that it had added.
            (None, Some(defined)) => {
                let is_its = entry.name.is_empty() || entry.name == name.as_str();
                is_its && entry.peer_urls == [defined.peer_url()]
            }
            (None, None) => false,
        };
        let entry = self.listed.iter().find(is_its).cloned();
        let life = seen.map_or(Life::Absent, |seen| seen.life);
        let started = seen.and_then(|seen| seen.started.as_ref());
        let started = started.filter(|_| life == Life::Running);
        let status = status.filter(|status| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.id == status.member_id)
        });
        let base = recorded.clone().or_else(|| defined.clone());
        let runs_at = started.and_then(|started| place(started, base.as_ref()?));
        let place = runs_at.or_else(|| recorded.clone());
        let version = status.and_then(|status| status.version.parse().ok());
        let differs = match (started, &place, &defined) {
            // Its flags follow from it.
            _ if seen.is_some_and(|seen| seen.is_outdated) => {
                vec!["with the user-data of another definition".to_owned()]
            }
            (Some(started), Some(place), Some(_)) => {
                flag_differences(self.defined, place, version, started)
            }
            _ => Vec::new(),
        };
        Known {
            name: name.to_string(),
            defined,
            entry,
            place,
            is_recorded: recorded.is_some(),
            life,
            is_able: life == Life::Running && status.is_some_and(|status| status.leader.is_some()),
            leads: status.is_some_and(Status::leads),
            differs,
            version,
        }
    }
}

/// The member at the address and the ports where its process listens.
pub fn place(started: &StartedWith, member: &Member) -> Option<Member> {
    let socket = |flag: &str| Scheme::split(started.flag(flag)?);
    let ((_, clients), (scheme, peers)) =
        (socket("listen-client-urls")?, socket("listen-peer-urls")?);
    if clients.ip() != peers.ip() {
        return None;
    }
    let mut member = member.clone();
    (member.address, member.scheme) = (*peers.ip(), scheme);
    (member.ports.client, member.ports.peer) = (clients.port(), peers.port());
    Some(member)
}
