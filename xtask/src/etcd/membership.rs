//! Changes a cluster's list of members, with etcdctl.

use std::time::Duration;

use xshell::Shell;

use super::client_environment;
use super::command::command;
use super::tools::Tools;
use crate::observation::etcdctl as read;
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::process;
use crate::reason::Reason;

/// How long a change may take, with an election in between.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds a member, as a learner where this version has them. Returns the ID that it got.
pub fn add(tools: &Tools, through: &Member, member: &Member) -> Result<EtcdId, Reason> {
    let (name, url) = (member.name.as_str(), member.peer_url());
    let urls = format!("--peer-urls={url}");
    let mut words = vec!["member", "add", name, urls.as_str(), "--write-out=json"];
    if has_learners(tools) {
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

/// Gives a learner its vote.
pub fn promote(tools: &Tools, through: &Member, id: EtcdId) -> Result<(), Reason> {
    run(tools, through, &["member", "promote", &id.to_string()]).map(drop)
}

/// Learners exist since 3.4 (etcd's CHANGELOG-3.4).
fn has_learners(tools: &Tools) -> bool {
    tools.version.minor_release() >= (3, 4)
}

fn run(tools: &Tools, through: &Member, words: &[&str]) -> Result<String, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let urls = [through.client_url()];
    let etcdctl = command(&shell, &tools.etcdctl)
        .envs(client_environment(tools.version, Some(&urls)))
        .args(["--dial-timeout=5s", "--command-timeout=30s"])
        .args(words);
    let finished = process::run(etcdctl, PATIENCE);
    if finished.success() {
        return Ok(finished.stdout);
    }
    let why = read::reason(&finished.stderr);
    Err(why
        .unwrap_or_else(|| format!("`{}` {}", finished.command, finished.ending()))
        .into())
}
