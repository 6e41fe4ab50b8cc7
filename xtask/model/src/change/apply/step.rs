//! One step of a change, in words.

use super::{Known, State};
use crate::advice;
use crate::command_line;
use crate::hint::Hint;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::values::{EtcdVersion, HostName, Ports};
use crate::wording::list;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The member's name, or the ID of an entry without one.
    pub member: String,
    /// What happens to it.
    pub kind: Kind,
    /// The reason.
    pub why: String,
    /// What is done once before it; none for most steps.
    pub first: Option<String>,
    /// Where the member is or will be.
    pub at: Option<Member>,
    /// The voters before the step.
    pub before: Voters,
    /// The voters meanwhile.
    pub during: Voters,
    /// The voters after it.
    pub after: Voters,
}

/// What happens to a member, and what is left of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It is started at this place.
    Start(Member),
    /// It joins the cluster.
    Add(Joining),
    /// It leaves the cluster.
    Remove(Leaving),
    /// It moves to another place.
    Move(Member, Moving),
    /// It is restarted where it is.
    Restart,
    /// It is restarted where it is, with this version of etcd.
    Upgrade(EtcdVersion),
}

/// The stages of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// Add it to the cluster's list.
    Add,
    /// Start it without data, under this ID.
    Start(EtcdId),
    /// Give it its vote, once it has the others' data.
    Promote(EtcdId),
}

/// The stages of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Remove this entry from the cluster's list.
    Remove(EtcdId),
    /// Stop its process.
    Stop,
    /// Move its data aside, and forget it.
    SetAside,
}

/// The stages of moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// Give its entry the new peer URL.
    Update,
    /// Restart it at the new place.
    Restart,
}

/// The voters of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voters {
    /// All of them.
    pub all: usize,
    /// Those that serve.
    pub able: usize,
}

/// What keeps a step from being taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The cluster has no quorum.
    NoQuorum,
    /// A member that stays cannot be started with its data, or has none.
    LostData(HostName),
    /// A member that stays is halted.
    Halted(HostName),
    /// A member that stays runs, and does not answer or has no leader.
    DoesNotServe(HostName),
    /// No address is free for a member that has to step aside.
    NoFreeAddress,
}

impl Voters {
    /// How many have to agree.
    pub const fn needed(self) -> usize {
        self.all / 2 + 1
    }

    /// Whether enough of them serve.
    pub const fn have_quorum(self) -> bool {
        self.able >= self.needed()
    }

    /// How many more may fail.
    pub const fn may_fail(self) -> usize {
        self.able.saturating_sub(self.needed())
    }

    /// The one of two with less reserve.
    fn worse(self, other: Self) -> Self {
        let reserve = |one: Self| one.able as isize - one.needed() as isize;
        if reserve(other) < reserve(self) {
            other
        } else {
            self
        }
    }
}

impl Step {
    pub(super) fn new(state: &State, one: &Known, kind: Kind, why: String) -> Self {
        let before = state.voters();
        let after = state.after_kind(&one.name, one.id(), &kind).voters();
        let mut without = before;
        if one.is_voter() && one.is_able {
            without.able -= 1;
        }
        let during = match kind {
            Kind::Restart | Kind::Upgrade(_) | Kind::Move(..) => without,
            Kind::Start(_) => before,
            Kind::Add(_) | Kind::Remove(_) => before.worse(after),
        };
        let id = || one.id().map(|id| id.to_string());
        let at = match &kind {
            Kind::Start(to) | Kind::Move(to, _) => Some(to.clone()),
            Kind::Add(_) => one.defined.clone(),
            Kind::Remove(_) | Kind::Restart | Kind::Upgrade(_) => one.place.clone(),
        };
        Self {
            member: match one.name.as_str() {
                "" => id().unwrap_or_default(),
                name => name.to_owned(),
            },
            first: state.first(one, &kind),
            kind,
            why,
            at,
            before,
            during,
            after,
        }
    }

    /// Whether it is about this member.
    pub fn is_of(&self, one: &Known) -> bool {
        let id = one.id().map(|id| id.to_string());
        one.name == self.member || (one.name.is_empty() && id.as_ref() == Some(&self.member))
    }

    /// What it does.
    pub fn what(&self) -> String {
        let member = &self.member;
        let peers = self.at.as_ref().map(Member::peer_url).unwrap_or_default();
        match &self.kind {
            Kind::Start(_) => format!("start {member}"),
            Kind::Restart => format!("restart {member}"),
            Kind::Upgrade(to) => format!("restart {member} with etcd {to}"),
            Kind::Add(Joining::Add) => format!("add {member} at {peers}"),
            Kind::Add(Joining::Start(_)) => format!("start {member}, which joins without data"),
            Kind::Add(Joining::Promote(_)) => format!("give {member} its vote"),
            Kind::Remove(Leaving::Remove(_)) => format!("remove {member}"),
            Kind::Remove(Leaving::Stop) => format!("stop {member}, which was removed"),
            Kind::Remove(Leaving::SetAside) => format!("move the data of {member} aside"),
            Kind::Move(_, Moving::Update) => format!("move {member} to {peers}"),
            Kind::Move(to, Moving::Restart) => {
                let Ports { client, peer } = to.ports;
                format!(
                    "restart {member} at {}, ports {client} and {peer}",
                    to.address
                )
            }
        }
    }

