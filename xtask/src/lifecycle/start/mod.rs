//! `up`: an ordered list of steps from a definition to a running, verified cluster.

mod bootstrap;
mod driver_choice;
mod etcd_choice;
mod lost;
mod past;
mod prove;
mod readiness;
mod resume;
mod startup_log;

use std::time::Duration;

use camino::Utf8Path;

use super::{adopt, backup, definitions, etcdctl_location, replace_data};
use crate::advice::Others;
use crate::artifact::{self, Before, Mode};
use crate::fault::{self, Healed};
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::process;
use crate::render;
use crate::report::{FailureKind, Outcome};
use crate::session::Session;
use crate::state::{Lock, Record};
use crate::steps::{self, Start};
use crate::ui::progress::{Mark, Progress};
use crate::ui::{self, Ui};
use crate::values::{ClusterName, DriverName, HostName};
use crate::workspace::{Home, Workspace};
use lost::{is_replaceable, lost, report_left_out};
use past::Past;
use readiness::Readiness;

pub use prove::Proof;
pub(super) use resume::refuse_a_different_cluster;

/// The arguments of `up`.
#[derive(Debug, Clone, Copy)]
pub struct StartRequest<'a> {
    /// The cluster.
    pub name: &'a ClusterName,
    /// The driver to use, whatever the definition says.
    pub driver: Option<DriverName>,
    /// A folder with the binaries to use.
    pub etcd_dir: Option<&'a Utf8Path>,
    /// The time limit until all members serve.
    pub timeout: Option<Duration>,
}

/// How long a cluster may settle that lacks members which are not to be started.
const SETTLING_WITHOUT_ALL: Duration = Duration::from_secs(5);

/// Starts a cluster, waits until it serves, and verifies it. Every step can be repeated, so the
/// next `up` continues an interrupted one, and an interrupted restoration.
pub fn up(ui: Ui, request: &StartRequest<'_>) -> Outcome<Proof> {
    let name = request.name;
    let home = Workspace::find()?.home(name);
    let defined = defined(ui, &home)?;
    let _lock = Lock::take(&home, &format!("up {name}"), &ui.saying())?;
    backup::end_leftovers(&home)?;
    replace_data::continue_interrupted(ui, &home, &defined)?;
    start(ui, request, home, &defined)
}

/// The plan of the cluster's definition. Only a new cluster's choices are commented on.
pub(super) fn defined(ui: Ui, home: &Home) -> Outcome<Plan> {
    let (workspace, name) = (&home.workspace, &home.name);
    if Record::is_there(home) {
        definitions::plan(ui, workspace, name)
    } else {
        Ok(Plan::new(&definitions::load(ui, workspace, name)?))
    }
}

/// The same as [`up`] for a task that holds the cluster's lock.
pub(super) fn start(
    ui: Ui,
    request: &StartRequest<'_>,
    home: Home,
    defined: &Plan,
) -> Outcome<Proof> {
    let name = request.name;
    resume::record_what_runs(ui, request, &home, defined)?;
    let mut past = Past::resumed(ui, request, home, defined, resume::continued)?;
    if let Some(record) = &past.record {
        past.plan = record.running(past.plan);
    }
    past.render_files(defined)?;
    past.announce();
    let left = past.undo_killed_drill()?;
    let (conditions, start) = past.choose_members()?;
    let mut session = past.open_session(&conditions, &start)?;

    let _interrupted = process::on_interrupt(how_to_go_on(name));
    start_in_transit(&session)?;
    let timeout = request.timeout.unwrap_or_else(|| session.driver.patience());
    let readiness = start_members(&mut session, &conditions, &start, timeout)?;
    undo_with_quorum(&session, left)?;
    adopt::confirm_ids(&mut session)?;
    ui.report(&session.driver.outdated(&session.home, &session.plan));
    let left_out = session.record.left_out();
    report_left_out(&session, &left_out);
    let without_data: Vec<HostName> = start
        .lost
        .iter()
        .filter(|member| !left_out.contains(member))
        // Without a record, it was unknown whether it was a member.
        .filter(|member| session.record.names().contains(member))
        .cloned()
        .collect();
    if without_data.is_empty() {
        // It does not become healthy without them.
        let is_whole = left_out.is_empty() && session.record.in_transit().is_empty();
        let timeout = match is_whole {
            true => timeout,
            false => timeout.min(SETTLING_WITHOUT_ALL),
        };
        Ok(prove::prove(session, timeout, &readiness))
    } else {
        let others = Others::Serve;
        let replaceable = is_replaceable(&session.plan);
        Err(lost(
            name,
            &without_data,
            replaceable,
            others,
            None,
            FailureKind::Failed,
        ))
    }
}

/// The cluster that a definition describes, started or not, with binaries that fit it. Nothing is
/// changed, and nothing is compared with the record.
pub(super) fn as_defined(
    ui: Ui,
    request: &StartRequest<'_>,
    home: Home,
    defined: &Plan,
) -> Outcome<Session> {
    let past = Past::resumed(ui, request, home, defined, |_, record, _, _, _| Ok(record))?;
    let (tools, _) = past.tools(false)?;
    past.session(tools)
}

