//! What a step makes of a cluster.

use super::{Joining, Kind, Known, Leaving, Life, Moving, State, Step};
use crate::observation::ListedMember;
use crate::plan::Member;
use crate::plan::identity::EtcdId;

impl State {
    /// The cluster after this step, if nothing else changes.
    #[must_use]
    pub fn after(&self, step: &Step) -> Self {
        let one = self.members.iter().find(|one| step.is_of(one));
        let (name, id) = one.map_or(("", None), |one| (one.name.as_str(), one.id()));
        self.after_kind(name, id, &step.kind)
    }

    pub(super) fn after_kind(&self, name: &str, id: Option<EtcdId>, kind: &Kind) -> Self {
        let mut state = self.clone();
        let has_learners = self.has_learners;
        let mut members = state.members.iter_mut();
        let Some(one) = members.find(|one| one.name == name && one.id() == id) else {
            return state;
        };
        match kind {
            Kind::Start(to) => one.runs_at(to),
            Kind::Restart | Kind::Upgrade(_) => {
                if let Some(place) = one.place.clone() {
                    one.runs_at(&place);
                }
                if let Kind::Upgrade(to) = kind {
                    one.version = Some(*to);
                }
            }
            Kind::Add(Joining::Add) => one.entry = one.new_entry(has_learners),
            Kind::Add(Joining::Start(id)) => {
                if let Some(to) = one.defined.clone() {
                    one.runs_at(&Member { id: *id, ..to });
                }
                one.is_recorded = true;
            }
            Kind::Add(Joining::Promote(_)) => {
                if let Some(entry) = &mut one.entry {
                    entry.is_learner = false;
                }
                // It gets its vote once it has all data.
                one.is_able = true;
            }
            Kind::Remove(Leaving::Remove(_)) => {
                one.entry = None;
                one.is_able = false;
            }
            Kind::Remove(Leaving::Stop) => one.life = Life::Stopped,
            Kind::Remove(Leaving::SetAside) => one.forget(),
            Kind::Move(to, Moving::Update) => {
                if let Some(entry) = &mut one.entry {
                    entry.peer_urls = vec![to.peer_url()];
                }
            }
            Kind::Move(to, Moving::Restart) => {
                one.runs_at(to);
                one.version = one.version.map(|_| self.version);
            }
        }
        let has_left =
            |one: &Known| one.defined.is_none() && one.entry.is_none() && !one.is_recorded;
        state.members.retain(|one| !has_left(one));
        state.unite();
        state.elect(name, kind);
        state
    }

    /// An entry without a name may be that of a member whose earlier data is out of the way now.
    fn unite(&mut self) {
        let new = |one: &Known| one.entry.is_none() && !one.is_recorded;
        for at in 0..self.members.len() {
            let one = &self.members[at];
            let Some(url) = one
                .defined
                .as_ref()
                .map(Member::peer_url)
                .filter(|_| new(one))
            else {
                continue;
            };
            let is_its = |other: &Known| {
                let urls = other.entry.as_ref().map(|entry| &entry.peer_urls);
                other.name.is_empty() && urls.is_some_and(|urls| urls.contains(&url))
            };
            if let Some(other) = self.members.iter().position(is_its) {
                self.members[at].entry = self.members[other].entry.clone();
                self.members.remove(other);
                return;
            }
        }
    }

    /// A leader that is restarted or removed has handed its leadership over.
    fn elect(&mut self, name: &str, kind: &Kind) {
        let stays = matches!(
            kind,
            Kind::Add(_) | Kind::Start(_) | Kind::Move(_, Moving::Update)
        );
        let other = |one: &Known| one.is_voter() && one.is_able && one.name != name;
        let leads = |one: &Known| one.is_voter() && one.leads;
        if (stays || !self.members.iter().any(|one| one.name == name && one.leads))
            && self.members.iter().any(leads)
        {
            return;
        }
        if let Some(next) = self.members.iter().position(other) {
            self.members.iter_mut().for_each(|one| one.leads = false);
            self.members[next].leads = true;
        }
    }
}

impl Known {
    fn runs_at(&mut self, place: &Member) {
        self.place = Some(place.clone());
        self.life = Life::Running;
        self.is_able = true;
        self.differs.clear();
        if let Some(entry) = &mut self.entry {
            entry.name.clone_from(&self.name);
        }
    }

    fn forget(&mut self) {
        self.place = None;
        self.is_recorded = false;
        self.life = Life::Absent;
        self.is_able = false;
        self.leads = false;
        self.differs.clear();
        self.version = None;
    }

    /// The ID depends on the time, so any other one will do.
    fn new_entry(&self, is_learner: bool) -> Option<ListedMember> {
        let defined = self.defined.as_ref()?;
        Some(ListedMember {
            id: EtcdId(!defined.id.0),
            name: String::new(),
            peer_urls: vec![defined.peer_url()],
            client_urls: Vec::new(),
            is_learner,
        })
    }
}
