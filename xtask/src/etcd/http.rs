//! Asks a member over HTTP what etcdctl of its version does not show.

use std::time::Duration;

use serde::de::DeserializeOwned;
use xshell::Shell;

use super::tools::{Tools, ToolsOrigin};
use crate::plan::Member;
use crate::process;
use crate::reason::Reason;

/// How long a member may take to answer, in seconds.
const PATIENCE: u64 = 5;

/// The same inside a machine, including the login.
const INSIDE: Duration = Duration::from_secs(60);

/// The answer as JSON; none if there is no such answer.
pub(super) fn read<T: DeserializeOwned>(
    member: &Member,
    tools: &Tools,
    path: &str,
    sent: Option<&str>,
) -> Option<T> {
    let answer = ask(member, tools, path, sent).ok()?;
    serde_json::from_str(&answer).ok()
}

/// The answer of a member, to a POST if there is something to send.
pub(super) fn ask(
    member: &Member,
    tools: &Tools,
    path: &str,
    sent: Option<&str>,
) -> Result<String, Reason> {
    let url = format!("{}/{path}", member.client_url());
    if tools.origin != ToolsOrigin::Machine {
        let request = match sent {
            Some(sent) => minreq::post(url).with_body(sent),
            None => minreq::get(url),
        };
        let request = request.with_timeout(PATIENCE);
        let response = request.with_follow_redirects(false).send();
        let response = response.map_err(Reason::of)?;
        return response.as_str().map(str::to_owned).map_err(Reason::of);
    }
    // A wrapper for curl lies beside the etcdctl that runs inside a machine.
    let shell = Shell::new().map_err(Reason::of)?;
    let curl = shell.cmd(tools.etcdctl.with_file_name("curl"));
    let patience = PATIENCE.to_string();
    let curl = curl.args(["--silent", "--max-time", &patience, &url]);
    let curl = curl.args(sent.iter().flat_map(|sent| ["--data", sent]));
    let finished = process::run(curl, INSIDE);
    match finished.success() {
        true => Ok(finished.stdout),
        false => Err(finished.ending().into()),
    }
}
