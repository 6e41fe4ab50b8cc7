//! Runs etcdctl against one member.

use std::time::Duration;

use xshell::Shell;

use super::client_environment;
use super::command::client;
use super::tools::Tools;
use super::turns;
use crate::observation::etcdctl as read;
use crate::plan::Member;
use crate::process;
use crate::reason::Reason;

/// The output of an etcdctl command, or why it failed. `patience`: the time limit.
pub(super) fn ask(
    tools: &Tools,
    member: &Member,
    words: &[&str],
    patience: Duration,
) -> Result<String, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let urls = [member.client_url()];
    let seconds = patience.as_secs();
    let etcdctl = client(&shell, &tools.etcdctl)
        .envs(client_environment(tools.version, Some(&urls)))
        .arg("--dial-timeout=5s")
        .arg(format!("--command-timeout={seconds}s"))
        .args(words);
    let _turn = turns::wait();
    let finished = process::run(etcdctl, patience + Duration::from_secs(10));
    if finished.success() {
        return Ok(finished.stdout);
    }
    let why = read::reason(&finished.stderr);
    Err(why
        .unwrap_or_else(|| format!("`{}` {}", finished.command, finished.ending()))
        .into())
}
