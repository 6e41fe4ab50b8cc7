//! Changes the members of a cluster and their roles, with etcdctl.

use std::time::Duration;

use super::ask::ask;
use super::tools::Tools;
use crate::observation::etcdctl as read;
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::reason::Reason;

/// How long a change may take, with an election in between.
const PATIENCE: Duration = Duration::from_secs(30);

/// Adds a member, as a learner where this version has them. Returns the ID that it got.
pub fn add(tools: &Tools, through: &Member, member: &Member) -> Result<EtcdId, Reason> {
    let (name, url) = (member.name.as_str(), member.peer_url());
    let urls = format!("--peer-urls={url}");
    let mut words = vec!["member", "add", name, urls.as_str(), "--write-out=json"];
    if tools.version.has_learners() {
        words.push("--learner");
    }
    let added = run(tools, through, &words)?;
    let listed = read::members(&added)?;
    let entry = listed.iter().find(|entry| entry.peer_urls.contains(&url));
    entry
        .map(|entry| entry.id)
        .ok_or_else(|| format!("etcdctl does not say which ID {url} got").into())
}

/// Removes the member with this ID.
pub fn remove(tools: &Tools, through: &Member, id: EtcdId) -> Result<(), Reason> {
    run(tools, through, &["member", "remove", &id.to_string()]).map(drop)
}

/// Gives a member another peer URL.
pub fn update(tools: &Tools, through: &Member, id: EtcdId, url: &str) -> Result<(), Reason> {
    let (id, urls) = (id.to_string(), format!("--peer-urls={url}"));
    run(tools, through, &["member", "update", &id, &urls]).map(drop)
}

/// Gives a learner its vote.
pub fn promote(tools: &Tools, through: &Member, id: EtcdId) -> Result<(), Reason> {
    run(tools, through, &["member", "promote", &id.to_string()]).map(drop)
}

/// Hands the leadership from one member to another. etcd itself does so when its leader is stopped,
/// but only then.
pub fn move_leader(tools: &Tools, leader: &Member, to: EtcdId) -> Result<(), Reason> {
    run(tools, leader, &["move-leader", &to.to_string()]).map(drop)
}

fn run(tools: &Tools, through: &Member, words: &[&str]) -> Result<String, Reason> {
    ask(tools, through, words, PATIENCE)
}
