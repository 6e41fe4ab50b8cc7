//! `up`: an ordered list of steps from a definition to a running, verified cluster.

mod driver_choice;
mod etcd_choice;
mod prove;
mod readiness;
mod resume;
mod startup_log;

use std::time::Duration;

use camino::Utf8Path;

use super::{definitions, etcdctl_location, known_data, machine_box, replace_data, way_back};
use crate::advice::{self, Others, Unusable};
use crate::artifact::{self, Before, Mode};
use crate::command_line;
use crate::driver::Driver;
use crate::etcd::tools::Tools;
use crate::fault::{self, Healed, Journal};
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::{Member, Plan};
use crate::process;
use crate::render;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::state::{Lock, Record};
use crate::steps::{self, Start};
use crate::ui::progress::{Mark, Progress};
use crate::ui::{self, Ui};
use crate::values::{ClusterName, DriverName, HostName};
use crate::wording::many;
use crate::workspace::{Home, Workspace};
use etcd_choice::Chosen;
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
    let workspace = home.workspace.clone();
    let mut past = Past::resumed(ui, request, home, defined, resume::continued)?;
    if let Some(record) = &past.record {
        past.plan = record.identify(past.plan);
    }
    render_files(ui, &workspace, defined)?;
    past.announce();
    let left = past.undo_killed_drill()?;
    let (conditions, start) = past.choose_members()?;
    let mut session = past.open_session(&conditions, &start)?;

    let _interrupted = process::on_interrupt(how_to_go_on(name));
    let timeout = request.timeout.unwrap_or_else(|| session.driver.patience());
    let readiness = start_members(&mut session, &conditions, &start, timeout)?;
    undo_with_quorum(&session, left)?;
    ui.report(&session.driver.outdated(&session.home, &session.plan));
    let left_out = session.record.left_out();
    report_left_out(&session, &left_out);
    let without_data: Vec<HostName> = start
        .lost
        .iter()
        .filter(|member| !left_out.contains(member))
        .cloned()
        .collect();
    if without_data.is_empty() {
        // It does not become healthy without them.
        let timeout = match left_out.is_empty() {
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
    Ok(past.session(tools))
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
    Ok(past.session(tools))
}

/// Decides what to resume from, given the record.
type Resume = fn(Ui, Option<Record>, &dyn Driver, &Home, &Plan) -> Outcome<Option<Record>>;

/// The state that `up` starts from, before etcd is chosen.
struct Past<'a> {
    ui: Ui,
    request: &'a StartRequest<'a>,
    home: Home,
    driver: &'static dyn Driver,
    why_driver: &'static str,
    /// The plan, with the driver's addresses.
    plan: Plan,
    /// `None` for a new cluster.
    record: Option<Record>,
}

impl<'a> Past<'a> {
    /// Chooses the driver, and resumes from the record if there is one.
    fn resumed(
        ui: Ui,
        request: &'a StartRequest<'a>,
        home: Home,
        defined: &Plan,
        resume: Resume,
    ) -> Outcome<Self> {
        let workspace = &home.workspace;
        let mut record = Record::read(&home)?;
        let asked = request.driver;
        let (driver, why_driver) =
            driver_choice::choose(asked, record.as_ref(), workspace, defined)?;
        // Existing machines are described by the rendered files, so these change only when the
        // machines are started again. Without them the driver could not report the machines' state.
        let rendered = workspace.root().join(render::folder(&home.name));
        if !rendered.join("config.rb").is_file() {
            render_files(ui, workspace, defined)?;
        }
        if let Some(record) = &mut record {
            note_data(record, driver, &home)?;
        }
        let plan = driver.place(defined);
        let record = resume(ui, record, driver, &home, &plan)?;
        Ok(Self {
            ui,
            request,
            home,
            driver,
            why_driver,
            plan,
            record,
        })
    }

    fn announce(&self) {
        let count = many(self.plan.members.len(), "member");
        let (name, driver) = (&self.home.name, self.driver.name());
        let why = self.why_driver;
        self.ui
            .say(&format!("{name}: {count} with the {driver} driver ({why})"));
    }

