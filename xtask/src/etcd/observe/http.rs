//! Observes a cluster of etcd 2.x over HTTP: its etcdctl lacks commands, and exits with 0 on
//! failures.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use minreq::{Method, Request};

use super::{
    PROBE_SECONDS, ask_each, for_each, knock, obstacle, probe_prefix, spokesman, value, written_by,
};
use crate::observation::v2 as read;
use crate::observation::{ListedMember, Look, Observation, Status};
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::values::HostName;

/// Larger than any answer needed here, and small enough for an endless one.
const LONGEST_ANSWER: u64 = 1 << 20;

pub(super) fn observe(plan: &Plan, patience: Duration) -> Observation {
    let http = Http { patience };
    let mut observation = Observation::of(plan, probe_prefix(plan));
    let Observation { members, probe, .. } = &mut observation;
    ask_each(plan, members, |member, seen| {
        seen.status = http.status(member);
        seen.members = match seen.status {
            Look::Seen(_) => http.members(member),
            _ => lacks("does not answer"),
        };
        seen.peers = lacks("does not report its connections before etcd 3.3");
        seen.alarms = lacks("has no alarms before etcd 3.0");
        seen.hash = lacks("cannot hash its keys before etcd 3.3");
        seen.later = lacks("does not report its revision before etcd 3.0");
    });
    let spokesman = spokesman(plan, members);

    let prefix = &probe.prefix;
    ask_each(plan, members, |member, seen| {
        seen.write = match obstacle(plan, &seen.status) {
            None => http.put(member, prefix),
            Some(why) => Look::NotAsked(why),
        };
    });
    let something = members.iter().any(|seen| seen.write.seen().is_some());
    // A write without an answer may have taken effect.
    let tried = members
        .iter()
        .any(|seen| !matches!(seen.write, Look::NotAsked(_)));
    ask_each(plan, members, |member, seen| {
        seen.reads = match obstacle(plan, &seen.status) {
            None if something => http.read_back(plan, member, prefix),
            None => Look::NotAsked("had nothing to read".to_owned()),
            Some(why) => Look::NotAsked(why),
        };
        if let (Look::Seen(status), None, true) =
            (&seen.status, obstacle(plan, &seen.status), something)
        {
            seen.status = Look::Seen(http.completed(member, status));
        }
    });
    match spokesman {
        Some(spokesman) if something => probe.removed = http.remove(spokesman, &probe.prefix),
        _ if tried => probe.removed = Look::NotAsked("no write succeeded".to_owned()),
        _ => {}
    }
    observation
}

/// What no etcd 2.x has.
fn lacks<T>(what: &str) -> Look<T> {
    Look::NotAsked(what.to_owned())
}

pub(super) fn statuses(members: &[Member], patience: Duration) -> Vec<Look<Status>> {
    let http = Http { patience };
    for_each(members, |member| http.status(member))
}

/// A client of the v2 API without proxies or redirections.
struct Http {
    patience: Duration,
}

/// An answer, successful or not.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    const fn is_good(&self) -> bool {
        matches!(self.status, 200..300)
    }

    /// Whether a member reports that a key does not exist. Such an answer carries the cluster ID.
    fn found_no_key(&self) -> bool {
        read::found_no_key(self.status, &self.body) && self.header(CLUSTER_ID).is_some()
    }
}

const CLUSTER_ID: &str = "X-Etcd-Cluster-Id";

impl Http {
    fn status(&self, member: &Member) -> Look<Status> {
        look(|| {
            knock(member, self.patience)?;
            self.describe(member)
                // It may be a hanging member, or not etcd.
                .map_err(|why| format!("connected, then {why}").into())
        })
    }

    fn describe(&self, member: &Member) -> Result<Status, Reason> {
        let version = self.get(member, "/version")?;
        let stats = self.get(member, "/v2/stats/self")?;
        let keys = self.keys(minreq::get(format!("{}/v2/keys/", member.client_url())))?;
        read::status(&read::Answers {
            version: &version.body,
            stats: &stats.body,
            cluster_id: keys.header(CLUSTER_ID).unwrap_or_default(),
            raft_index: keys.header("X-Raft-Index"),
            raft_term: keys.header("X-Raft-Term"),
            etcd_index: keys.header("X-Etcd-Index"),
        })
    }

