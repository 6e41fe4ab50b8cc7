//! The cheapest question to a member: does it serve?

use serde::Deserialize;

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

/// Asks a member's `/health`. Every version has it; 2.0 says `"true"` as a string, as all do.
pub fn ask(client_url: &str) -> Serving {
    #[derive(Deserialize)]
    struct Health {
        health: String,
    }
    let request = minreq::get(format!("{client_url}/health"))
        .with_timeout(2)
        .with_follow_redirects(false);
    match request.send() {
        Err(minreq::Error::IoError(error))
            if error.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            Serving::Silent
        }
        Err(_) => Serving::WaitsForLeader,
        Ok(response) => match serde_json::from_slice::<Health>(response.as_bytes()) {
            Ok(Health { health }) if health == "true" => Serving::Serves,
            Ok(_) | Err(_) => Serving::WaitsForLeader,
        },
    }
}
