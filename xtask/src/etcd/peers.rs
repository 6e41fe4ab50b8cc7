//! Asks members on their peer ports which cluster they belong to.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::http::{Request, Sender};
use crate::bootstrap::{Answer, Entry};
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::reason::Reason;

/// How long a member may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long it may take to answer. It accepts connections a moment before it answers.
const ANSWERING: Duration = Duration::from_secs(10);

/// What a member says, with or without a quorum.
pub fn ask(member: &Member, sender: &Sender) -> Answer {
    let address = SocketAddr::from(member.peer_socket());
    if TcpStream::connect_timeout(&address, CONNECTING).is_err() {
        return Answer::Silent;
    }
    match members(&member.peer_url(), sender) {
        Ok((id, members)) => Answer::Cluster { id, members },
        Err(why) => Answer::Unclear(why),
    }
}

fn members(peer_url: &str, sender: &Sender) -> Result<(EtcdId, Vec<Entry>), Reason> {
    let answer = sender.send(Request {
        url: &format!("{peer_url}/members"),
        body: None,
        token: None,
        patience: ANSWERING,
    })?;
    if answer.status != 200 {
        return Err(format!("HTTP status {}", answer.status).into());
    }
    let id = answer.cluster.as_ref();
    let id = id.and_then(|id| u64::from_str_radix(id, 16).ok());
    let members: Result<Vec<Entry>, _> = serde_json::from_str(&answer.body);
    match (id, members) {
        (Some(id), Ok(members)) if !members.is_empty() => Ok((EtcdId(id), members)),
        _ => Err("it is not etcd".into()),
    }
}
