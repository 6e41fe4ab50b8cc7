//! Looks at a cluster of etcd 3.x with the real etcdctl.

use std::thread;
use std::time::{Duration, Instant};

use xshell::Shell;

use super::metrics::{metrics, metrics_by};
use super::{PROBE_SECONDS, for_each, knock, obstacle, probe_prefix, spokesman, value, written_by};
use crate::etcd::command::command;
use crate::etcd::tools::{Origin, Tools};
use crate::observation::etcdctl as read;
use crate::observation::metrics::active_peers;
use crate::observation::{
    Alarm, Hash, ListedMember, Look, MemberObservation, Observation, Probe, Recorded, Status,
};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::process::{self, Ending};
use crate::reason::Reason;
use crate::values::HostName;

pub(super) fn observe(plan: &Plan, tools: &Tools, patience: Duration) -> Observation {
    let etcdctl = Etcdctl { tools, patience };
    let (statuses, took): (Vec<_>, Vec<_>) = for_each(&plan.members, |_, member| {
        let asked = Instant::now();
        let status = etcdctl.status(member);
        let took = status.seen().map(|_| asked.elapsed());
        (status, took)
    })
    .into_iter()
    .unzip();
    let obstacles: Vec<Option<String>> = statuses
        .iter()
        .map(|status| obstacle(plan, status))
        .collect();
    let spokesman = spokesman(&statuses, &obstacles);

    // Granting a lease for the values to be written takes a round trip of its own, so it goes along.
    let (views, lease) = thread::scope(|scope| {
        let lease = spokesman.map(|index| {
            let etcdctl = &etcdctl;
            scope.spawn(move || etcdctl.grant_lease(&plan.members[index]))
        });
        let views = for_each(&plan.members, |index, member| {
            View::of(&etcdctl, member, index, &statuses, &obstacles)
        });
        (views, lease.and_then(|lease| lease.join().ok()))
    });

    let prefix = probe_prefix(plan);
    let written = match (&lease, spokesman) {
        (Some(Look::Seen(lease)), Some(_)) => {
            let writes = for_each(&plan.members, |index, member| match &obstacles[index] {
                None => etcdctl.put(member, &prefix, lease),
                Some(why) => Look::NotAsked(why.clone()),
            });
            let reads = for_each(&plan.members, |index, member| match &obstacles[index] {
                None => etcdctl.read_back(plan, member, &prefix),
                Some(why) => Look::NotAsked(why.clone()),
            });
            Written { writes, reads }
        }
        (lease, _) => nothing_written(plan, lease.as_ref(), spokesman, &obstacles),
    };
    let agreed = agreed_revision(plan, &statuses, &written);
    let afterwards = for_each(&plan.members, |index, member| {
        let revision = agreed.or_else(|| common_revision(&statuses, index));
        Afterwards::of(&etcdctl, member, &statuses[index], revision)
    });
    let removed = match (&lease, spokesman) {
        (Some(Look::Seen(lease)), Some(spokesman)) => {
            etcdctl.revoke(&plan.members[spokesman], lease)
        }
        _ => Look::NotAsked("nothing was written".to_owned()),
    };

    let members = plan.members.iter().zip(statuses).zip(took).zip(views);
    let members = members.zip(written.writes).zip(written.reads);
    let members = members.zip(afterwards);
    let members = members.map(
        |((((((member, status), took), view), write), reads), afterwards)| MemberObservation {
            name: member.name.clone(),
            endpoint: member.client_url(),
            status,
            repeated: None,
            took,
            peers: view.peers,
            members: view.members,
            alarms: view.alarms,
            hash: afterwards.hash,
            write,
            reads,
            later: afterwards.later,
        },
    );
    Observation {
        members: members.collect(),
        machines: Vec::new(),
        conditions: Vec::new(),
        ended: Vec::new(),
        started: Vec::new(),
        probe: Probe { prefix, removed },
        before: None,
        unreadable: Vec::new(),
        recorded: Recorded::default(),
    }
}

pub(super) fn statuses(members: &[Member], tools: &Tools, patience: Duration) -> Vec<Look<Status>> {
    let etcdctl = Etcdctl { tools, patience };
    for_each(members, |_, member| etcdctl.status(member))
}

/// What became of the values that try the cluster, in the members' order.
struct Written {
    writes: Vec<Look<Option<u64>>>,
    reads: Vec<Look<Vec<HostName>>>,
}

/// What a member says about its cluster.
struct View {
    members: Look<Vec<ListedMember>>,
    alarms: Look<Vec<Alarm>>,
    peers: Look<Vec<EtcdId>>,
}