/// The cluster whose data is about to be replaced, which may not have been started yet. Its plan has
/// the identity that its members get, which differs from the record's if the generation was raised.
///
/// # Errors
///
/// Refuses if the definition describes other members than those that were started.
pub(super) fn to_be_replaced(
    ui: Ui,
    request: &StartRequest<'_>,
    home: Home,
    defined: &Plan,
) -> Outcome<Session> {
    let past = Past::resumed(ui, request, home, defined, resume::replaced)?;
    let names = past.plan.names();
    let conditions = past.driver.conditions(&past.home, &names)?;
    let both = names.iter().zip(&conditions);
    let to_start = both.filter(|(_, condition)| !condition.is_running());
    let to_start: Vec<HostName> = to_start.map(|(member, _)| member.clone()).collect();
    ui.report(&past.driver.preflight(&past.home, &past.plan, &to_start)?);
    // All members are stopped, so no other version runs beside the chosen one.
    let (tools, _) = past.tools(false)?;
    past.session(tools)
}

/// Renders what machines boot with, so that the files never lag behind the started cluster.
pub(super) fn render_files(ui: Ui, workspace: &Workspace, plan: &Plan) -> Outcome<()> {
    for file in render::render(plan) {
        if artifact::put(workspace, &file, Mode::Write)? != Before::Same {
            ui.say(&format!("rendered {}", file.path));
        }
    }
    Ok(())
}

/// Starts the members that a killed `apply` was adding or removing, if they have data: those that it was removing
/// may still count for the quorum. Nothing waits for them.
fn start_in_transit(session: &Session) -> Outcome<()> {
    let Session {
        ui,
        home,
        record,
        driver,
        plan,
        tools,
        ..
    } = session;
    let mut plan = plan.clone();
    plan.members.extend(record.in_transit());
    for member in record.in_transit() {
        let conditions = driver.conditions(home, std::slice::from_ref(&member.name))?;
        if conditions != [Condition::Stopped] {
            continue;
        }
        ui.say(&format!(
            "{}: starting, because `apply` was interrupted",
            member.name
        ));
        let names = plan.names();
        let conditions = driver.conditions(home, &names)?;
        let start = steps::alone(&member.name, InitialState::Existing, &names, &conditions);
        driver.start(home, &plan, tools, &start, &mut |_, _| {})?;
    }
    Ok(())
}

/// Starts the members and waits until all serve. Each member that serves is recorded at once.
fn start_members(
    session: &mut Session,
    conditions: &[Condition],
    start: &Start,
    timeout: Duration,
) -> Outcome<Readiness> {
    let mut progress = Progress::new(session.ui, &session.plan.names());
    let mut readiness = Readiness::of(session, start, conditions);
    let doing = &mut |member: &HostName, doing: &str| progress.set(member, Mark::Working, doing);
    session.start(start, doing)?;
    let tools = session.tools.clone();
    let Session {
        ui,
        home,
        driver,
        plan,
        ..
    } = &*session;
    session.tools = etcdctl_location::choose(*ui, *driver, home, plan, tools);
    let mut record = session.record.clone();
    let home = session.home.clone();
    let waited = readiness.wait(session, timeout, &mut progress, |member| {
        if record.had_data().contains(member) {
            return Ok(());
        }
        record.saw_data_of(member);
        record.write(&home)
    });
    session.record = record;
    waited.map(|()| readiness)
}

/// Undoes the rest of what a drill left, now that the members have a leader.
fn undo_with_quorum(session: &Session, left: Option<Healed>) -> Outcome<()> {
    let Some(left) = left else {
        return Ok(());
    };
    let fault = left.fault().to_owned();
    fault::heal_with_quorum(session, left)?;
    session.ui.say(&format!("`{fault}` is undone"));
    Ok(())
}

/// How to run `up` without an option, which an environment variable may have given.
fn without(option: &str, variable: &str) -> Hint {
    let is_typed = std::env::args_os().any(|word| {
        let word = word.to_string_lossy();
        word == option || word.starts_with(&format!("{option}="))
    });
    if std::env::var_os(variable).is_some() && !is_typed {
        Hint::heals(
            format!("`{option}` comes from `{variable}`"),
            [format!("unset {variable}")],
        )
    } else {
        Hint::says(format!("omit `{option}`"))
    }
}

/// The message after an interruption.
fn how_to_go_on(name: &ClusterName) -> String {
    let go_on = Hint::heals("continue", [format!("cargo xtask up {name}")]);
    let stop = Hint::informs("or stop the members", [format!("cargo xtask down {name}")]);
    format!(
        "members that were started keep running\n{}\n{}",
        ui::hint_line(&go_on),
        ui::hint_line(&stop)
    )
}
