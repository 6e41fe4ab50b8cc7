//! A look at the cluster, for the choice of the next step.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::machines::{self, Inside};
use crate::advice::Unusable;
use crate::change::apply::{self, Life, MemberSeen, Next, Obstacle, Seen, State};
use crate::command_line;
use crate::etcd::observe;
use crate::facts::upgrades::Minor;
use crate::hint::Hint;
use crate::observation::{Condition, ListedMember, Look, StartedWith, Status};
use crate::pause::pause;
use crate::plan::Member;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::{EtcdVersion, HostName};

/// How long members may take to elect a leader.
const ELECTING: Duration = Duration::from_secs(10);

/// The pause between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// What was seen.
pub(super) struct Present {
    pub(super) state: State,
    /// The voters that have a leader, the leader first: where they are, and the last log entry that each has
    /// applied.
    able: Vec<(Member, Option<u64>)>,
    /// The members whose machines fail before etcd is started, so that they cannot start with the user-data that they have.
    pub(super) failing: Vec<HostName>,
    /// Whether a member serves the v2 API beside the v3 API.
    pub(super) serves_v2: bool,
    /// The size of the largest database in bytes.
    pub(super) largest_database: u64,
    /// The minor release to which etcd's own downgrade is enabled, as far as etcdctl shows it (since 3.6).
    pub(super) downgrade: Option<Minor>,
}

impl Present {
    /// Looks until the cluster has a quorum and all members that run serve, or some time has passed.
    pub(super) fn of(session: &Session) -> Outcome<Self> {
        let deadline = Instant::now() + ELECTING;
        loop {
            let seen = Self::seen(session)?;
            let is_over = Instant::now() > deadline;
            match seen {
                Some(present) if is_over || !present.may_improve() => return Ok(present),
                None if is_over => return Err(no_quorum(session)),
                _ => pause(AGAIN),
            }
        }
    }

    fn may_improve(&self) -> bool {
        let next = self.state.next();
        let passes = |obstacle: &Obstacle| {
            matches!(obstacle, Obstacle::NoQuorum | Obstacle::DoesNotServe(_))
        };
        matches!(next, Next::Blocked(obstacle) if passes(&obstacle))
    }