impl View {
    fn of(
        etcdctl: &Etcdctl<'_>,
        member: &Member,
        index: usize,
        statuses: &[Look<Status>],
        obstacles: &[Option<String>],
    ) -> Self {
        // A member of another cluster may well be asked: it only must not be written to.
        let able = statuses[index]
            .seen()
            .is_some_and(|status| status.leader.is_some() && !status.is_learner);
        let obstacle = obstacles[index].as_ref().filter(|_| !able);
        thread::scope(|scope| {
            let members = scope.spawn(|| match obstacle {
                None => etcdctl.members(member),
                Some(why) => Look::NotAsked(why.clone()),
            });
            let alarms = scope.spawn(|| match obstacle {
                None => etcdctl.alarms(member),
                Some(why) => Look::NotAsked(why.clone()),
            });
            let peers = scope.spawn(|| match &statuses[index] {
                Look::Seen(_) => etcdctl.peers(member),
                _ => Look::NotAsked("does not answer".to_owned()),
            });
            let lost = || "could not be asked: etcdctl could not be waited for".to_owned();
            Self {
                members: members.join().unwrap_or_else(|_| Look::NotAsked(lost())),
                alarms: alarms.join().unwrap_or_else(|_| Look::NotAsked(lost())),
                peers: peers.join().unwrap_or_else(|_| Look::NotAsked(lost())),
            }
        })
    }
}

/// What a member holds once the values that try the cluster have been written and read.
struct Afterwards {
    hash: Look<Hash>,
    later: Look<[Status; 2]>,
}

impl Afterwards {
    fn of(
        etcdctl: &Etcdctl<'_>,
        member: &Member,
        status: &Look<Status>,
        revision: Option<u64>,
    ) -> Self {
        if status.seen().is_none() {
            let silent = || "does not answer".to_owned();
            return Self {
                hash: Look::NotAsked(silent()),
                later: Look::NotAsked(silent()),
            };
        }
        thread::scope(|scope| {
            let hash = scope.spawn(|| match revision {
                Some(revision) => etcdctl.hash(member, revision),
                None => Look::NotAsked("does not tell its revision".to_owned()),
            });
            let later = etcdctl.status_twice(member);
            let lost = || "could not be asked: etcdctl could not be waited for".to_owned();
            Self {
                hash: hash.join().unwrap_or_else(|_| Look::NotAsked(lost())),
                later,
            }
        })
    }
}

/// The revision of the last value that was written, where every member of the cluster must have it: each
/// that answers has made a linearizable read since.
fn agreed_revision(plan: &Plan, statuses: &[Look<Status>], written: &Written) -> Option<u64> {
    let is_ours = |status: &Look<Status>| {
        let status = status.seen();
        status.is_some_and(|status| status.cluster_id == plan.cluster_id)
    };
    let mut reads = statuses.iter().zip(&written.reads);
    let all_have_read = reads.all(|(status, read)| !is_ours(status) || read.seen().is_some());
    let revisions = written.writes.iter().filter_map(|write| *write.seen()?);
    revisions.max().filter(|_| all_have_read)
}

/// The highest revision that every seen member of this member's cluster has reached: hashes are
/// comparable only at one revision. That of before, where nothing could be written and read since.
fn common_revision(statuses: &[Look<Status>], index: usize) -> Option<u64> {
    let own = statuses[index].seen()?;
    let seen = statuses.iter().filter_map(Look::seen);
    seen.filter(|status| status.cluster_id == own.cluster_id)
        .map(|status| status.revision)
        .min()
        .flatten()
}

/// What is known of writing when no lease could be had for it, and so nothing was written.
fn nothing_written(
    plan: &Plan,
    lease: Option<&Look<String>>,
    spokesman: Option<usize>,
    obstacles: &[Option<String>],
) -> Written {
    let why = match (lease, spokesman) {
        (Some(Look::NotAsked(why)), _) => why.clone(),
        (Some(Look::Failed(_)), Some(index)) => {
            format!("was not tried after {} failed", plan.members[index].name)
        }
        _ => "was not tried".to_owned(),
    };
    let because = |index: usize| obstacles[index].clone().unwrap_or_else(|| why.clone());
    let count = plan.members.len();
    let writes = (0..count).map(|index| match lease {
        Some(Look::Failed(refusal)) if spokesman == Some(index) => Look::Failed(refusal.clone()),
        _ => Look::NotAsked(because(index)),
    });
    let reads = (0..count).map(|index| Look::NotAsked(because(index)));
    Written {
        writes: writes.collect(),
        reads: reads.collect(),
    }
}

struct Etcdctl<'a> {
    tools: &'a Tools,
    patience: Duration,
}

