//! A member's v3 API over HTTP and JSON, by etcd's own gRPC gateway.
//!
//! Thousands of requests cannot start an etcdctl each. Everything that judges a cluster uses the
//! real etcdctl.

mod keys;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::Credentials;
use super::http::{Request, Sender, Unsent};
use super::tools::Tools;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use keys::{Pair, Put, Range, after, encoded};

/// One member's gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    url: String,
    cluster: EtcdId,
    /// The time limit of an answer, in seconds.
    patience: u64,
    sender: Sender,
    credentials: Option<Credentials>,
    /// The token of this user, once etcd has wanted one.
    token: Arc<Mutex<Option<String>>>,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It was certainly not carried out, for this reason.
    Refused(String),
    /// It may have been carried out or still be; the outcome is unknown for this reason.
    Unknown(String),
}

/// A member's status, as it reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayStatus {
    /// The member's own ID.
    pub member: EtcdId,
    /// The leader that it knows, which may be itself.
    pub leader: Option<EtcdId>,
    /// The member's raft term.
    pub term: u64,
    /// The size of its database in bytes.
    pub database: u64,
    /// The last log entry that it has applied; 0 before 3.4.
    pub applied: u64,
}

impl Unanswered {
    /// Whether the member serves no gateway.
    pub fn is_without_gateway(&self) -> bool {
        matches!(self, Self::Refused(why) if why == NO_GATEWAY)
    }

    /// The reason.
    pub fn why(&self) -> &str {
        let (Self::Refused(why) | Self::Unknown(why)) = self;
        why
    }
}

impl Gateway {
    /// The gateway of a member, with a time limit in seconds for each answer.
    pub fn of(plan: &Plan, tools: &Tools, member: &Member, patience: u64) -> Self {
        Self {
            url: url(plan, member),
            cluster: plan.cluster_id,
            patience,
            sender: Sender::of(tools),
            credentials: tools.credentials.clone(),
            token: Arc::default(),
        }
    }

    /// Another member's gateway, with the token that this one has got.
    #[must_use]
    pub fn of_neighbor(&self, plan: &Plan, member: &Member) -> Self {
        Self {
            url: url(plan, member),
            ..self.clone()
        }
    }

    /// Writes a value with a lease, and returns the revision at which it was written.
    pub fn put(&self, key: &str, value: &str, lease: &str) -> Result<Option<u64>, Unanswered> {
        let put = json!({"key": encoded(key), "value": encoded(value), "lease": lease});
        let answer = self.ask("kv/put", &put)?;
        // It is written, whatever else the answer holds.
        let put: Result<Put, _> = serde_json::from_str(&answer);
        Ok(put.ok().and_then(|put| put.header.revision()))
    }

    /// Deletes a key. Deleting a missing key adds a log entry and changes no data.
    pub fn delete(&self, key: &str) -> Result<(), Unanswered> {
        self.ask("kv/deleterange", &json!({"key": encoded(key)}))
            .map(drop)
    }

    /// Reads a value linearizably; `None` if the key does not exist.
    pub fn get(&self, key: &str) -> Result<Option<String>, Unanswered> {
        self.get_at(key).map(|(value, _)| value)
    }

    /// The same, with the revision of the keys that were read.
    pub fn get_at(&self, key: &str) -> Result<(Option<String>, Option<u64>), Unanswered> {
        let range: Range = self.read("kv/range", &json!({"key": encoded(key)}))?;
        let value = range.pairs.first().map(Pair::value).transpose()?;
        Ok((value, range.header.revision()))
    }

    /// Reads everything under a prefix linearizably.
    pub fn all(&self, prefix: &str) -> Result<BTreeMap<String, String>, Unanswered> {
        let mut all = BTreeMap::new();
        let end = encoded(after(prefix));
        let mut from = prefix.to_owned();
        loop {
            let page = json!({"key": encoded(&from), "range_end": end, "limit": PAGE});
            let range: Range = self.read("kv/range", &page)?;
            for pair in &range.pairs {
                all.insert(pair.key()?, pair.value()?);
            }
            match range.pairs.last() {
                // The first key after it.
                Some(last) if range.more => from = last.key()? + "\0",
                _ => return Ok(all),
            }
        }
    }

