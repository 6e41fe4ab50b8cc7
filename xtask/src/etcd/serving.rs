//! The cheapest question to a member: does it serve?

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use camino::Utf8Path;
use serde::Deserialize;
use xshell::Shell;

use crate::plan::{CLIENT_PORT, Member};
use crate::process;

/// How far a member is on its way to serving clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serving {
    /// Nobody listens there.
    Silent,
    /// It listens, and has no leader to follow yet.
    WaitsForLeader,
    /// It has answered a linearizable read, so there is a quorum and it is part of it.
    Serves,
}

/// Asks a member. An alarm is no reason not to serve: what can be done about it takes members that do.
pub fn ask(member: &Member) -> Serving {
    let address = SocketAddr::from((member.address, CLIENT_PORT));
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

/// Asks the same by this curl, which may run elsewhere.
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

/// How long a member may take to be connected with, and to answer then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a member tells whether it serves. Every version does, and 2.0 already says `"true"` as a string.
/// Those that do not know yet what is to be excluded ignore it (etcd's CHANGELOG of 3.5 and 3.4).
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
