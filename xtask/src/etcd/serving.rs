//! The cheapest question to a member: does it serve?

use std::time::Duration;

use camino::Utf8Path;
use serde::Deserialize;
use xshell::Shell;

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

/// Asks a member's `/health`. Every version has it; 2.0 says `"true"` as a string, as all do.
pub fn ask(client_url: &str) -> Serving {
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
        Ok(response) => read(response.as_bytes()),
    }
}

/// Asks the same by this curl, which may run elsewhere.
pub fn ask_by(curl: &Utf8Path, client_url: &str) -> Serving {
    let Ok(shell) = Shell::new() else {
        return Serving::Silent;
    };
    let asked = shell
        .cmd(curl)
        .args(["--silent", "--max-time", "5"])
        .arg(format!("{client_url}/health"));
    let finished = process::run(asked, Duration::from_secs(60));
    if finished.success() {
        read(finished.stdout.as_bytes())
    } else {
        Serving::Silent
    }
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
