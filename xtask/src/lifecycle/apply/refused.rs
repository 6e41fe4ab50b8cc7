//! What no step does, and why.

use super::downgrade;
use super::present::Present;
use crate::change::apply::{Kind, Step};
use crate::command_line;
use crate::hint::Hint;
use crate::plan::{GATEWAY_FLAG, Member};
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::state::Replacement;
use crate::workspace::Home;

/// Refuses clusters that no step can change.
pub(super) fn refuse_unsuitable(session: &Session) -> Outcome<()> {
    refuse_early_version(session)?;
    refuse_profile(session)?;
    refuse_another_cluster(session)
}

fn refuse_early_version(session: &Session) -> Outcome<()> {
    let version = session.plan.version();
    if !version.is_v2() {
        return Ok(());
    }
    Err(Failure::refused(
        Diagnostic::error(format!("members of etcd {version} are changed by hand"))
            .note("etcd before 3.0 has no backup that this program could take first")
            .note("by hand, a member at a time: `member add`, then start the new one with an empty data folder and `initial-cluster-state=existing`; or `member remove`, then stop it")
            .note("changed flags: restart the members, the leader last"),
    ))
}

/// Refuses machines whose members cannot join a running cluster.
fn refuse_profile(session: &Session) -> Outcome<()> {
    let profile = session.defined.machine.profile;
    if session.driver.machines().is_none() || profile.members_can_join {
        return Ok(());
    }
    let diagnostic = Diagnostic::error(format!("members on {} are changed by hand", profile.title));
    let differences = session.record.differences(&session.defined);
    Err(Failure::refused(
        differences
            .into_iter()
            .fold(diagnostic, Diagnostic::note)
            .note("they start as the recipe of 2015 says: they found a cluster, and join none")
            .hint("to keep the cluster, revert the change"),
    ))
}

/// Machines keep the addresses that they were created with.
pub(super) fn new_addresses(session: &Session, steps: &[Step]) -> Vec<Diagnostic> {
    if session.driver.machines().is_none() {
        return Vec::new();
    }
    let moves = steps.iter().filter_map(|step| match &step.kind {
        Kind::Move(to, _) => Some(to),
        _ => None,
    });
    let before = |to: &Member| {
        let mut members = session.plan.members.iter();
        members
            .find(|member| member.name == to.name)
            .map(|one| one.address)
    };
    let moves = moves.filter(|to| before(to) != Some(to.address));
    moves
        .map(|to| {
            let (name, address) = (&to.name, to.address);
            Diagnostic::error(format!("`{name}` cannot move to {address}"))
                .note("a machine keeps the address that it was created with")
                .hint("give the member another name and a free address: it gets a new machine, and the old one leaves")
        })
        .collect()
}

fn refuse_another_cluster(session: &Session) -> Outcome<()> {
    let Session {
        record, defined, ..
    } = session;
    if !record.is_redefined_by(defined) {
        return Ok(());
    }
    let diagnostic = Diagnostic::error(format!("`{}` describes another cluster", defined.source));
    let diagnostic = record
        .differences(defined)
        .into_iter()
        .fold(diagnostic, Diagnostic::note);
    Err(Failure::refused(
        diagnostic
            .note("etcd stores IDs that follow from the token and the first peer URLs, and keeps them")
            .hint(over_a_backup(session)),
    ))
}

fn over_a_backup(session: &Session) -> Hint {
    Hint::makes_safer(
        "revert the change; or take a backup, and restore it into the new cluster",
        [command_line::task(&session.plan, "backup")],
    )
}

/// What the definition says and no step does.
pub(super) fn without_steps(session: &Session) -> Vec<Diagnostic> {
    let (record, defined) = (&session.record, &session.defined);
    let mut refused = Vec::new();
    let Some(then) = record.defined else {
        return refused;
    };
    if then.driver != defined.driver && defined.driver.is_some_and(|now| now != record.driver) {
        let now = defined.driver.map(|now| now.to_string());
        refused.push(
            Diagnostic::error(format!(
                "the driver is {}, and is now defined as {}",
                record.driver,
                now.unwrap_or_default()
            ))
            .note("members with another driver make another cluster")
            .hint(over_a_backup(session)),
        );
    }
    refused
}

/// A downgrade that has to be cancelled, and cannot be without the gateway.
pub(super) fn enabled_downgrade(session: &Session, present: &Present) -> Option<Diagnostic> {
    let version = session.defined.version();
    let target = downgrade::enabled(session, present)?;
    if target >= version.minor_release() || downgrade::has_gateway(session) {
        return None;
    }
    let (major, minor) = target;
    let cancel = command_line::etcdctl(&session.plan, "downgrade cancel");
    Some(
        Diagnostic::error(format!(
            "etcd's downgrade to {major}.{minor} is enabled, and the members are to run {version}"
        ))
        .note(format!(
            "it is cancelled through the gRPC gateway, which `{GATEWAY_FLAG}` turns off"
        ))
        .hint(Hint::heals("cancel it by hand", [cancel])),
    )
}

/// A step during which the cluster does not serve, although nothing is wrong with it.
pub(super) fn interrupts(step: &Step, go_on: &str) -> Diagnostic {
    let all = step.before.all;
    let why = if all == 1 {
        "the cluster has one member".to_owned()
    } else {
        format!("the cluster has {all} members, and both are needed")
    };
    Diagnostic::error(format!("the quorum would be lost: {}", step.what()))
        .note(why)
        .note("it comes back when the step is complete, and no data is lost")
        .hint(Hint::heals(
            "if clients can wait",
            [format!("{go_on} --allow-interruption")],
        ))
}

pub(super) fn nothing_was_changed(mut diagnostics: Vec<Diagnostic>) -> Failure {
    if let Some(last) = diagnostics.pop() {
        diagnostics.push(last.note("nothing was changed"));
    }
    Failure {
        kind: FailureKind::Refused,
        diagnostics,
    }
}

/// Refuses while another task has members half changed.
pub(super) fn refuse_other_tasks(home: &Home) -> Outcome<()> {
    let Some(Replacement { member, .. }) = Replacement::read(home)? else {
        return Ok(());
    };
    Err(Failure::refused(
        Diagnostic::error(format!("the replacement of `{member}` is not complete"))
            .note("members are changed one at a time")
            .hint(Hint::heals(
                "complete it first",
                [command_line::replace(&home.name, &member)],
            )),
    ))
}
