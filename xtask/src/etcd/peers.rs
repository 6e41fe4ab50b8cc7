//! Asks members on their peer ports which cluster they belong to.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::bootstrap::{Answer, Entry};
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::reason::Reason;

/// How long a member may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long it may take to answer, in seconds. It accepts connections a moment before it answers.
const ANSWERING: u64 = 10;

/// What a member says, with or without a quorum.
pub fn ask(member: &Member) -> Answer {
    let address = SocketAddr::from(member.peer_socket());
    if TcpStream::connect_timeout(&address, CONNECTING).is_err() {
        return Answer::Silent;
    }
    match members(&member.peer_url()) {
        Ok((id, members)) => Answer::Cluster { id, members },
        Err(why) => Answer::Unclear(why),
    }
}

fn members(peer_url: &str) -> Result<(EtcdId, Vec<Entry>), Reason> {
    let response = minreq::get(format!("{peer_url}/members"))
        .with_timeout(ANSWERING)
        .with_follow_redirects(false)
        .send()
        .map_err(Reason::of)?;
    if response.status_code != 200 {
        return Err(format!("HTTP status {}", response.status_code).into());
    }
    let mut headers = response.headers.iter();
    let id = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-etcd-cluster-id"));
    let id = id.and_then(|(_, id)| u64::from_str_radix(id, 16).ok());
    let members: Result<Vec<Entry>, _> = serde_json::from_slice(response.as_bytes());
    match (id, members) {
        (Some(id), Ok(members)) if !members.is_empty() => Ok((EtcdId(id), members)),
        _ => Err("it is not etcd".into()),
    }
}