    /// What it does, in two words.
    pub fn in_short(&self) -> String {
        format!("{} {}", self.word(), self.member)
    }

    /// Its kind, as a word for programs.
    pub const fn word(&self) -> &'static str {
        match self.kind {
            Kind::Start(_) => "start",
            Kind::Restart => "restart",
            Kind::Upgrade(_) => "upgrade",
            Kind::Add(_) => "add",
            Kind::Remove(_) => "remove",
            Kind::Move(..) => "move",
        }
    }

    /// Whether it starts a process, which should not be necessary twice.
    pub const fn is_once(&self) -> bool {
        matches!(
            self.kind,
            Kind::Restart
                | Kind::Upgrade(_)
                | Kind::Start(_)
                | Kind::Add(Joining::Start(_))
                | Kind::Move(_, Moving::Restart)
        )
    }

    /// Whether it changes the version of a member.
    pub const fn is_upgrade(&self) -> bool {
        matches!(self.kind, Kind::Upgrade(_))
    }

    /// Whether nothing of it was done yet.
    pub const fn begins(&self) -> bool {
        matches!(
            self.kind,
            Kind::Restart
                | Kind::Upgrade(_)
                | Kind::Add(Joining::Add)
                | Kind::Remove(Leaving::Remove(_))
                | Kind::Move(_, Moving::Update)
        )
    }

    /// Whether the cluster does not serve meanwhile.
    pub const fn interrupts(&self) -> bool {
        self.before.have_quorum() && !self.during.have_quorum()
    }

    /// Whether the other one completes what this one begins.
    pub(super) fn continues_with(&self, next: &Self) -> bool {
        let is_more = match (&self.kind, &next.kind) {
            (Kind::Add(_), Kind::Add(stage)) => *stage != Joining::Add,
            (Kind::Remove(_), Kind::Remove(stage)) => !matches!(stage, Leaving::Remove(_)),
            (Kind::Move(to, _), Kind::Move(next, Moving::Restart)) => to == next,
            _ => false,
        };
        is_more && self.member == next.member
    }

    pub(super) fn absorb(&mut self, next: Self) {
        self.during = self.during.worse(next.during);
        self.after = next.after;
    }
}

impl Obstacle {
    /// What it is, and what to do about it.
    pub fn in_words(&self, plan: &Plan) -> (String, Hint) {
        let verify = || {
            let verify = [command_line::task(plan, "verify")];
            Hint::informs("see what is wrong, and which command helps", verify)
        };
        let up = |text: &str| Hint::heals(text, [command_line::task(plan, "up")]);
        match self {
            Self::NoQuorum => ("the cluster has no quorum".to_owned(), verify()),
            Self::LostData(member) => {
                let replaceable = advice::can_be_replaced(plan);
                let hint = if replaceable {
                    let replace = [command_line::replace(&plan.name, member)];
                    Hint::heals("replace it first", replace)
                } else {
                    verify()
                };
                (
                    format!("`{member}` has lost its data, or cannot be started with it"),
                    hint,
                )
            }
            Self::Halted(member) => (
                format!("the process of `{member}` is halted"),
                up("continue it first"),
            ),
            Self::DoesNotServe(member) => (format!("`{member}` does not serve"), verify()),
            Self::NoFreeAddress => (
                "no address is free for a member that has to step aside".to_owned(),
                Hint::says("free an address between 2 and 250 in the members' network"),
            ),
        }
    }
}

/// Steps that were taken, in words: `added core-04 and core-05; restarted core-01`.
pub fn done(steps: &[Step]) -> String {
    let mut kinds: Vec<(&str, String, Vec<&str>)> = Vec::new();
    for step in steps {
        let mut with = String::new();
        let word = match step.kind {
            Kind::Start(_) => "started",
            Kind::Restart => "restarted",
            Kind::Upgrade(to) => {
                with = format!(" with etcd {to}");
                "restarted"
            }
            Kind::Add(_) => "added",
            Kind::Remove(_) => "removed",
            Kind::Move(..) => "moved",
        };
        let member = step.member.as_str();
        let mut known = kinds.iter_mut();
        match known.find(|known| (known.0, &known.1) == (word, &with)) {
            Some((.., members)) if members.contains(&member) => {}
            Some((.., members)) => members.push(member),
            None => kinds.push((word, with, vec![member])),
        }
    }
    let kinds = kinds.iter();
    let kinds = kinds.map(|(word, with, members)| format!("{word} {}{with}", list(members)));
    kinds.collect::<Vec<_>>().join("; ")
}
