//! The cheapest query of a member: whether it serves.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use super::http::{Request, Sender, Unsent};
use crate::plan::Member;

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
pub fn ask(member: &Member, sender: &Sender) -> Serving {
    let address = SocketAddr::from(member.client_socket());
    if !matches!(sender, Sender::Curl(_)) && TcpStream::connect_timeout(&address, PATIENCE).is_err()
    {
        return Serving::Silent;
    }
    let request = Request {
        url: &health(member),
        body: None,
        token: None,
        patience: PATIENCE,
    };
    match (sender.send(request), sender) {
        (Ok(answer), _) => read(&answer.body),
        (Err(Unsent::Refused), _) | (Err(_), Sender::Curl(_)) => Serving::Silent,
        (Err(_), Sender::Own | Sender::Tls(_)) => Serving::WaitsForLeader,
    }
}

/// Whether a member serves the other members, which it does before it has a leader. Until then, it
/// accepts connections but does not answer.
pub fn serves_peers(member: &Member, sender: &Sender) -> bool {
    let url = format!("{}/members", member.peer_url());
    let answer = sender.send(Request {
        url: &url,
        body: None,
        token: None,
        patience: Duration::from_secs(1),
    });
    answer.is_ok()
}

/// How long a member may take to accept a connection, and then to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The health URL of a member. Every version has it, and 2.0 already says `"true"` as a string.
/// Older versions ignore the `exclude` parameters (etcd's CHANGELOG of 3.5 and 3.4).
fn health(member: &Member) -> String {
    let url = member.client_url();
    format!("{url}/health?exclude=NOSPACE&exclude=CORRUPT")
}

fn read(answer: &str) -> Serving {
    #[derive(Deserialize)]
    struct Health {
        health: String,
    }
    match serde_json::from_str::<Health>(answer) {
        Ok(Health { health }) if health == "true" => Serving::Serves,
        Ok(_) | Err(_) => Serving::WaitsForLeader,
    }
}
