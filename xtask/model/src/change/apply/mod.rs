//! The steps from a running cluster to its edited definition.
//!
//! `plan` lists the steps, and `apply` takes the first one of a new list each time. A step that was interrupted
//! is found in the state that it left, so nothing has to remember it.

mod effect;
mod seen;
mod step;

use std::net::Ipv4Addr;

use crate::facts::upgrades;
use crate::observation::ListedMember;
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::values::{EtcdVersion, HostName, Scheme};
pub use seen::{MemberSeen, Seen, place};
pub use step::{Joining, Kind, Leaving, Moving, Obstacle, Step, Voters, done};

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Every member that is defined, recorded or listed.
    pub members: Vec<Known>,
    /// Whether members can join without a vote.
    pub has_learners: bool,
    /// The version of etcd that the members are to run.
    pub version: EtcdVersion,
}

/// What is known of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name; empty if nothing but its entry in the cluster's list is known.
    pub name: String,
    /// The member as it is defined, if it is.
    pub defined: Option<Member>,
    /// Its entry in the cluster's list.
    pub entry: Option<ListedMember>,
    /// Where its process listens, or where it was recorded last.
    pub place: Option<Member>,
    /// Whether it is recorded.
    pub is_recorded: bool,
    /// The state of its process and its data.
    pub life: Life,
    /// Whether it answers and has a leader.
    pub is_able: bool,
    /// Whether it leads.
    pub leads: bool,
    /// How the flags of its process differ from the defined ones.
    pub differs: Vec<String>,
    /// The version of etcd that it runs, if it says so.
    pub version: Option<EtcdVersion>,
}

/// The state of a member's process and data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// Its process is halted.
    Halted,
    /// It has its data and does not run.
    Stopped,
    /// It exits whenever it is started with its data.
    Unusable,
    /// It has no data.
    Absent,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Take this step.
    Step(Step),
    /// Nothing can be done.
    Blocked(Obstacle),
    /// Nothing is left to do.
    Done,
}

/// All steps, and what stops them before the definition is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// What comes after them, if it is not the definition.
    pub obstacle: Option<Obstacle>,
    /// The cluster after them.
    pub after: State,
}

/// More steps than any change takes.
const MOST: usize = 500;

impl State {
    /// All steps.
    pub fn steps(&self) -> Steps {
        let mut state = self.clone();
        let mut steps: Vec<Step> = Vec::new();
        let mut obstacle = Some(Obstacle::NoQuorum);
        for _ in 0..MOST {
            let step = match state.next() {
                Next::Step(step) => step,
                Next::Done => {
                    obstacle = None;
                    break;
                }
                Next::Blocked(why) => {
                    obstacle = Some(why);
                    break;
                }
            };
            state = state.after(&step);
            match steps.last_mut() {
                Some(last) if last.continues_with(&step) => last.absorb(step),
                _ => steps.push(step),
            }
        }
        Steps {
            steps,
            obstacle,
            after: state,
        }
    }

    /// The next step.
    pub fn next(&self) -> Next {
        let started = self.started();
        // That needs no quorum: without learners, the second member costs the first its own until it runs.
        if !self.voters().have_quorum() && !started.as_ref().is_some_and(Next::is_start) {
            return Next::Blocked(Obstacle::NoQuorum);
        }
        self.completed_membership()
            .or(started)
            .or_else(|| self.completed_move())
            .or_else(|| self.promoted())
            .or_else(|| self.dead_removed())
            .or_else(|| self.unhealthy())
            .or_else(|| self.upgraded())
            .or_else(|| self.added())
            .or_else(|| self.moved())
            .or_else(|| self.restarted())
            .or_else(|| self.made_room())
            .or_else(|| self.stepped_aside())
            .or_else(|| self.removed())
            .unwrap_or(Next::Done)
    }