    /// Undoes what a killed drill left, as far as that is possible before members are started.
    fn undo_killed_drill(&self) -> Outcome<Option<Healed>> {
        let Some(journal) = Journal::read(&self.home)? else {
            return Ok(None);
        };
        let recorded = self.record.as_ref().and_then(Record::tools);
        let tools = match recorded {
            Some(tools) => tools,
            // Running members must not be joined by another version.
            None => self.tools(true)?.0,
        };
        let session = self.session(tools);
        self.ui.say(&format!(
            "undoing `{}`, which an interrupted drill left",
            journal.fault
        ));
        fault::heal_without_quorum(&session)
    }

    /// The condition of each member, and which of them to start.
    ///
    /// # Errors
    ///
    /// Refuses if so many members lost their data that no quorum is left.
    fn choose_members(&self) -> Outcome<(Vec<Condition>, Start)> {
        let names = self.plan.names();
        let mut conditions = self.driver.conditions(&self.home, &names)?;
        if self.continue_the_halted(&names, &conditions)? {
            conditions = self.driver.conditions(&self.home, &names)?;
        }
        let had_data = match &self.record {
            Some(record) => record.had_data(),
            None => known_data::of(self.driver, &self.home, &self.plan.members),
        };
        let mut start = steps::start(&names, &conditions, &had_data);
        // Its data would make it look for the cluster before.
        let left_out = self.record.as_ref().map(Record::left_out);
        for member in left_out.into_iter().flatten() {
            start.members.retain(|(name, _)| *name != member);
            if !start.lost.contains(&member) {
                start.lost.push(member);
            }
        }
        if names.len() - start.lost.len() < self.plan.quorum() {
            let is_left = |condition: &Condition| *condition != Condition::Absent;
            let others = if conditions.iter().any(is_left) {
                Others::HaveData
            } else {
                Others::None
            };
            let name = &self.home.name;
            let tools = self.record.as_ref().and_then(Record::tools);
            let way_back = tools.and_then(|tools| {
                let members = &self.plan.members;
                way_back::now(&self.home, self.driver, members, &tools, &had_data)
            });
            let refused = FailureKind::Refused;
            let replaceable = is_replaceable(&self.plan);
            return Err(lost(
                name,
                &start.lost,
                replaceable,
                others,
                way_back,
                refused,
            ));
        }
        Ok((conditions, start))
    }

    /// Continues members whose processes were halted: they hold their ports and locks but do not
    /// answer. Returns whether there were any.
    fn continue_the_halted(&self, names: &[HostName], conditions: &[Condition]) -> Outcome<bool> {
        let mut any = false;
        for (member, condition) in names.iter().zip(conditions) {
            if let (Condition::Halted { id }, Some(faults)) = (condition, self.driver.faults()) {
                faults.resume(&self.home, member)?;
                self.ui
                    .say(&format!("{member}: process {id} was halted; continuing it"));
                any = true;
            }
        }
        Ok(any)
    }

    /// Checks for obstacles, finds the binaries, and updates the record before anything is started.
    /// An unchanged record is not written again.
    fn open_session(&self, conditions: &[Condition], start: &Start) -> Outcome<Session> {
        let Self {
            ui,
            home,
            driver,
            plan,
            record,
            ..
        } = self;
        ui.report(&driver.preflight(home, plan, &start.names())?);
        if driver.machines().is_some() && !start.members.is_empty() {
            machine_box::have(*ui, &home.workspace, plan)?;
        }
        let any_runs = conditions.iter().any(Condition::is_running);
        let chosen = self.tools(any_runs)?;
        match driver.machines() {
            Some(_) => etcd_choice::warn_of_client(*ui, plan, &chosen.0),
            None => etcd_choice::announce(*ui, plan, &chosen),
        }
        let mut session = self.session(chosen.0);
        session.record.use_tools(&session.tools);
        for member in known_data::of(*driver, home, &plan.members) {
            session.record.saw_data_of(&member);
        }
        for (member, condition) in plan.members.iter().zip(conditions) {
            if *condition == Condition::Stopped {
                session.record.saw_data_of(&member.name);
            }
        }
        if record.as_ref() != Some(&session.record) {
            session.record.write(home)?;
        }
        Ok(session)
    }

