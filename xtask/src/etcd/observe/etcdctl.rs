//! Observes a cluster of etcd 3.x with the real etcdctl.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use xshell::Shell;

use super::metrics::metrics;
use super::{
    PROBE_SECONDS, ask_each, for_each, knock, obstacle, probe_prefix, spokesman, value, written_by,
};
use crate::etcd::client_environment;
use crate::etcd::command::client;
use crate::etcd::http::{Request, Sender, Unsent};
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::etcd::turns;
use crate::observation::etcdctl as read;
use crate::observation::metrics::active_peers;
use crate::observation::{Alarm, Hash, ListedMember, Look, MemberObservation, Observation, Status};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::process::{self, Ending};
use crate::reason::Reason;
use crate::values::HostName;

pub(super) fn observe(plan: &Plan, tools: &Tools, patience: Duration) -> Observation {
    let etcdctl = Etcdctl { tools, patience };
    let mut observation = Observation::of(plan, probe_prefix(plan));
    let Observation { members, probe, .. } = &mut observation;
    ask_each(plan, members, |member, seen| {
        let asked = Instant::now();
        seen.status = etcdctl.status(member);
        seen.took = seen.status.seen().map(|_| asked.elapsed());
    });

    // Granting the lease for the probe values takes a round trip, so it runs in parallel.
    let spokesman = spokesman(plan, members);
    let lease = thread::scope(|scope| {
        let etcdctl = &etcdctl;
        let lease = spokesman.map(|member| scope.spawn(|| etcdctl.grant_lease(member)));
        ask_each(plan, members, |member, seen| {
            etcdctl.view(plan, member, seen);
        });
        lease.and_then(|lease| lease.join().ok())
    });

    let prefix = &probe.prefix;
    if let Some(Look::Seen(lease)) = &lease {
        ask_each(plan, members, |member, seen| {
            seen.write = match obstacle(plan, &seen.status) {
                None => etcdctl.put(member, prefix, lease),
                Some(why) => Look::NotAsked(why),
            };
        });
        ask_each(plan, members, |member, seen| {
            seen.reads = match obstacle(plan, &seen.status) {
                None => etcdctl.read_back(plan, member, prefix),
                Some(why) => Look::NotAsked(why),
            };
        });
    } else {
        nothing_written(plan, lease.as_ref(), spokesman, members);
    }
    let revisions = Revisions::of(plan, members);
    ask_each(plan, members, |member, seen| {
        etcdctl.afterwards(&revisions, member, seen);
    });
    if let (Some(Look::Seen(lease)), Some(spokesman)) = (&lease, spokesman) {
        probe.removed = etcdctl.revoke(spokesman, lease);
    }
    observation
}

pub(super) fn statuses(members: &[Member], tools: &Tools, patience: Duration) -> Vec<Look<Status>> {
    let etcdctl = Etcdctl { tools, patience };
    for_each(members, |member| etcdctl.status(member))
}

pub(super) fn keys_at(
    member: &Member,
    tools: &Tools,
    revision: u64,
    patience: Duration,
) -> (Look<Hash>, Look<u64>) {
    let etcdctl = Etcdctl { tools, patience };
    (
        etcdctl.hash(member, revision),
        etcdctl.key_count(member, revision),
    )
}

pub(super) fn member_list(
    member: &Member,
    tools: &Tools,
    patience: Duration,
) -> Look<Vec<ListedMember>> {
    Etcdctl { tools, patience }.members(member)
}

/// The revisions at which the members' keys are comparable.
struct Revisions {
    /// The revision of the last probe value, if every member of the cluster must have it: each that answers has
    /// made a linearizable read since.
    agreed: Option<u64>,
    /// The highest revision that every answering member has reached, by cluster. It is used if no value could be
    /// written and read.
    common: BTreeMap<EtcdId, Option<u64>>,
}

impl Revisions {
    fn of(plan: &Plan, members: &[MemberObservation]) -> Self {
        let has_read = |member: &MemberObservation| {
            let status = member.status.seen();
            let is_ours = status.is_some_and(|status| status.cluster_id == plan.cluster_id);
            !is_ours || member.reads.seen().is_some()
        };
        let written = members.iter().filter_map(|member| *member.write.seen()?);
        let mut common = BTreeMap::new();
        for status in members.iter().filter_map(|member| member.status.seen()) {
            common
                .entry(status.cluster_id)
                .and_modify(|common: &mut Option<u64>| *common = status.revision.min(*common))
                .or_insert(status.revision);
        }
        Self {
            agreed: written.max().filter(|_| members.iter().all(has_read)),
            common,
        }
    }

    /// The revision at which to hash the keys of a member with this status.
    fn comparable(&self, status: &Status) -> Option<u64> {
        let common = || self.common.get(&status.cluster_id).copied().flatten();
        self.agreed.or_else(common)
    }
}

/// The results of writing if there was no lease, so that nothing was written.
fn nothing_written(
    plan: &Plan,
    lease: Option<&Look<String>>,
    spokesman: Option<&Member>,
    members: &mut [MemberObservation],
) {
    let why = match (lease, spokesman) {
        (Some(Look::NotAsked(why)), _) => why.clone(),
        (Some(Look::Failed(_)), Some(spokesman)) => {
            format!("was not tried after {} failed", spokesman.name)
        }
        _ => "was not tried".to_owned(),
    };
    for seen in members {
        let because = obstacle(plan, &seen.status).unwrap_or_else(|| why.clone());
        let asked = spokesman.is_some_and(|spokesman| spokesman.name == seen.name);
        seen.write = match lease {
            Some(Look::Failed(refusal)) if asked => Look::Failed(refusal.clone()),
            _ => Look::NotAsked(because.clone()),
        };
        seen.reads = Look::NotAsked(because);
    }
}

