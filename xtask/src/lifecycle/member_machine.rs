//! The machine of a member that leaves a cluster or joins it.

use std::time::{Duration, Instant};

use super::replace::AGAIN;
use super::{definitions, machine_box, start};
use crate::bootstrap::{Identity, handed_over};
use crate::command_line;
use crate::driver::Machines;
use crate::hint::Hint;
use crate::observation::{Condition, Look, MachineStatus};
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps::Start;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;

/// How long a machine may take to report its state, including the login.
const LOOK: Duration = Duration::from_secs(60);

/// How long systemd may take to begin with a unit that is to be started.
const BEGIN: Duration = Duration::from_secs(30);

/// Whether the member's etcd runs, and whether it has data.
pub(super) fn state(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
    condition: &Condition,
) -> Outcome<(bool, bool)> {
    match condition {
        Condition::Absent | Condition::Unfinished => Ok((false, false)),
        Condition::Stopped => Ok((false, true)),
        Condition::Running(_) | Condition::Halted { .. } => {
            let status = look(session, machines, member)?;
            let unknown = || {
                not_inspected(
                    session,
                    member,
                    &"it does not say whether it has data".into(),
                )
            };
            Ok((is_at_work(&status), status.has_data.ok_or_else(unknown)?))
        }
    }
}

/// Fails if a later step would fail on this machine.
pub(super) fn refuse_obstacles(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<()> {
    let plan = &session.plan;
    let names = std::slice::from_ref(member);
    let conditions = session.driver.conditions(&session.home, names)?;
    if !matches!(conditions.first(), Some(Condition::Running(_))) {
        return Ok(());
    }
    let status = look(session, machines, member)?;
    if status.user_data == Some(render::user_data_sha256(plan)) {
        return Ok(());
    }
    let folder = render::folder(&plan.name);
    Err(Failure::refused(
        Diagnostic::error(format!(
            "the machine of `{member}` was set up with other user-data than the definition renders"
        ))
        .note("its start script might found a cluster; nothing was changed")
        .hint(Hint::heals(
            "give it its user-data, then replace it",
            [
                format!("cargo xtask render {}", plan.name),
                format!("(cd {folder} && vagrant provision {member})"),
                command_line::replace(&plan.name, member),
            ],
        )),
    ))
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

/// Lets the member join the cluster under this ID, on a new machine if it has none.
pub(super) fn join(
    session: &Session,
    machines: &dyn Machines,
    member: &Member,
    id: EtcdId,
) -> Outcome<()> {
    let Session {
        ui,
        home,
        driver,
        plan,
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
    if let Some(Condition::Running(_)) = conditions.first() {
        let wanted = render::user_data_sha256(&session.defined);
        if look(session, machines, &member.name)?.user_data != Some(wanted) {
            machines.provision(home, &session.defined, &member.name)?;
        }
        driver.data().release(home, names)?;
    } else {
        let defined = definitions::plan(*ui, &home.workspace, &home.name)?;
        start::render_files(*ui, &home.workspace, &defined)?;
        machine_box::have(*ui, &home.workspace, plan)?;
        up(session, &defined, &member.name, InitialState::New)?;
    }
    let deadline = Instant::now() + BEGIN;
    while !is_at_work(&look(session, machines, &member.name)?) && Instant::now() < deadline {
        pause(AGAIN);
    }
    Ok(())
}

/// Why the member's etcd does not run any more; `None` if it does.
pub(super) fn ended(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<Option<Reason>> {
    let status = look(session, machines, member)?;
    let unit = &status.unit;
    Ok((!is_at_work(&status)).then(|| format!("its unit etcd.service is `{unit}`").into()))
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
    let is_off = |(name, condition): &(HostName, Condition)| {
        name != member && !matches!(condition, Condition::Running(_))
    };
    let off = names.into_iter().zip(conditions).filter(is_off);
    let start = Start {
        members: vec![(member.clone(), state)],
        lost: off.map(|(name, _)| name).collect(),
    };
    let mut progress = Progress::new(*ui, std::slice::from_ref(member));
    let doing = &mut |member: &HostName, doing: &str| progress.set(member, Mark::Working, doing);
    driver.start(home, plan, tools, &start, doing)
}

pub(super) fn look(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<MachineStatus> {
    let Session { home, plan, .. } = session;
    let seen = machines.look(home, plan, std::slice::from_ref(member), LOOK);
    match seen.into_iter().next() {
        Some(Look::Seen(status)) => Ok(status),
        Some(Look::Failed(why) | Look::NotAsked(why)) => {
            Err(not_inspected(session, member, &why.into()))
        }
        None => Err(not_inspected(session, member, &"no answer".into())),
    }
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
