//! What a change of the version has to know of a running cluster.

use std::time::Duration;

use serde::Deserialize;
use xshell::Shell;

use super::ask::ask;
use super::tools::{Tools, ToolsOrigin};
use crate::plan::Member;
use crate::process;

/// How long a member may take to answer, in seconds.
const PATIENCE: u64 = 5;

/// How long it may take to list its users.
const AUTH: Duration = Duration::from_secs(20);

/// The same inside a machine, including the login.
const INSIDE: Duration = Duration::from_secs(60);

/// The minor release of the cluster: the lowest of its members, once they have agreed on it. None if the member
/// does not answer, or they have not agreed yet. Every version answers under `/version`.
pub fn of_cluster(member: &Member, tools: &Tools) -> Option<(u16, u16)> {
    let url = format!("{}/version", member.client_url());
    let answer = if tools.origin == ToolsOrigin::Machine {
        let shell = Shell::new().ok()?;
        // A wrapper for curl lies beside the etcdctl that runs inside a machine.
        let curl = shell.cmd(tools.etcdctl.with_file_name("curl"));
        let patience = PATIENCE.to_string();
        let finished = process::run(
            curl.args(["--silent", "--max-time", &patience, &url]),
            INSIDE,
        );
        finished.success().then_some(finished.stdout)?
    } else {
        let request = minreq::get(url).with_timeout(PATIENCE);
        let response = request.with_follow_redirects(false).send().ok()?;
        response.as_str().ok()?.to_owned()
    };
    read(&answer)
}

/// Whether the cluster asks its clients who they are; none if that could not be found out. `auth status` is new in 3.5,
/// and without a name, every version refuses the list of users (`ErrUserEmpty` in etcd's `rpctypes/error.go`).
pub fn has_auth(tools: &Tools, through: &Member) -> Option<bool> {
    match ask(tools, through, &["user", "list"], AUTH) {
        Ok(_) => Some(false),
        Err(why) if why.as_str().contains("user name is empty") => Some(true),
        Err(_) => None,
    }
}

fn read(answer: &str) -> Option<(u16, u16)> {
    #[derive(Deserialize)]
    struct Version {
        etcdcluster: String,
    }
    let version: Version = serde_json::from_str(answer).ok()?;
    // `not_decided` at first.
    let mut numbers = version.etcdcluster.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}