    /// `None` if no member has a leader and lists the others.
    fn seen(session: &Session) -> Outcome<Option<Self>> {
        let Session {
            home,
            driver,
            record,
            defined,
            tools,
            ..
        } = session;
        let recorded = [record.members(), record.in_transit()].concat();
        let mut members = recorded.clone();
        let is_new = |one: &&Member| !recorded.iter().any(|known| known.name == one.name);
        members.extend(defined.members.iter().filter(is_new).cloned());
        let names: Vec<HostName> = members.iter().map(|one| one.name.clone()).collect();
        let conditions = driver.conditions(home, &names)?;
        // A machine of which nothing is noted may have been set up by somebody else.
        let may_run = |one: &Condition| one.is_running() || *one == Condition::Unfinished;
        if !conditions.iter().any(may_run) {
            return Err(not_running(session));
        }
        let looks = match driver.machines() {
            Some(machines) => machines::look(session, machines, &names, &conditions)?,
            None => Vec::new(),
        };
        let mut started = driver.started_with(home, &names);
        started.extend(looks.iter().map(|look| match look {
            Ok(Inside {
                started: Some(started),
                ..
            }) => Look::Seen(started.clone()),
            _ => Look::NotAsked("was not inspected".to_owned()),
        }));
        for (member, started) in members.iter_mut().zip(&started) {
            let place = started.seen().and_then(|one| apply::place(one, member));
            *member = place.unwrap_or_else(|| member.clone());
        }
        let mut statuses = observe::statuses(&members, tools, observe::PATIENCE);
        for (status, condition) in statuses.iter_mut().zip(&conditions) {
            // Somebody else may answer at the address of a member that does not run.
            let is_stranger = |seen: &Status| seen.cluster_id != record.cluster_id();
            if !may_run(condition) || status.seen().is_some_and(is_stranger) {
                *status = Look::NotAsked("does not run".to_owned());
            }
        }
        let mut inside = Vec::new();
        for ((name, look), status) in names.iter().zip(looks).zip(&statuses) {
            let is_in_doubt = status.seen().is_some() && defined.names().contains(name);
            inside.push(match look {
                // Whether it runs as defined is not known then.
                Err(failure) if is_in_doubt => return Err(failure),
                look => look.unwrap_or(Inside::of(Life::Running)),
            });
        }
        let failing = names.iter().zip(&inside);
        let failing = failing.filter(|(_, inside)| inside.is_failing);
        let failing: Vec<HostName> = failing.map(|(name, _)| name.clone()).collect();
        let able = members.iter().zip(&statuses).filter_map(|(one, look)| {
            let status = look.seen()?;
            let is_able = status.leader.is_some() && !status.is_learner;
            is_able.then(|| (one.clone(), status))
        });
        let mut able: Vec<(Member, &Status)> = able.collect();
        able.sort_by_key(|(_, status)| !status.leads());
        let lists = able.iter().map(|(one, _)| {
            let listed = observe::member_list(one, tools, observe::PATIENCE);
            listed.seen().cloned()
        });
        let lists: Vec<Vec<ListedMember>> = lists.flatten().collect();
        let Some(listed) = lists.first().filter(|first| agree(first, &lists)) else {
            return Ok(None);
        };
        let mut seen = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let ended = || driver.ended(home, name).and_then(Unusable::because_of);
            let life = match conditions.get(at) {
                _ if let Some(inside) = inside.get(at) => inside.life,
                Some(Condition::Running(_) | Condition::Unfinished) => Life::Running,
                Some(Condition::Halted { .. }) => Life::Halted,
                Some(Condition::Stopped) if ended().is_some() => Life::Unusable,
                Some(Condition::Stopped) => Life::Stopped,
                Some(Condition::Absent) | None => Life::Absent,
            };
            seen.push(MemberSeen {
                name: name.clone(),
                life,
                is_outdated: inside.get(at).is_some_and(|inside| inside.is_outdated),
                started: started.get(at).and_then(Look::seen).cloned(),
                status: statuses.get(at).and_then(Look::seen).cloned(),
            });
        }
        let state = State::of(&Seen {
            defined,
            recorded: &recorded,
            listed,
            members: &seen,
        });
        let serves_v2 = |one: &Look<StartedWith>| {
            let flag = one.seen().and_then(|started| started.flag("enable-v2"));
            flag.is_some_and(|flag| flag != "false")
        };
        let serves_v2 = started.iter().any(serves_v2);
        let sizes = statuses.iter().filter_map(|look| look.seen()?.db_size);
        let largest_database = sizes.max().unwrap_or(0);
        let targets = statuses.iter().filter_map(|look| look.seen()?.downgrade);
        let downgrade = targets.map(EtcdVersion::minor_release).min();
        let applied = |status: &Status| status.raft_applied_index.or(status.raft_index);
        let able = able.into_iter().map(|(one, status)| (one, applied(status)));
        Ok(Some(Self {
            state,
            able: able.collect(),
            failing,
            serves_v2,
            largest_database,
            downgrade,
        }))
    }

    /// A member to ask other than this one, if there is another.
    pub(super) fn asked(&self, other_than: &str) -> Option<&(Member, Option<u64>)> {
        let others = self.able.iter();
        let mut others = others.filter(|(one, _)| one.name.as_str() != other_than);
        others.next().or_else(|| self.able.first())
    }

    /// Records the members as they are. Returns whether that is news.
    pub(super) fn settle(&self, session: &mut Session) -> Outcome<bool> {
        let (joined, in_transit) = self.state.settled();
        record(session, &joined, &in_transit)
    }
}

/// Records the members. Returns whether that is news.
pub(super) fn record(
    session: &mut Session,
    joined: &[Member],
    in_transit: &[Member],
) -> Outcome<bool> {
    let before = session.record.clone();
    session.record.settle(joined, in_transit);
    let is_news = session.record != before;
    if is_news {
        session.record.write(&session.home)?;
    }
    Ok(is_news)
}

/// Whether these lists have the same members. etcd 3.4 lists what the member that was asked has applied so far.
fn agree(first: &[ListedMember], lists: &[Vec<ListedMember>]) -> bool {
    let key = |list: &[ListedMember]| {
        let members = list.iter();
        let members = members.map(|one| (one.id, one.is_learner, one.peer_urls.clone()));
        members.collect::<BTreeSet<_>>()
    };
    lists.iter().all(|list| key(list) == key(first))
}

fn not_running(session: &Session) -> Failure {
    let name = &session.home.name;
    let differences = session.record.differences(&session.defined);
    let diagnostic = Diagnostic::error(format!("cluster `{name}` does not run"));
    Failure::could_not_look(
        differences
            .into_iter()
            .fold(diagnostic, Diagnostic::note)
            .note("only the running cluster says which members it has")
            .hint(Hint::heals(
                "start it as it was",
                [command_line::task(&session.plan, "up")],
            )),
    )
}

fn no_quorum(session: &Session) -> Failure {
    let name = &session.home.name;
    Failure::could_not_look(
        Diagnostic::error(format!("cluster `{name}` has no quorum"))
            .note("without one, no member can be added, removed or changed")
            .hint(Hint::informs(
                "see what is wrong, and which command helps",
                [command_line::task(&session.plan, "verify")],
            )),
    )
}