    /// The members that vote.
    pub fn voters(&self) -> Voters {
        let voters = || self.members.iter().filter(|one| one.is_voter());
        Voters {
            all: voters().count(),
            able: voters().filter(|one| one.is_able).count(),
        }
    }

    /// Completes the removal of a member that the cluster no longer lists. Data that nobody recorded is of an earlier
    /// member of this name.
    fn completed_membership(&self) -> Option<Next> {
        let is_gone = |one: &&Known| one.is_recorded && one.entry.is_none();
        let is_stale = |one: &&Known| {
            let entry = one.entry.as_ref();
            let never_ran = entry.is_none_or(|entry| entry.name.is_empty());
            one.defined.is_some() && !one.is_recorded && never_ran && one.life != Life::Absent
        };
        let mut members = self.members.iter();
        let gone = members.find(|one| is_gone(one) || is_stale(one))?;
        let stage = match gone.life {
            Life::Running | Life::Halted => Leaving::Stop,
            Life::Stopped | Life::Unusable | Life::Absent => Leaving::SetAside,
        };
        let why = "the cluster has removed it";
        Some(self.step(gone, Kind::Remove(stage), why))
    }

    /// Starts what should run and does not.
    fn started(&self) -> Option<Next> {
        let mut stopped = self.stayers().filter(|one| one.life != Life::Running);
        let one = stopped.next()?;
        let entry = one.entry.as_ref()?;
        let lost = |name: &HostName| Next::Blocked(Obstacle::LostData(name.clone()));
        let name = &one.defined.as_ref()?.name;
        Some(match one.life {
            Life::Halted => Next::Blocked(Obstacle::Halted(name.clone())),
            Life::Stopped => {
                let to = one.own_place()?;
                self.step(one, Kind::Start(to), "it has its data and does not run")
            }
            Life::Absent if entry.name.is_empty() => {
                let stage = Joining::Start(entry.id);
                self.step(one, Kind::Add(stage), "it was added and never started")
            }
            // It has no vote yet. Under its ID, it must not come back without what it has acknowledged.
            _ if entry.is_learner => {
                let stage = Leaving::Remove(entry.id);
                self.step(
                    one,
                    Kind::Remove(stage),
                    "its data was lost while it joined",
                )
            }
            _ => lost(name),
        })
    }

    /// Restarts a member whose peer URL was changed while it ran.
    fn completed_move(&self) -> Option<Next> {
        let half_moved = |one: &&Known| {
            let url = one.place.as_ref().map(Member::peer_url);
            let is_elsewhere = url.is_some_and(|url| one.url() != Some(&url));
            is_elsewhere && one.life == Life::Running && one.moves_there()
        };
        let one = self.members.iter().find(half_moved)?;
        let to = one.listed_place()?;
        let why = "the cluster has its new peer URL already";
        Some(self.step(one, Kind::Move(to, Moving::Restart), why))
    }

    fn promoted(&self) -> Option<Next> {
        let learner = |one: &&Known| one.entry.as_ref().is_some_and(|entry| entry.is_learner);
        let one = self.stayers().find(learner)?;
        let stage = Joining::Promote(one.entry.as_ref()?.id);
        Some(self.step(one, Kind::Add(stage), "it has joined and has no vote yet"))
    }

    /// etcd adds nobody while a voter is dead.
    fn dead_removed(&self) -> Option<Next> {
        let mut others = self.members.iter().filter(|one| one.defined.is_none());
        let one = others.find(|one| one.entry.is_some() && !(one.is_voter() && one.is_able))?;
        let stage = Leaving::Remove(one.entry.as_ref()?.id);
        Some(self.step(
            one,
            Kind::Remove(stage),
            "it is not defined, and does not serve",
        ))
    }

    fn unhealthy(&self) -> Option<Next> {
        let one = self.stayers().find(|one| !one.is_able)?;
        let name = one.defined.as_ref()?.name.clone();
        Some(Next::Blocked(Obstacle::DoesNotServe(name)))
    }