impl Etcdctl<'_> {
    fn status(&self, member: &Member) -> Look<Status> {
        // From inside of a machine, there are other ways than from here.
        let knocked = match self.tools.origin {
            Origin::Machine => Ok(()),
            _ => knock(member, self.patience),
        };
        match knocked {
            Ok(()) => {
                let arguments = ["endpoint", "status", "--write-out=json"];
                match self.ask(member, &arguments, read::status) {
                    // It may be a member that hangs, or something else than etcd.
                    Look::Failed(why) => Look::Failed(format!("connected, then {why}")),
                    look => look,
                }
            }
            Err(why) => Look::Failed(why.into()),
        }
    }

    /// Its status and its status after that, by one etcdctl that is told its address twice.
    fn status_twice(&self, member: &Member) -> Look<[Status; 2]> {
        let url = member.client_url();
        let arguments = ["endpoint", "status", "--write-out=json"];
        self.ask_at(&format!("{url},{url}"), &arguments, read::two_statuses)
    }

    fn members(&self, member: &Member) -> Look<Vec<ListedMember>> {
        self.ask(
            member,
            &["member", "list", "--write-out=json"],
            read::members,
        )
    }

    fn alarms(&self, member: &Member) -> Look<Vec<Alarm>> {
        self.ask(member, &["alarm", "list", "--write-out=json"], read::alarms)
    }

    fn hash(&self, member: &Member, revision: u64) -> Look<Hash> {
        // `endpoint hashkv` came with 3.3.
        if self.tools.version.minor_release() < (3, 3) {
            return Look::NotAsked("cannot hash its keys before etcd 3.3".to_owned());
        }
        let revision_flag = format!("--rev={revision}");
        let arguments = ["endpoint", "hashkv", &revision_flag, "--write-out=json"];
        self.ask(member, &arguments, |output| read::hash(output, revision))
    }

    /// What no etcdctl tells: with whom a member has connections.
    fn peers(&self, member: &Member) -> Look<Vec<EtcdId>> {
        let metrics = match self.tools.origin {
            Origin::Machine => {
                let curl = self.tools.etcdctl.with_file_name("curl");
                metrics_by(&curl, member, self.patience)
            }
            _ => metrics(member, self.patience),
        };
        match metrics {
            Look::Seen(metrics) => active_peers(&metrics).into(),
            Look::Failed(why) => Look::Failed(why),
            Look::NotAsked(why) => Look::NotAsked(why),
        }
    }

    fn grant_lease(&self, member: &Member) -> Look<String> {
        let seconds = PROBE_SECONDS.to_string();
        let arguments = ["lease", "grant", &seconds, "--write-out=json"];
        self.ask(member, &arguments, read::lease)
    }

    fn put(&self, member: &Member, prefix: &str, lease: &str) -> Look<Option<u64>> {
        let key = format!("{prefix}/{}", member.name);
        let value = value(prefix, &member.name);
        let lease = format!("--lease={lease}");
        let arguments = ["put", &key, &value, &lease, "--write-out=json"];
        self.ask(member, &arguments, read::put)
    }

    fn read_back(&self, plan: &Plan, member: &Member, prefix: &str) -> Look<Vec<HostName>> {
        let arguments = ["get", "--prefix", prefix, "--write-out=simple"];
        self.ask(member, &arguments, |output| {
            Ok(written_by(plan, prefix, &read::pairs(output)?))
        })
    }

    /// Removes everything that was written under a lease, and what may yet be: a put that is still under
    /// way finds no lease and is refused.
    fn revoke(&self, member: &Member, lease: &str) -> Look<()> {
        self.ask(member, &["lease", "revoke", lease], |_| Ok(()))
    }

    fn ask<T>(
        &self,
        member: &Member,
        arguments: &[&str],
        read: impl Fn(&str) -> Result<T, Reason>,
    ) -> Look<T> {
        self.ask_at(&member.client_url(), arguments, read)
    }

    fn ask_at<T>(
        &self,
        endpoints: &str,
        arguments: &[&str],
        read: impl Fn(&str) -> Result<T, Reason>,
    ) -> Look<T> {
        let shell = match Shell::new() {
            Ok(shell) => shell,
            Err(error) => return Look::NotAsked(format!("could not be asked: {error}")),
        };
        let etcdctl = &self.tools.etcdctl;
        let seconds = self.patience.as_secs().max(1);
        let mut command = command(&shell, etcdctl)
            .arg(format!("--endpoints={endpoints}"))
            .arg(format!("--dial-timeout={seconds}s"))
            .arg(format!("--command-timeout={seconds}s"))
            .args(arguments)
            // A look starts two dozen of them, each with one thing to do: with a thread for each
            // processor they get into each other's way.
            .env("GOMAXPROCS", "1");
        // From 3.4 the v3 API is the default, and 3.6 complains about being told.
        if self.tools.version.minor_release() < (3, 4) {
            command = command.env("ETCDCTL_API", "3");
        }
        // etcdctl ends by its own deadline, of dialling and of asking; ours is for one that hangs.
        let finished = process::run(command, self.patience * 2 + Duration::from_secs(2));
        // Whatever is not by the cluster says nothing about it.
        let tool = |why: &str| Look::NotAsked(format!("could not be asked: `{etcdctl}` {why}"));
        let reason = read::reason(&finished.stderr);
        if reason.as_deref().is_some_and(read::wants_a_user) {
            return Look::NotAsked("has authentication enabled, and no user was given".to_owned());
        }
        match (finished.ending, reason) {
            (Ending::Exited(0), _) => match read(&finished.stdout) {
                Ok(answer) => Look::Seen(answer),
                Err(unreadable) => tool(unreadable.as_str()),
            },
            (Ending::Exited(_), Some(reason)) => Look::Failed(reason),
            (Ending::Exited(_), None) => match finished.last_lines(1) {
                said if said.trim().is_empty() => tool(&finished.ending()),
                said => tool(&format!("{}: {said}", finished.ending())),
            },
            (_, _) => tool(&finished.ending()),
        }
    }
}
