//! What a member without data does when it is started: found the cluster, join it, or neither.
//!
//! It asks the other members on their peer ports, where etcd answers `GET /members` before there is a quorum
//! (etcd's `api/etcdhttp/peer.go`; the same from 2.0 to 3.7). `render/bootstrap.sh` decides the same on
//! machines.

use serde::Deserialize;

use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::reason::Reason;

/// A member that has no data.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Its name.
    pub name: String,
    /// Its peer URL.
    pub peer_url: String,
    /// The IDs that it and the cluster get if the defined members found the cluster.
    pub predicted: Identity,
    /// The IDs that whoever added it to a running cluster has handed over. With them it never founds one.
    pub joining: Option<Identity>,
    /// Whether it is known to have had data.
    pub had_data: bool,
}

/// What whoever adds a member to a running cluster hands over to its machine, in the file of this name. It also
/// tells which members run: the machine's user-data may define others.
pub const HANDED_OVER: &str = "/etc/etcd-join";

/// The text of that file.
pub fn handed_over(joining: Identity, running: &[Member]) -> String {
    let Identity { cluster, member } = joining;
    let members: Vec<String> = running
        .iter()
        .map(|one| format!("{}={}", one.name, one.peer_url()))
        .collect();
    // The answers have the member's ID in decimal.
    format!(
        "cluster={cluster}\nmember={}\nmembers={}\n",
        member.0,
        members.join(",")
    )
}

/// The ID of a cluster and of a member in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's ID.
    pub cluster: EtcdId,
    /// The member's ID.
    pub member: EtcdId,
}

/// What another member says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: its port is closed, or its host cannot be reached.
    Silent,
    /// Anything but a list of members, for this reason.
    Unclear(Reason),
    /// The cluster that it belongs to.
    Cluster {
        /// The cluster's ID.
        id: EtcdId,
        /// Its members.
        members: Vec<Entry>,
    },
}

/// A member in such an answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Its ID.
    pub id: EtcdId,
    /// Its peer URLs.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Its name. A member that was added to a running cluster has none before its first start.
    #[serde(default)]
    pub name: String,
    /// Its client URLs, which no member has before its first start.
    #[serde(default, rename = "clientURLs")]
    pub client_urls: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Found the cluster, with the defined members.
    Found,
    /// Join the cluster that has these members.
    Join(Vec<Entry>),
    /// Nothing: it was started before, so its data was lost. For this reason.
    Lost(String),
    /// Ask again later: this is in the way.
    Wait(String),
}

impl Newcomer {
    /// A member of a plan that has never had data.
    pub fn of(plan: &Plan, member: &Member) -> Self {
        Self {
            name: member.name.to_string(),
            peer_url: member.peer_url(),
            predicted: Identity {
                cluster: plan.predicted_cluster_id(),
                member: plan.predicted_id(member),
            },
            joining: None,
            had_data: false,
        }
    }

    /// Decides by the answers of all other defined members, each with its name.
    pub fn decide(&self, answers: &[(String, Answer)]) -> Decision {
        let decided = answers.iter().map(|(who, answer)| self.hear(who, answer));
        let strongest = decided.min_by_key(|decision| match decision {
            Decision::Lost(_) => 0,
            Decision::Join(_) => 1,
            Decision::Wait(_) => 2,
            Decision::Found => 3,
        });
        match strongest.unwrap_or(Decision::Found) {
            Decision::Found if self.joining.is_some() => {
                Decision::Wait("it joins a running cluster, of which no member answers".to_owned())
            }
            Decision::Found if self.had_data => Decision::Lost("it has noted so itself".to_owned()),
            decided => decided,
        }
    }

    /// What the answer of one member would decide alone.
    fn hear(&self, who: &str, answer: &Answer) -> Decision {
        let (id, members) = match answer {
            Answer::Silent => return Decision::Found,
            Answer::Unclear(why) => {
                return Decision::Wait(format!("{who} does not list its members: {why}"));
            }
            Answer::Cluster { id, members } => (*id, members),
        };
        let foreign = || Decision::Wait(format!("{who} belongs to the cluster {id}"));
        if self.joining.is_some_and(|joining| joining.cluster != id) {
            return foreign();
        }
        let is_it = |entry: &&Entry| entry.peer_urls.contains(&self.peer_url);
        let entry = members.iter().find(is_it);
        let is_meant = |entry: &&Entry| self.joining.is_none_or(|it| it.member == entry.id);
        let Some(entry) = entry.filter(is_meant) else {
            return match id == self.predicted.cluster || self.joining.is_some() {
                true => Decision::Wait(format!("{who} does not list it")),
                false => foreign(),
            };
        };
        let is_started = !entry.client_urls.is_empty();
        let is_founder = entry.id == self.predicted.member && self.joining.is_none();
        if entry.name.is_empty() && !is_founder {
            Decision::Join(members.clone())
        } else if entry.name != self.name {
            let other = &entry.name;
            Decision::Wait(format!("{who} lists {other} at {}", self.peer_url))
        } else if is_started || !is_founder {
            Decision::Lost(format!("{who} lists it as started"))
        } else if id != self.predicted.cluster {
            foreign()
        } else {
            Decision::Found
        }
    }
}
