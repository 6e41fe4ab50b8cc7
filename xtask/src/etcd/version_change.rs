//! What a change of the version has to know of a running cluster.

use std::time::Duration;

use serde::Deserialize;

use super::ask::ask_anonymously;
use super::http::{Request, Sender};
use super::tools::Tools;
use crate::facts::upgrades::Minor;
use crate::plan::Member;

/// How long a member may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a member may take to list its users.
const AUTH: Duration = Duration::from_secs(20);

/// The minor release of the cluster: the lowest of its members, once they have agreed on it. None if the member
/// does not answer, or they have not agreed yet. Every version answers under `/version`.
pub fn of_cluster(member: &Member, tools: &Tools) -> Option<Minor> {
    // `not_decided` at first.
    minor(&said(member, tools)?.etcdcluster)
}

/// What a member says under `/version`.
#[derive(Deserialize)]
pub(super) struct Versions {
    /// Its own version.
    pub(super) etcdserver: String,
    etcdcluster: String,
    /// The version whose format its data has (since 3.6).
    pub(super) storage: Option<String>,
}

pub(super) fn said(member: &Member, tools: &Tools) -> Option<Versions> {
    let url = format!("{}/version", member.client_url());
    Sender::of(tools).json(Request {
        url: &url,
        body: None,
        token: None,
        patience: PATIENCE,
    })
}

/// Whether the cluster asks its clients who they are; none if that could not be found out. `auth status` is new in 3.5,
/// and without a name, every version refuses the list of users (`ErrUserEmpty` in etcd's `rpctypes/error.go`).
pub fn has_auth(tools: &Tools, through: &Member) -> Option<bool> {
    match ask_anonymously(tools, through, &["user", "list"], AUTH) {
        Ok(_) => Some(false),
        Err(why) if why.as_str().contains("user name is empty") => Some(true),
        Err(_) => None,
    }
}

/// The minor release in a reported version, which may have a suffix.
pub(super) fn minor(version: &str) -> Option<Minor> {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}
