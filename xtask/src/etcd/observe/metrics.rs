//! A member's metrics, over HTTP: etcdctl does not show them.

use std::time::Duration;

use camino::Utf8Path;
use xshell::Shell;

use crate::observation::Look;
use crate::plan::Member;
use crate::process::{self, Ending};

/// Reads the metrics directly.
pub(super) fn metrics(member: &Member, patience: Duration) -> Look<String> {
    let asked = minreq::get(format!("{}/metrics", member.client_url()))
        .with_timeout(patience.as_secs().max(1))
        .with_follow_redirects(false)
        .send();
    match asked {
        Ok(answer) if answer.status_code == 200 => {
            let text = answer.as_str().map(str::to_owned);
            text.map_or_else(|error| Look::Failed(error.to_string()), Look::Seen)
        }
        Ok(answer) => Look::Failed(format!("HTTP status {}", answer.status_code)),
        Err(error) => Look::Failed(error.to_string()),
    }
}

/// Reads the metrics with this curl, which may run elsewhere.
pub(super) fn metrics_by(curl: &Utf8Path, member: &Member, patience: Duration) -> Look<String> {
    let shell = match Shell::new() {
        Ok(shell) => shell,
        Err(error) => return Look::NotAsked(format!("could not be queried: {error}")),
    };
    let seconds = patience.as_secs().max(1).to_string();
    let asked = shell
        .cmd(curl)
        .args(["--silent", "--fail", "--max-time", &seconds])
        .arg(format!("{}/metrics", member.client_url()));
    let finished = process::run(asked, patience * 2 + Duration::from_secs(2));
    match finished.ending {
        Ending::Exited(0) => Look::Seen(finished.stdout),
        // Below 126 it is curl's own exit status; from 126 on, that of the program that should have
        // run it.
        Ending::Exited(..126) => Look::Failed(format!("curl {}", finished.ending())),
        _ => Look::NotAsked(format!(
            "could not be queried: `{curl}` {}",
            finished.ending()
        )),
    }
}