    /// Before members are added, because those start with the new version.
    fn upgraded(&self) -> Option<Next> {
        // One that moves gets the version when it restarts at its new place.
        let moves = |one: &Known| self.movers().any(|(mover, _)| mover.name == one.name);
        let others = self.of_other_versions().filter(|one| !moves(one));
        let others = others.map(|one| (one, ()));
        let (one, ()) = *self.leader_last(others).first()?;
        let why = format!("it runs etcd {}", one.version?);
        Some(self.step(one, Kind::Upgrade(self.version), why))
    }

    /// What the cluster needs before its first member gets another minor release.
    fn first(&self, one: &Known, kind: &Kind) -> Option<String> {
        let gets_it = matches!(kind, Kind::Upgrade(_) | Kind::Move(..));
        let runs = one
            .version
            .filter(|runs| gets_it && *runs != self.version)?;
        let (runs, wanted) = (runs.minor_release(), self.version.minor_release());
        let mut others = self.members.iter().filter_map(|one| one.version);
        if others.any(|version| version.minor_release() == wanted) {
            return None;
        }
        if wanted < runs {
            let (major, minor) = wanted;
            return Some(format!(
                "etcd's own downgrade to {major}.{minor} is enabled"
            ));
        }
        let old_entries = upgrades::old_entries(wanted);
        old_entries.map(|_| "every member saves a snapshot of its log".to_owned())
    }

    /// The members that stay, and run another version than they should.
    pub fn of_other_versions(&self) -> impl Iterator<Item = &Known> {
        let is_other = |one: &&Known| one.version.is_some_and(|runs| runs != self.version);
        self.stayers().filter(is_other)
    }

    fn added(&self) -> Option<Next> {
        let mut new = self.new_members();
        let (one, _) = new.find(|(one, defined)| self.in_the_way(one, defined).is_empty())?;
        let why = "it is defined, and not a member";
        Some(self.step(one, Kind::Add(Joining::Add), why))
    }

    fn moved(&self) -> Option<Next> {
        let mut movers = self.leader_last(self.movers());
        movers.retain(|(one, to)| self.in_the_way(one, to).is_empty());
        let (one, to) = movers.first()?;
        let was = one.place.as_ref()?;
        let why = if was.peer_url() == to.peer_url() {
            format!("it serves clients at {}", was.client_url())
        } else {
            format!("it is at {}", was.peer_url())
        };
        let stage = if one.url() == Some(&to.peer_url()) {
            Moving::Restart
        } else {
            Moving::Update
        };
        Some(self.step(one, Kind::Move((*to).clone(), stage), why))
    }

    /// Before members are removed, because then more may be missing meanwhile.
    fn restarted(&self) -> Option<Next> {
        let moves = |one: &Known| self.movers().any(|(mover, _)| mover.name == one.name);
        let differing = self.stayers();
        let differing = differing.filter(|one| !one.differs.is_empty() && !moves(one));
        let differing = differing.map(|one| (one, ()));
        let (one, ()) = *self.leader_last(differing).first()?;
        let why = format!("it runs {}", crate::wording::list(&one.differs));
        Some(self.step(one, Kind::Restart, why))
    }

    /// Removes a member whose address another one gets. The only member steps aside instead, and so does one of
    /// three if the other only moves: two members need both, so neither could move.
    fn made_room(&self) -> Option<Next> {
        let blocked = self.new_members().chain(self.movers());
        let in_the_way = blocked.flat_map(|(one, to)| {
            let others = self.in_the_way(one, to).into_iter();
            others.map(move |other| (other, one))
        });
        let others = in_the_way.filter(|(other, _)| other.defined.is_none());
        let others = self.leader_last(others);
        let (other, one) = *others.first()?;
        let why = format!("it is not defined, and {} gets its address", one.name);
        let voters = self.voters().all;
        if voters > 1 && !(voters == 3 && one.entry.is_some()) {
            let stage = Leaving::Remove(other.entry.as_ref()?.id);
            return Some(self.step(other, Kind::Remove(stage), why));
        }
        Some(self.step_aside(other, why))
    }