    /// The member's status.
    pub fn status(&self) -> Result<GatewayStatus, Unanswered> {
        /// The gateway encodes 64-bit numbers as strings and omits zeros.
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Answer {
            header: Header,
            leader: String,
            raft_term: String,
            db_size: String,
            raft_applied_index: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Header {
            member_id: String,
        }
        let answer: Answer = self.read("maintenance/status", &json!({}))?;
        let leader = answer.leader.parse().unwrap_or_default();
        Ok(GatewayStatus {
            member: EtcdId(answer.header.member_id.parse().unwrap_or_default()),
            leader: (leader != 0).then_some(EtcdId(leader)),
            term: answer.raft_term.parse().unwrap_or_default(),
            database: answer.db_size.parse().unwrap_or_default(),
            applied: answer.raft_applied_index.parse().unwrap_or_default(),
        })
    }

    /// Grants a lease of this many seconds, and returns its ID in etcd's notation.
    pub fn grant_lease(&self, seconds: u64) -> Result<String, Unanswered> {
        #[derive(Deserialize)]
        struct Lease {
            #[serde(rename = "ID")]
            id: String,
        }
        let lease: Lease = self.read("lease/grant", &json!({"TTL": seconds.to_string()}))?;
        Ok(lease.id)
    }

    /// Revokes a lease and deletes everything written with it.
    pub fn revoke_lease(&self, lease: &str) -> Result<(), Unanswered> {
        // Before 3.3 it was below `kv`; later versions still serve that.
        self.ask("kv/lease/revoke", &json!({"ID": lease})).map(drop)
    }

    /// Raises the NOSPACE alarm for a member, as the member itself would.
    pub fn raise_no_space(&self, member: EtcdId) -> Result<(), Unanswered> {
        self.no_space("ACTIVATE", &member.0.to_string()).map(drop)
    }

    /// Disarms all NOSPACE alarms, and no others.
    pub fn disarm_no_space(&self) -> Result<(), Unanswered> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            alarms: Vec<Alarm>,
        }
        #[derive(Deserialize)]
        struct Alarm {
            #[serde(rename = "memberID")]
            member: String,
        }
        // A request for member 0 returns the alarms of all members.
        let answer = self.no_space("GET", "0")?;
        let unreadable = |error: serde_json::Error| Unanswered::Unknown(error.to_string());
        let raised: Answer = serde_json::from_str(&answer).map_err(unreadable)?;
        for alarm in raised.alarms {
            self.no_space("DEACTIVATE", &alarm.member)?;
        }
        Ok(())
    }

    fn no_space(&self, action: &str, member: &str) -> Result<String, Unanswered> {
        let alarm = json!({"action": action, "memberID": member, "alarm": "NOSPACE"});
        // Before 3.5 the answer does not contain the cluster ID.
        self.ask_unchecked("maintenance/alarm", &alarm)
    }

    pub(super) fn read<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Unanswered> {
        let answer = self.ask(path, body)?;
        serde_json::from_str(&answer).map_err(|error| Unanswered::Unknown(error.to_string()))
    }

    /// Rejects answers that are not from the plan's cluster: another server may accept anything.
    fn of_our_cluster(&self, answer: String) -> Result<String, Unanswered> {
        #[derive(Deserialize)]
        struct Answer {
            header: Header,
        }
        #[derive(Deserialize)]
        struct Header {
            cluster_id: String,
        }
        let Ok(Answer { header }) = serde_json::from_str(&answer) else {
            let why = "the answer is not from etcd";
            return Err(Unanswered::Unknown(why.to_owned()));
        };
        if header.cluster_id.parse() == Ok(self.cluster.0) {
            Ok(answer)
        } else {
            // Another cluster cannot have changed ours.
            Err(Unanswered::Refused("another cluster answered".to_owned()))
        }
    }

    fn ask(&self, path: &str, body: &Value) -> Result<String, Unanswered> {
        let answer = self.ask_unchecked(path, body)?;
        self.of_our_cluster(answer)
    }

    /// etcd refuses a request without a token before it does anything, and forgets tokens that were not used for a while.
    fn ask_unchecked(&self, path: &str, body: &Value) -> Result<String, Unanswered> {
        let token = || self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let known = token().clone();
        match self.send(path, body, known.as_deref()) {
            Err(Unanswered::Refused(why)) if wants_a_token(&why) => {
                let Some(new) = self.authenticate()? else {
                    return Err(Unanswered::Refused(why));
                };
                *token() = Some(new.clone());
                self.send(path, body, Some(&new))
            }
            answer => answer,
        }
    }

    /// A token of the user, if there is one.
    fn authenticate(&self) -> Result<Option<String>, Unanswered> {
        #[derive(Deserialize)]
        struct Answer {
            token: String,
        }
        let Some(Credentials { user, password }) = &self.credentials else {
            return Ok(None);
        };
        let body = json!({"name": user, "password": password});
        let answer = match self.send("auth/authenticate", &body, None) {
            // The request that needs the token was not sent.
            Err(Unanswered::Unknown(why)) => return Err(Unanswered::Refused(why)),
            answer => answer?,
        };
        let answer: Answer = serde_json::from_str(&answer)
            .map_err(|error| Unanswered::Refused(error.to_string()))?;
        Ok(Some(answer.token))
    }

    fn send(&self, path: &str, body: &Value, token: Option<&str>) -> Result<String, Unanswered> {
        let request = Request {
            url: &format!("{}/{path}", self.url),
            body: Some(&body.to_string()),
            token,
            patience: Duration::from_secs(self.patience),
        };
        match self.sender.send(request) {
            Ok(answer) if answer.status == 200 => Ok(answer.body),
            Ok(answer) => Err(refusal(answer.status, &answer.body)),
            Err(Unsent::Refused) => Err(Unanswered::Refused("nothing listens".to_owned())),
            Err(Unsent::NotTrusted(why)) => Err(Unanswered::Refused(why)),
            Err(Unsent::TimedOut) => {
                let why = format!("no answer within {} s", self.patience);
                Err(Unanswered::Unknown(why))
            }
            Err(Unsent::Broken(why) | Unsent::NoSender(why)) => Err(Unanswered::Unknown(why)),
        }
    }
}

