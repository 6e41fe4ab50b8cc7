//! The machine of a member that leaves a cluster or joins it.

use std::time::{Duration, Instant};

use super::joining_user_data::{self, UserData};
use super::replace::AGAIN;
use super::{machine_box, start};
use crate::bootstrap::{Identity, handed_over};
use crate::command_line;
use crate::driver::Machines;
use crate::hint::Hint;
use crate::observation::{Condition, FailingStart, Look, MachineStatus};
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::process;
use crate::reason::Reason;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;

/// How long a machine may take to report its state, including the login.
const LOOK: Duration = Duration::from_secs(60);

/// How long systemd may take to begin with a unit that is to be started.
const BEGIN: Duration = Duration::from_secs(60);

/// Whether the member's etcd runs, and whether it has data.
pub(super) fn state(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
    condition: &Condition,
) -> Outcome<(bool, bool)> {
    match condition {
        Condition::Absent => Ok((false, false)),
        Condition::Stopped => Ok((false, true)),
        Condition::Running(_) | Condition::Halted { .. } | Condition::Unfinished => {
            let status = look(session, machines, member)?;
            let unknown = || {
                let why = "it does not say whether it has data".into();
                not_inspected(session, member, &why)
            };
            Ok((is_at_work(&status), status.has_data.ok_or_else(unknown)?))
        }
    }
}

/// Whether the member's machine has data or a running etcd. Boots it first if it is off.
pub(super) fn is_in_use(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<bool> {
    boot(session, member)?;
    let conditions = session
        .driver
        .conditions(&session.home, std::slice::from_ref(member))?;
    if conditions == [Condition::Absent] {
        return Ok(false);
    }
    let status = look(session, machines, member)?;
    Ok(is_at_work(&status) || status.has_data != Some(false))
}

/// Boots the machine if it is off: everything is done inside. Its etcd starts with its old data.
pub(super) fn boot(session: &Session, member: &HostName) -> Outcome<()> {
    let names = std::slice::from_ref(member);
    let conditions = session.driver.conditions(&session.home, names)?;
    match conditions.first() {
        Some(Condition::Stopped) => up(session, &session.plan, member, InitialState::Existing),
        _ => Ok(()),
    }
}

/// Lets the member join the cluster under this ID, on a new machine if it has none. `go_on`: the command that continues
/// after a failure.
pub(super) fn join(
    session: &Session,
    machines: &dyn Machines,
    member: &Member,
    id: EtcdId,
    go_on: &str,
) -> Outcome<()> {
    let Session {
        ui,
        home,
        driver,
        plan,
        defined,
        ..
    } = session;
    let joining = Identity {
        cluster: plan.cluster_id,
        member: id,
    };
    let text = handed_over(joining, &plan.members);
    machines.hand_over(home, &member.name, &text)?;
    let names = std::slice::from_ref(&member.name);
    boot(session, &member.name)?;
    let conditions = driver.conditions(home, names)?;
    let digest = joining_user_data::digest(session, machines, &member.name)?;
    // One whose first boot was interrupted may not even have its user-data.
    let is_unfinished = conditions.first() == Some(&Condition::Unfinished)
        && look(session, machines, &member.name).is_ok_and(|status| status.user_data.is_some());
    let chosen =
        joining_user_data::choose(session, machines, &member.name, digest.as_deref(), go_on)?;
    if let UserData::Of(plan) = chosen {
        start::render_files(*ui, &home.workspace, &plan)?;
        if digest.is_none() && !is_unfinished {
            machine_box::have(*ui, &home.workspace, &plan)?;
            up(session, &plan, &member.name, InitialState::New)?;
        } else if digest != Some(render::user_data_sha256(&plan)) {
            // The start script of an earlier one may found a cluster.
            machines.provision(home, &plan, &member.name)?;
        }
        start::render_files(*ui, &home.workspace, defined)?;
    }
    if digest.is_some() || is_unfinished {
        driver.data().release(home, names)?;
    }
    wait_until_at_work(session, machines, &member.name)
}

/// Waits until systemd has begun with a unit that is to be started: after a boot, it waits for the network first.
pub(super) fn wait_until_at_work(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<()> {
    let deadline = Instant::now() + BEGIN;
    while !is_at_work(&look(session, machines, member)?) && Instant::now() < deadline {
        pause(AGAIN);
    }
    Ok(())
}

/// Why the member's etcd does not run any more, or is not started; `None` if it runs or is about to.
pub(super) fn ended(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<Option<Reason>> {
    let status = look(session, machines, member)?;
    let unit = &status.unit;
    let failing = status.failing.as_ref().map(FailingStart::in_words);
    let stopped = (!is_at_work(&status)).then(|| format!("is `{unit}`"));
    let why = failing.or(stopped);
    Ok(why.map(|why| format!("its unit etcd.service {why}").into()))
}

/// Starts the member's machine alone. Vagrant would start those that are off, too.
fn up(session: &Session, plan: &Plan, member: &HostName, state: InitialState) -> Outcome<()> {
    let Session {
        ui,
        home,
        driver,
        tools,
        ..
    } = session;
    let names = plan.names();
    let conditions = driver.conditions(home, &names)?;
    let start = steps::alone(member, state, &names, &conditions);
    let mut progress = Progress::new(*ui, std::slice::from_ref(member));
    let doing = &mut |member: &HostName, doing: &str| progress.set(member, Mark::Working, doing);
    driver.start(home, plan, tools, &start, doing)
}

pub(super) fn look(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<MachineStatus> {
    let mut seen = look_at_all(session, machines, std::slice::from_ref(member))?;
    let unseen = || Err(not_inspected(session, member, &"no answer".into()));
    seen.pop().unwrap_or_else(unseen)
}

/// Looks at running machines, all at the same time.
pub(super) fn look_at_all(
    session: &Session,
    machines: &dyn Machines,
    members: &[HostName],
) -> Outcome<Vec<Outcome<MachineStatus>>> {
    let Session { home, plan, .. } = session;
    let shell = process::shell()?;
    // If ssh does not know one, it learns of all that run.
    for member in members {
        let _ = machines.ssh(&shell, home, member);
    }
    let seen = machines.look(home, plan, members, LOOK).into_iter();
    let seen = seen.zip(members).map(|(look, member)| match look {
        Look::Seen(status) => Ok(status),
        Look::Failed(why) | Look::NotAsked(why) => Err(not_inspected(session, member, &why.into())),
    });
    Ok(seen.collect())
}

/// Whether etcd, or the script that starts it, runs or is about to.
pub(super) fn is_at_work(status: &MachineStatus) -> bool {
    !["inactive", "failed"].contains(&status.unit.as_str())
}

fn not_inspected(session: &Session, member: &HostName, why: &Reason) -> Failure {
    let plan = &session.plan;
    Failure::failed(
        Diagnostic::error(format!(
            "the machine of `{member}` cannot be inspected: {why}"
        ))
        .hint(Hint::informs(
            "check whether ssh reaches it",
            [command_line::ssh(plan, member)],
        )),
    )
}