    /// Breaks a circle of members that get each other's addresses.
    fn stepped_aside(&self) -> Option<Next> {
        let movers = self.leader_last(self.movers());
        let (one, to) = movers.first()?;
        let others = self.in_the_way(one, to);
        let why = format!(
            "{} is at its new address, and moves as well",
            others.first()?.name
        );
        Some(self.step_aside(one, why))
    }

    fn step_aside(&self, one: &Known, why: String) -> Next {
        match self.free_place(one) {
            Some(to) => self.step(one, Kind::Move(to, Moving::Update), why),
            None => Next::Blocked(Obstacle::NoFreeAddress),
        }
    }

    fn removed(&self) -> Option<Next> {
        let others = self.members.iter().filter(|one| one.defined.is_none());
        let others = others.filter(|one| one.entry.is_some());
        let (one, ()) = *self.leader_last(others.map(|one| (one, ()))).first()?;
        let stage = Leaving::Remove(one.entry.as_ref()?.id);
        Some(self.step(one, Kind::Remove(stage), "it is not defined"))
    }

    /// The members to record: those that have joined, and those that are being added or removed.
    pub fn settled(&self) -> (Vec<Member>, Vec<Member>) {
        let recorded = self.members.iter().filter(|one| one.is_recorded);
        let recorded = recorded.filter_map(|one| {
            let place = one.place.clone()?;
            let id = one.id().unwrap_or(place.id);
            Some((one, Member { id, ..place }))
        });
        let has_joined = |one: &Known| {
            let entry = one.entry.as_ref();
            entry.is_some_and(|entry| !entry.is_learner && !entry.name.is_empty())
        };
        let (joined, others): (Vec<_>, Vec<_>) = recorded.partition(|(one, _)| has_joined(one));
        let members = |all: Vec<(&Known, Member)>| all.into_iter().map(|(_, one)| one).collect();
        (members(joined), members(others))
    }

    /// The listed members that are defined.
    fn stayers(&self) -> impl Iterator<Item = &Known> {
        let members = self.members.iter();
        members.filter(|one| one.defined.is_some() && one.entry.is_some())
    }

    /// The defined members that the cluster does not list.
    fn new_members(&self) -> impl Iterator<Item = (&Known, &Member)> {
        let new = self.members.iter().filter(|one| one.entry.is_none());
        new.filter_map(|one| Some((one, one.defined.as_ref()?)))
    }

    /// The members that are not where they are defined.
    fn movers(&self) -> impl Iterator<Item = (&Known, &Member)> {
        self.stayers().filter_map(|one| {
            let (place, defined) = (one.place.as_ref()?, one.defined.as_ref()?);
            let is_there = (place.address, place.ports) == (defined.address, defined.ports);
            let is_listed = one.url() == Some(&defined.peer_url());
            (!(is_there && is_listed)).then_some((one, defined))
        })
    }

    /// The other members that are at this place, or are listed there.
    fn in_the_way(&self, one: &Known, to: &Member) -> Vec<&Known> {
        let url = to.peer_url();
        let others = self.members.iter().filter(|other| other.entry.is_some());
        let others = others.filter(|other| !std::ptr::eq(*other, one));
        let is_there = |other: &&Known| {
            let is_listed = other.entry.as_ref();
            is_listed.is_some_and(|entry| entry.peer_urls.contains(&url))
                || other.place.as_ref().is_some_and(|place| clash(place, to))
        };
        others.filter(is_there).collect()
    }

    fn leader_last<'a, T>(
        &self,
        members: impl Iterator<Item = (&'a Known, T)>,
    ) -> Vec<(&'a Known, T)> {
        let mut members: Vec<(&Known, T)> = members.collect();
        members.sort_by_key(|(one, _)| one.leads);
        members
    }

