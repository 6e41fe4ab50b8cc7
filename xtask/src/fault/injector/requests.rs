//! Steps of faults that are requests to the cluster, by etcdctl or a member's gateway.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::super::undo::{self, Undo};
use super::{Injector, others};
use crate::etcd::gateway::{Gateway, Unanswered};
use crate::pause::pause;
use crate::plan::Member;
use crate::report::{Diagnostic, Failure, Outcome};

impl Injector<'_> {
    /// Adds a member to the cluster's member list.
    pub(in crate::fault) fn add_to_cluster(
        &mut self,
        extra: &Member,
        more: &[&str],
    ) -> Outcome<()> {
        let peer_url = extra.peer_url();
        self.note(Undo::RemoveFromCluster {
            peer_url: peer_url.clone(),
        })?;
        let peer_urls = format!("--peer-urls={peer_url}");
        let add = ["member", "add", extra.name.as_str(), &peer_urls];
        let add = [&add[..], more].concat();
        // etcd refuses until every member was connected for five seconds (`HealthInterval`), which
        // takes time after a restart.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match undo::ask(self.session, &add) {
                Err(_) if Instant::now() < deadline => {
                    pause(Duration::from_millis(500));
                }
                added => return added.map(drop),
            }
            self.fail_if_interrupted()?;
        }
    }

    /// Changes a member's peer URL in the cluster's member list.
    pub(in crate::fault) fn update_peer_url(&mut self, member: &Member, url: &str) -> Outcome<()> {
        self.note(Undo::UpdatePeerUrl {
            member: member.name.clone(),
        })?;
        let id = undo::id_in_cluster(self.session, member)?;
        let peer_urls = format!("--peer-urls={url}");
        undo::ask(self.session, &["member", "update", &id, &peer_urls]).map(drop)
    }

    /// Raises the NOSPACE alarm for a member.
    pub(in crate::fault) fn raise_no_space(&mut self, member: &Member) -> Outcome<()> {
        self.note(Undo::DisarmNoSpace)?;
        let gateway = Gateway::of(self.plan(), self.tools(), member, 5);
        // A replaced member has another ID than predicted.
        let id = gateway.status().map_err(unanswered)?.member;
        gateway.raise_no_space(id).map_err(unanswered)
    }

    /// Writes a value, which healing removes.
    pub(in crate::fault) fn put(
        &mut self,
        through: &Member,
        key: &str,
        value: &str,
    ) -> Outcome<()> {
        self.note(Undo::RemoveKeys {
            prefix: key.to_owned(),
        })?;
        self.etcdctl(through, &["put", key, value]).map(drop)
    }

    /// Saves a snapshot of a member's data and returns its path. Healing removes it.
    pub(in crate::fault) fn save_snapshot(
        &mut self,
        of: &Member,
        name: &str,
    ) -> Outcome<Utf8PathBuf> {
        let home = &self.session.home;
        let path = home.folder().join(name);
        self.note(Undo::RemoveFile { path: path.clone() })?;
        self.etcdctl(of, &["snapshot", "save", path.as_str()])?;
        Ok(path)
    }

    /// Writes large values until the databases have this size in bytes.
    pub(in crate::fault) fn fill(&mut self, size: u64) -> Outcome<()> {
        // In case they reach their quota.
        self.note(Undo::DisarmNoSpace)?;
        let prefix = format!("/xtask-drill-fill-{}/", std::process::id());
        // The last step is undone first.
        self.note(Undo::DropHistory)?;
        self.note(Undo::RemoveKeys {
            prefix: prefix.clone(),
        })?;
        let plan = self.plan();
        let leader = Gateway::of(plan, self.tools(), self.leader()?, 10);
        let members = plan.members.iter();
        let members: Vec<Gateway> = members
            .map(|one| Gateway::of(plan, self.tools(), one, 10))
            .collect();
        let value = "x".repeat(VALUE);
        let mut number = 0;
        // All members, because databases with the same keys grow at different times.
        loop {
            let smallest = smallest_database(&members, &prefix)?;
            if smallest >= size {
                return Ok(());
            }
            let key = format!("{prefix}{number:06}");
            leader.put(&key, &value, NO_LEASE).map_err(unanswered)?;
            number += 1;
            self.fail_if_interrupted()?;
            // A fast disk takes several values before a member counts the first one.
            if size - smallest <= CLOSE {
                pause(COUNTING);
            }
        }
    }

    /// Adds this many log entries on all members but one, even if they first have to elect a
    /// leader. The entries change no data, so there is nothing to undo.
    pub(in crate::fault) fn agree_without(&self, absent: &Member, entries: u64) -> Outcome<()> {
        let plan = self.plan();
        let others: Vec<&Member> = others(plan, absent).collect();
        let left = AtomicU64::new(entries);
        let take = || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
        };
        let key = format!("/xtask-drill-nothing-{}", std::process::id());
        let agree = |gateway: Gateway| {
            while take().is_ok() {
                let deadline = Instant::now() + AGREEING;
                while let Err(unanswered) = gateway.delete(&key) {
                    if Instant::now() > deadline || self.interruption.is_asked() {
                        return Err(unanswered);
                    }
                    pause(Duration::from_millis(100));
                }
            }
            Ok(())
        };
        let gateways = others.iter().cycle().take(AT_ONCE);
        let gateways = gateways.map(|member| Gateway::of(plan, self.tools(), member, 5));
        let agreed = thread::scope(|scope| {
            let agreeing: Vec<_> = gateways
                .map(|gateway| scope.spawn(|| agree(gateway)))
                .collect();
            agreeing.into_iter().try_for_each(|agreeing| {
                let agreed = agreeing.join();
                agreed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        });
        self.fail_if_interrupted()?;
        agreed.map_err(unanswered)
    }
}

/// The size of a large value in bytes. etcd takes requests of up to 1.5 MiB.
const VALUE: usize = 1 << 20;

/// How close to the wanted size a database is filled slowly, in bytes.
const CLOSE: u64 = 16 << 20;

/// How long a member takes to count what it has written: until it commits (`defaultBatchInterval` in etcd's
/// `backend.go`), and a little more.
const COUNTING: Duration = Duration::from_millis(120);

/// How long one entry may take, including an election.
const AGREEING: Duration = Duration::from_secs(120);

/// How many requests run at once.
const AT_ONCE: usize = 8;

/// No lease, as etcd writes it.
const NO_LEASE: &str = "0";

/// The size of the smallest database of these members, in bytes, once each has applied all writes so far. A
/// linearizable read of any key, such as this one, waits for that. Without it, the others would reach their
/// quota while one member lags behind.
fn smallest_database(members: &[Gateway], key: &str) -> Outcome<u64> {
    let mut smallest = u64::MAX;
    for member in members {
        member.get(key).map_err(unanswered)?;
        smallest = smallest.min(member.status().map_err(unanswered)?.database);
    }
    Ok(smallest)
}

fn unanswered(unanswered: Unanswered) -> Failure {
    let (Unanswered::Refused(why) | Unanswered::Unknown(why)) = unanswered;
    Failure::failed(Diagnostic::error(format!(
        "a request to the cluster failed: {why}"
    )))
}
