//! The cheapest query of a member: whether it serves.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use camino::Utf8Path;
use serde::Deserialize;
use xshell::Shell;

use crate::plan::Member;
use crate::process;

/// How far a member's start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serving {
    /// Nothing listens at its address.
    Silent,
    /// It listens but has no leader.
    WaitsForLeader,
    /// It answered a linearizable read, so there is a quorum and it is part of it.
    Serves,
}

/// Queries a member. It also serves with an alarm, because disarming needs members that serve.
pub fn ask(member: &Member) -> Serving {
    let address = SocketAddr::from(member.client_socket());
    if TcpStream::connect_timeout(&address, PATIENCE).is_err() {
        return Serving::Silent;
    }
    let request = minreq::get(health(member))
        .with_timeout(PATIENCE.as_secs())
        .with_follow_redirects(false);
    match request.send() {
        Err(_) => Serving::WaitsForLeader,
        Ok(response) => read(response.as_bytes()),
    }
}

/// Whether a member serves the other members, which it does before it has a leader. Until then, it
/// accepts connections but does not answer.
pub fn serves_peers(member: &Member) -> bool {
    let request = minreq::get(format!("{}/members", member.peer_url()))
        .with_timeout(1)
        .with_follow_redirects(false);
    request.send().is_ok()
}

/// Queries a member with this curl, which may run elsewhere.
pub fn ask_by(curl: &Utf8Path, member: &Member) -> Serving {
    let Ok(shell) = Shell::new() else {
        return Serving::Silent;
    };
    let asked = shell
        .cmd(curl)
        .args(["--silent", "--max-time", "5"])
        .arg(health(member));
    let finished = process::run(asked, Duration::from_secs(60));
    if finished.success() {
        read(finished.stdout.as_bytes())
    } else {
        Serving::Silent
    }
}

/// How long a member may take to accept a connection, and then to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The health URL of a member. Every version has it, and 2.0 already says `"true"` as a string.
/// Older versions ignore the `exclude` parameters (etcd's CHANGELOG of 3.5 and 3.4).
fn health(member: &Member) -> String {
    let url = member.client_url();
    format!("{url}/health?exclude=NOSPACE&exclude=CORRUPT")
}

fn read(answer: &[u8]) -> Serving {
    #[derive(Deserialize)]
    struct Health {
        health: String,
    }
    match serde_json::from_slice::<Health>(answer) {
        Ok(Health { health }) if health == "true" => Serving::Serves,
        Ok(_) | Err(_) => Serving::WaitsForLeader,
    }
}