    /// An address beside a member's own that no member has or gets.
    fn free_place(&self, one: &Known) -> Option<Member> {
        let place = one.place.as_ref()?;
        let [a, b, c, _] = place.address.octets();
        let used = self.members.iter().flat_map(|one| {
            let listed = one.url().and_then(|url| Scheme::split(url));
            let listed = listed.map(|(_, socket)| *socket.ip());
            let of = |member: &Option<Member>| member.as_ref().map(|member| member.address);
            [listed, of(&one.place), of(&one.defined)]
        });
        let used: Vec<Ipv4Addr> = used.flatten().collect();
        let mut free = (2..=250).rev().map(|d| Ipv4Addr::new(a, b, c, d));
        let address = free.find(|address| !used.contains(address))?;
        Some(Member {
            address,
            ..place.clone()
        })
    }

    fn step(&self, one: &Known, kind: Kind, why: impl Into<String>) -> Next {
        Next::Step(Step::new(self, one, kind, why.into()))
    }
}

impl Next {
    /// Whether it completes what this step began.
    pub fn continues(&self, step: &Step) -> bool {
        matches!(self, Self::Step(next) if step.continues_with(next))
    }

    /// Whether it starts or removes a member that does not serve, or gives one its vote.
    pub fn heals(&self) -> bool {
        let Self::Step(step) = self else {
            return false;
        };
        let has_no_vote = matches!(step.kind, Kind::Remove(_)) && step.before == step.after;
        let joins = matches!(step.kind, Kind::Add(Joining::Promote(_)));
        has_no_vote || joins || step.before.able < step.before.all
    }

    const fn is_start(&self) -> bool {
        match self {
            Self::Step(step) => matches!(step.kind, Kind::Start(_) | Kind::Add(Joining::Start(_))),
            Self::Blocked(_) | Self::Done => false,
        }
    }
}

impl Known {
    /// Whether it votes.
    pub fn is_voter(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| !entry.is_learner)
    }

    /// Its ID in the cluster.
    pub fn id(&self) -> Option<EtcdId> {
        self.entry.as_ref().map(|entry| entry.id)
    }

    /// Its only peer URL in the cluster's list.
    fn url(&self) -> Option<&String> {
        match self.entry.as_ref()?.peer_urls.as_slice() {
            [url] => Some(url),
            _ => None,
        }
    }

    /// Whether the cluster's list has it where a step may have sent it: where it is defined, or at a free address
    /// beside its own. Somebody may have entered any other URL by hand.
    fn moves_there(&self) -> bool {
        let network = |member: &Member| {
            let [a, b, c, _] = member.address.octets();
            [a, b, c]
        };
        let (Some(to), Some(place)) = (self.listed_place(), &self.place) else {
            return false;
        };
        self.defined.as_ref() == Some(&to) || network(&to) == network(place)
    }

    /// The place where it is to run with its data.
    fn own_place(&self) -> Option<Member> {
        let listed = self.listed_place().filter(|_| self.moves_there());
        listed.or_else(|| self.place.clone())
    }

    /// The place where the cluster's list has it.
    pub fn listed_place(&self) -> Option<Member> {
        let url = self.url()?;
        if let Some(defined) = &self.defined
            && defined.peer_url() == *url
        {
            return Some(defined.clone());
        }
        let (scheme, socket) = Scheme::split(url)?;
        let mut place = self.place.clone()?;
        (place.address, place.ports.peer, place.scheme) = (*socket.ip(), socket.port(), scheme);
        Some(place)
    }
}

/// Whether two members cannot listen at the same time.
fn clash(one: &Member, other: &Member) -> bool {
    let ports = |member: &Member| [member.ports.client, member.ports.peer];
    one.address == other.address && ports(one).iter().any(|port| ports(other).contains(port))
}
