//! Runs etcdctl against one member.

use std::time::Duration;

use xshell::{Cmd, Shell};

use super::client_environment;
use super::command::{anonymous, client};
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
    run(client, tools, member, words, patience)
}

/// The same without a user.
pub(super) fn ask_anonymously(
    tools: &Tools,
    member: &Member,
    words: &[&str],
    patience: Duration,
) -> Result<String, Reason> {
    run(anonymous, tools, member, words, patience)
}

fn run(
    command: for<'a> fn(&'a Shell, &Tools) -> Cmd<'a>,
    tools: &Tools,
    member: &Member,
    words: &[&str],
    patience: Duration,
) -> Result<String, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let seconds = patience.as_secs();
    let etcdctl = command(&shell, tools)
        .envs(client_environment(tools, None))
        // An etcdctl inside a machine does not get the variables of this host.
        .arg(format!("--endpoints={}", member.client_url()))
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