    /// Completes a status with values that exist only once there are keys: 2.0.0 had no term and no
    /// log entry before this look's own write.
    fn completed(&self, member: &Member, status: &Status) -> Status {
        let mut status = status.clone();
        if status.raft_term.is_none()
            && let Ok(now) = self.describe(member)
            && (now.cluster_id, now.member_id) == (status.cluster_id, status.member_id)
            && now.leader == status.leader
        {
            status.raft_term = now.raft_term;
            status.raft_index = now.raft_index;
        }
        status
    }

    fn members(&self, member: &Member) -> Look<Vec<ListedMember>> {
        look(|| read::members(&self.get(member, "/v2/members")?.body))
    }

    fn put(&self, member: &Member, prefix: &str) -> Look<Option<u64>> {
        look(|| {
            let path = format!("/v2/keys{prefix}/{}", member.name);
            // Letters, digits, hyphens and slashes need no escaping in a form; spaces become
            // pluses.
            let value = value(prefix, &member.name).replace(' ', "+");
            let form = format!("value={value}&ttl={PROBE_SECONDS}");
            let request = minreq::put(format!("{}{path}", member.client_url()))
                .with_header("Content-Type", "application/x-www-form-urlencoded")
                .with_body(form);
            self.send(request).map(|_| None)
        })
    }

    fn read_back(&self, plan: &Plan, member: &Member, prefix: &str) -> Look<Vec<HostName>> {
        look(|| {
            // With `quorum` the read is linearizable: earlier writes are in it.
            let path = format!("/v2/keys{prefix}?quorum=true&recursive=true");
            let answer = self.keys(minreq::get(format!("{}{path}", member.client_url())))?;
            let pairs = if answer.found_no_key() {
                Vec::new()
            } else {
                read::pairs(&answer.body)?
            };
            Ok(written_by(plan, prefix, &pairs))
        })
    }

    fn remove(&self, member: &Member, prefix: &str) -> Look<()> {
        look(|| {
            let path = format!("/v2/keys{prefix}?recursive=true");
            let url = format!("{}{path}", member.client_url());
            self.keys(Request::new(Method::Delete, url)).map(drop)
        })
    }

    fn get(&self, member: &Member, path: &str) -> Result<Answer, Reason> {
        self.send(minreq::get(format!("{}{path}", member.client_url())))
    }

    fn send(&self, request: Request) -> Result<Answer, Reason> {
        let answer = self.exchange(request)?;
        if answer.is_good() {
            Ok(answer)
        } else {
            Err(read::reason(answer.status, &answer.body))
        }
    }

    /// Requests keys, which may not exist.
    fn keys(&self, request: Request) -> Result<Answer, Reason> {
        let answer = self.exchange(request)?;
        if answer.is_good() || answer.found_no_key() {
            Ok(answer)
        } else {
            Err(read::reason(answer.status, &answer.body))
        }
    }

    fn exchange(&self, request: Request) -> Result<Answer, Reason> {
        let answer = request
            .with_timeout(self.patience.as_secs().max(1))
            .with_follow_redirects(false)
            .with_max_headers_size(64 << 10)
            .with_max_status_line_length(1 << 10)
            .send_lazy()
            .map_err(reason)?;
        // minreq's reason for an answer that is not HTTP.
        if answer.reason_phrase == "Server did not provide a status line" {
            return Err("the answer is not HTTP".into());
        }
        let status = answer.status_code;
        let headers = answer.headers.clone();
        let mut bytes = Vec::new();
        answer
            .take(LONGEST_ANSWER)
            .read_to_end(&mut bytes)
            .map_err(io_reason)?;
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

fn look<T>(ask: impl FnOnce() -> Result<T, Reason>) -> Look<T> {
    ask().into()
}

fn reason(error: minreq::Error) -> Reason {
    match error {
        minreq::Error::IoError(error) => io_reason(error),
        other => format!("the answer is not HTTP: {other}").into(),
    }
}

fn io_reason(error: io::Error) -> Reason {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".into(),
        _ => Reason::of(error),
    }
}