/// etcd's documentation of the gateway: /v3alpha until 3.2, /v3beta in 3.3, /v3 from 3.4.
fn url(plan: &Plan, member: &Member) -> String {
    let api = match plan.version().minor_release() {
        (..=2, _) | (3, ..=2) => "v3alpha",
        (3, 3) => "v3beta",
        _ => "v3",
    };
    format!("{}/{api}", member.client_url())
}

/// How many keys to request at once.
const PAGE: u32 = 2000;

/// The errors with which etcd has decided not to carry out a request (api/v3rpc/rpctypes/error.go).
/// After all other errors an entry may have been proposed before.
const DECIDED: &[&str] = &[
    "etcdserver: no leader",
    "etcdserver: mvcc: database space exceeded",
    "etcdserver: too many requests",
    "etcdserver: not capable",
    "etcdserver: requested lease not found",
    "etcdserver: rpc not supported for learner",
    "etcdserver: user name is empty",
    "etcdserver: invalid auth token",
    "etcdserver: authentication failed",
    "etcdserver: permission denied",
];

/// What a member says that serves no gateway.
const NO_GATEWAY: &str = "etcd's gRPC gateway is off (`enable-grpc-gateway`)";

fn wants_a_token(why: &str) -> bool {
    ["user name is empty", "invalid auth token"]
        .iter()
        .any(|refusal| why.contains(refusal))
}

fn refusal(status: u16, body: &str) -> Unanswered {
    /// From 3.6 on only `message`, until 3.3 only `error` (etcd issue 21100).
    #[derive(Default, Deserialize)]
    struct Refusal {
        message: Option<String>,
        error: Option<String>,
    }
    let Refusal { message, error } = serde_json::from_str(body).unwrap_or_default();
    let said = message.or(error);
    // The gateway itself explains its refusals.
    if said.is_none() && status == 404 {
        return Unanswered::Refused(NO_GATEWAY.to_owned());
    }
    let why = said.unwrap_or_else(|| format!("HTTP status {status}"));
    if DECIDED.iter().any(|decided| why.contains(decided)) {
        Unanswered::Refused(why)
    } else {
        Unanswered::Unknown(why)
    }
}