struct Etcdctl<'a> {
    tools: &'a Tools,
    patience: Duration,
}

impl Etcdctl<'_> {
    /// Asks for a member's view of its cluster.
    fn view(&self, plan: &Plan, member: &Member, seen: &mut MemberObservation) {
        let obstacle = obstacle(plan, &seen.status);
        let Some(status) = seen.status.seen() else {
            seen.nothing_was_asked(&obstacle.unwrap_or_default());
            return;
        };
        // A member of another cluster may be queried but not written to.
        let able = status.leader.is_some() && !status.is_learner;
        let obstacle = obstacle.filter(|_| !able);
        thread::scope(|scope| {
            scope.spawn(|| seen.peers = self.peers(member));
            if let Some(why) = obstacle {
                seen.members = Look::NotAsked(why.clone());
                seen.alarms = Look::NotAsked(why);
                return;
            }
            scope.spawn(|| seen.members = self.members(member));
            seen.alarms = self.alarms(member);
        });
    }

    /// Asks for a member's state after the probe values were written and read.
    fn afterwards(&self, revisions: &Revisions, member: &Member, seen: &mut MemberObservation) {
        let Some(status) = seen.status.seen() else {
            return;
        };
        let revision = revisions.comparable(status);
        thread::scope(|scope| {
            scope.spawn(|| seen.later = self.status_twice(member));
            seen.hash = match revision {
                Some(revision) => self.hash(member, revision),
                None => Look::NotAsked("does not report its revision".to_owned()),
            };
        });
    }

    fn status(&self, member: &Member) -> Look<Status> {
        // Inside a machine, the network is different.
        let knocked = match self.tools.origin {
            ToolsOrigin::Machine => Ok(()),
            _ => knock(member, self.patience).and_then(|()| self.knock_by_tls(member)),
        };
        match knocked {
            Ok(()) => {
                let arguments = ["endpoint", "status", "--write-out=json"];
                match self.ask(member, &arguments, read::status) {
                    // It may be a hanging member, or not etcd.
                    Look::Failed(why) => Look::Failed(format!("connected, then {why}")),
                    look => look,
                }
            }
            Err(why) => Look::Failed(why.into()),
        }
    }

    /// Checks whether member and client accept each other's certificates. etcdctl would try again until its deadline,
    /// and often not say why.
    fn knock_by_tls(&self, member: &Member) -> Result<(), Reason> {
        let Some(certificate) = &self.tools.certificate else {
            return Ok(());
        };
        let url = format!("{}/version", member.client_url());
        let asked = Sender::with(Some(certificate.clone())).send(Request {
            url: &url,
            body: None,
            token: None,
            patience: self.patience,
        });
        match asked {
            Err(Unsent::NotTrusted(why)) => Err(why.into()),
            Err(Unsent::TimedOut) => Err("connected, then no answer in time".into()),
            // etcdctl says more about everything else, and needs no openssl.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Its status, twice in a row, by one etcdctl that has its address twice.
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

    /// Serializable, so that the member itself answers. etcdctl before 3.5 has no `--count-only`, but
    /// every answer has the number of all keys, whatever its limit.
    fn key_count(&self, member: &Member, revision: u64) -> Look<u64> {
        let revision = format!("--rev={revision}");
        let local = ["get", "", "--prefix", "--keys-only", "--consistency=s"];
        let arguments = [&local[..], &["--limit=1", &revision, "--write-out=json"]].concat();
        self.ask(member, &arguments, read::key_count)
    }

    /// A member's connections, which etcdctl does not show.
    fn peers(&self, member: &Member) -> Look<Vec<EtcdId>> {
        match metrics(member, &Sender::of(self.tools), self.patience) {
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

    /// Deletes everything that was written with a lease. A late put finds no lease and is refused.
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
            Err(error) => return Look::NotAsked(format!("could not be queried: {error}")),
        };
        let etcdctl = &self.tools.etcdctl;
        let seconds = self.patience.as_secs().max(1);
        let command = client(&shell, self.tools)
            .envs(client_environment(self.tools, None))
            .arg(format!("--endpoints={endpoints}"))
            .arg(format!("--dial-timeout={seconds}s"))
            .arg(format!("--command-timeout={seconds}s"))
            .args(arguments)
            // A look starts two dozen of them, each with one task: one thread per processor would
            // make them slow each other down.
            .env("GOMAXPROCS", "1");
        // etcdctl has its own deadlines for dialling and for commands; ours is for one that hangs.
        let turn = turns::wait();
        let finished = process::run(command, self.patience * 2 + Duration::from_secs(2));
        drop(turn);
        // A failure of the tool says nothing about the cluster.
        let tool = |why: &str| Look::NotAsked(format!("could not be queried: `{etcdctl}` {why}"));
        let reason = read::reason(&finished.stderr);
        if let Some(why) = reason.as_deref().and_then(read::unauthorized) {
            return Look::NotAsked(why.to_owned());
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