    /// The binaries to use. `any_runs`: whether any member is running.
    fn tools(&self, any_runs: bool) -> Outcome<Chosen> {
        let (named, workspace) = (self.named(), &self.home.workspace);
        let record = self.record.as_ref();
        match self.driver.machines() {
            Some(_) => {
                let tools = etcd_choice::client(self.ui, named, workspace, record, &self.plan)?;
                Ok((tools, String::new()))
            }
            None => etcd_choice::choose(self.ui, named, workspace, record, any_runs, &self.plan),
        }
    }

    /// The folder with the binaries to use. An empty environment variable counts as unset.
    fn named(&self) -> Option<&Utf8Path> {
        let named = self.request.etcd_dir;
        named.filter(|folder| !folder.as_str().is_empty())
    }

    /// The cluster on these binaries. The record of a new cluster is not written yet.
    fn session(&self, tools: Tools) -> Session {
        let plan = self.driver.run_by(&self.plan, &tools);
        let record = match &self.record {
            Some(record) => record.clone(),
            None => Record::new(self.driver.name(), &plan, &tools),
        };
        Session {
            ui: self.ui,
            home: self.home.clone(),
            record,
            driver: self.driver,
            defined_ports: plan.ports(),
            plan,
            tools,
        }
    }
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

/// Records which members have data by other evidence, before anything is done to them: an
/// interrupted `up` may not have recorded it, and other tasks keep their own notes.
fn note_data(record: &mut Record, driver: &dyn Driver, home: &Home) -> Outcome<()> {
    let noted = record.had_data();
    for member in known_data::of(driver, home, &record.members()) {
        record.saw_data_of(&member);
    }
    if record.had_data() != noted {
        record.write(home)?;
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
    let Session {
        ui,
        home,
        record,
        driver,
        plan,
        tools,
        defined_ports: _,
    } = session;
    let doing = &mut |member: &HostName, doing: &str| progress.set(member, Mark::Working, doing);
    driver.start(home, plan, tools, start, doing)?;
    *tools = etcdctl_location::choose(*ui, *driver, home, plan, tools.clone());
    let mut record = record.clone();
    let home = home.clone();
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

/// Names the members that a restoration left out, and how to bring them back.
fn report_left_out(session: &Session, left_out: &[HostName]) {
    let (name, plan) = (&session.home.name, &session.plan);
    let is_left_out = |member: &&Member| left_out.contains(&member.name);
    let Some(survivor) = plan.members.iter().find(|member| !is_left_out(member)) else {
        return;
    };
    let back = |member: &HostName| {
        if is_replaceable(plan) {
            return command_line::replace(name, member);
        }
        let survivor = &survivor.name;
        format!("cargo xtask restore {name} --from-member {survivor}")
    };
    let warning = |member: &HostName| {
        Diagnostic::warning(format!(
            "`{member}` was left out of the restoration, so it was not started"
        ))
        .note("its data stays in its place, under the old identity")
        .hint(Hint::heals(
            "once its data can be moved aside, bring it back",
            [back(member)],
        ))
    };
    let warnings: Vec<Diagnostic> = left_out.iter().map(warning).collect();
    session.ui.report(&warnings);
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

fn is_replaceable(plan: &Plan) -> bool {
    advice::can_be_replaced(plan.version(), plan.on_machines)
}

/// The failure that members lost their data. `others`: what is left of the cluster. `way_back`: what
/// to do about all of them.
fn lost(
    name: &ClusterName,
    lost: &[HostName],
    replaceable: bool,
    others: Others,
    way_back: Option<Hint>,
    kind: FailureKind,
) -> Failure {
    let verify = format!("cargo xtask verify {name}");
    let diagnostics = lost.iter().map(|member| {
        Diagnostic::error(format!("`{member}` has lost its data, so it was not started"))
            .note("with an empty disk and its old identity it could vote twice, and acknowledged writes could be lost")
    });
    let mut diagnostics: Vec<Diagnostic> = diagnostics.collect();
    match (way_back, diagnostics.last_mut()) {
        (Some(hint), Some(last)) => last.hints.push(hint),
        _ => {
            for (diagnostic, member) in diagnostics.iter_mut().zip(lost) {
                let tell = Some(verify.clone());
                let hint =
                    advice::without_data(name, member, replaceable, Unusable::Lost, others, tell);
                diagnostic.hints.push(hint);
            }
        }
    }
    Failure { kind, diagnostics }
}
