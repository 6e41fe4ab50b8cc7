//! `cargo xtask up`: from a definition to a running cluster that is proven healthy.

mod awaited;
mod driver_choice;
mod etcd_choice;
mod past;
mod started;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Which, had_data, load, machine_box, reach, verify};
use crate::advice::{self, Others, Unusable};
use crate::artifact::{self, Before, Mode};
use crate::check::{Health, Verdict};
use crate::driver::{Driver, Home, Running};
use crate::fault::{self, Cluster, Healed, Journal};
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::{Plan, etcdctl_words};
use crate::process;
use crate::render;
use crate::report::{Diagnostic, Exit, Failure, FailureKind, Outcome};
use crate::state::{Lock, Record};
use crate::steps;
use crate::ui;
use crate::ui::progress::{Mark, Progress};
use crate::ui::verify::table;
use crate::values::{ClusterName, DriverName, HostName, quantity};
use crate::workspace::Workspace;
use awaited::Awaited;

/// Start a cluster, wait for its quorum and prove it healthy
///
/// Renders, finds an etcd of the pinned version, starts every member that is not running, waits
/// until they serve, and verifies. Run again, it changes nothing that is as it should be: a member
/// that has ended is started again, one whose process is halted is continued, and a cluster that was
/// stopped is started with its data. A member that had data and has none now is not started.
///
/// Members run on virtual machines, by Vagrant with libvirt or VirtualBox, where this host has what
/// that takes, and else as processes of this host. Machines are looked for trouble first, as by `cargo
/// xtask doctor`, get their box made where it is missing, and fetch their own etcd. Their first boot
/// takes a minute or so, several without KVM.
///
/// Where there is no etcd of the pinned version to be had for processes, another one stands in. `up`
/// says so, the flags follow the version that runs, and `verify` goes on saying so.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What runs the members, whatever the definition says
    #[arg(long, value_name = "DRIVER", env = "XTASK_DRIVER", hide_env = true)]
    driver: Option<DriverName>,
    /// A folder with `etcd` and `etcdctl` to use, whatever their version
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
    /// How long until all members serve [default: 60s, on machines 10m]
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    timeout: Option<Duration>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up                         the cluster of cluster/default.toml
  cargo xtask up five --timeout 2m       a larger one, on a slow machine
  cargo xtask up --driver local          as processes, whatever this host could do
  cargo xtask up --etcd-dir ~/etcd/bin   with these binaries

Exit status:
  0    it runs and is healthy
  1    it runs and is not healthy
  3    the definition has errors
  4    it runs, and something of its health could not be checked
  5    this host lacks something, such as a free port or a download
  6    it was started and does not serve
  7    refused, and nothing was started: the definition is now of another cluster, members have lost
       their data, or the etcd at hand is of another release than the data
  130  Ctrl-C: members that were started keep running, and the next `up` continues

Environment:
  XTASK_DRIVER           as --driver
  XTASK_ETCD_DIR         as --etcd-dir
  XTASK_VIRTUALIZATION   kvm or qemu, whatever the definition says (see `machine.virtualization`)";

/// Runs `up`.
///
/// # Errors
/// Whatever keeps the cluster from running.
pub fn run(args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let workspace = Workspace::find()?;
    let plan = Plan::new(&load::load(&workspace, name)?);

    let _lock = Lock::take(&workspace, name, &format!("up {name}"), &ui::say)?;
    let home = Home {
        workspace: &workspace,
        name,
    };
    let mut record = Record::read(&workspace, name)?;
    let (driver, why) = driver_choice::choose(args.driver, record.as_ref(), &workspace, &plan)?;
    let defined = plan;
    let plan = driver.place(&defined);
    // Machines that are there go by what is rendered. So it stays as it is until they are to go on with
    // it; without any of it, nobody could tell how they are.
    if !is_rendered(&workspace, name) {
        bring_rendered_files_up_to_date(&workspace, &defined)?;
    }
    if let Some(record) = &mut record {
        note_data(record, driver, &home)?;
    }
    let record = past::continued(record, driver, &home, &plan)?;
    bring_rendered_files_up_to_date(&workspace, &defined)?;
    let names = plan.names();
    ui::say(&format!(
        "{name}: {} by the {} driver ({why})",
        counted(&names),
        driver.name()
    ));
    // A variable that is set to nothing is as good as one that is not set.
    let named = args.etcd_dir.as_deref();
    let named = named.filter(|folder| !folder.as_str().is_empty());
    let left = heal_what_a_drill_left(driver, home, &plan, record.as_ref(), named)?;
    let mut conditions = driver.conditions(&home, &names)?;
    if continue_the_halted(driver, &home, &names, &conditions)? {
        conditions = driver.conditions(&home, &names)?;
    }
    let had_data = match &record {
        Some(record) => record.had_data(),
        None => had_data::known(driver, &home, &plan.members),
    };
    let start = steps::start(&names, &conditions, &had_data);
    if names.len() - start.lost.len() < plan.quorum() {
        let is_left = |condition: &Condition| *condition != Condition::Absent;
        let others = if conditions.iter().any(is_left) {
            Others::HaveData
        } else {
            Others::None
        };
        return Err(lost(name, &start.lost, others, FailureKind::Refused));
    }
    ui::diagnostics::report(&driver.preflight(&home, &plan, &start.names())?);
    let tools = match driver.machines() {
        Some(_) => {
            if !start.members.is_empty() {
                machine_box::have(&workspace, &plan)?;
            }
            etcd_choice::client(named, &workspace, record.as_ref(), &plan)?
        }
        None => {
            let any_runs = conditions.iter().any(Condition::is_running);
            etcd_choice::choose(named, &workspace, record.as_ref(), any_runs, &plan)?
        }
    };
    let plan = driver.run_by(&plan, &tools);

    let cluster = Running { plan, tools };
    let mut record = note_what_is_there(record, driver, &home, &cluster, &conditions)?;
    let _interrupted = process::on_interrupt(format!(
        "members that were started keep running\n{}\n{}",
        ui::hint_line(&Hint::heals("continue", [format!("cargo xtask up {name}")])),
        ui::hint_line(&Hint::informs(
            "or stop them",
            [format!("cargo xtask down {name}")]
        )),
    ));
    let mut awaited = Awaited::new(driver, home, &cluster, &start, &conditions);
    let mut progress = Progress::new(&names);
    driver.start(&home, &cluster, &start, &mut |member, doing| {
        progress.set(member, Mark::Working, doing);
    })?;
    let asking = Running {
        tools: reach::etcdctl(driver, &home, &cluster.plan, cluster.tools.clone()),
        plan: cluster.plan.clone(),
    };
    let timeout = args.timeout.unwrap_or_else(|| driver.patience());
    awaited.wait_until_all_serve(&asking.tools, timeout, &mut progress, |member| {
        if record.had_data().contains(member) {
            return Ok(());
        }
        record.saw_data_of(member);
        record.write(&workspace, name)
    })?;
    if let Some(left) = left {
        let fault = left.fault().to_owned();
        let cluster = Cluster {
            driver,
            home,
            running: &asking,
        };
        fault::heal_what_needs_a_quorum(&cluster, left)?;
        ui::say(&format!("what a drill did for `{fault}` is undone"));
    }
    ui::diagnostics::report(&driver.outdated(&home, &cluster.plan));
    if start.lost.is_empty() {
        prove(driver, &home, &asking, timeout, &awaited)
    } else {
        Err(lost(name, &start.lost, Others::Serve, FailureKind::Failed))
    }
}

/// Continues members whose processes were halted: they hold their ports and their locks, and answer nobody.
/// Returns whether there were any.
fn continue_the_halted(
    driver: &dyn Driver,
    home: &Home<'_>,
    names: &[HostName],
    conditions: &[Condition],
) -> Outcome<bool> {
    let mut any = false;
    for (member, condition) in names.iter().zip(conditions) {
        if let (Condition::Halted { id }, Some(faults)) = (condition, driver.faults()) {
            faults.resume(home, member)?;
            ui::say(&format!(
                "{member}: process {id} was halted; it is continued"
            ));
            any = true;
        }
    }
    Ok(any)
}

/// Undoes what a drill has done that was killed before it could do so itself, as far as that can be
/// done before members are started.
fn heal_what_a_drill_left(
    driver: &'static dyn Driver,
    home: Home<'_>,
    plan: &Plan,
    record: Option<&Record>,
    named: Option<&Utf8Path>,
) -> Outcome<Option<Healed>> {
    let Some(journal) = Journal::read(&home)? else {
        return Ok(None);
    };
    let tools = match (record.and_then(Record::tools), driver.machines()) {
        (Some(tools), _) => tools,
        (None, Some(_)) => etcd_choice::client(named, home.workspace, record, plan)?,
        // Whoever runs of them must not get another version beside it.
        (None, None) => etcd_choice::choose(named, home.workspace, record, true, plan)?,
    };
    let running = Running {
        plan: driver.run_by(plan, &tools),
        tools,
    };
    let cluster = Cluster {
        driver,
        home,
        running: &running,
    };
    ui::say(&format!(
        "a drill was interrupted: undoing what it did for `{}`",
        journal.fault
    ));
    fault::heal_what_needs_none(&cluster)
}

/// Brings the record up to date, before anything is started: what the members bootstrap with, what
/// they run on, and which of them have data. A record that is up to date is not written again.
fn note_what_is_there(
    before: Option<Record>,
    driver: &dyn Driver,
    home: &Home<'_>,
    Running { plan, tools }: &Running,
    conditions: &[Condition],
) -> Outcome<Record> {
    let mut record = match &before {
        Some(record) => record.clone(),
        None => Record::new(driver.name(), plan, tools),
    };
    record.use_tools(tools);
    for member in had_data::known(driver, home, &plan.members) {
        record.saw_data_of(&member);
    }
    for (member, condition) in plan.members.iter().zip(conditions) {
        if *condition == Condition::Stopped {
            record.saw_data_of(&member.name);
        }
    }
    if before.as_ref() != Some(&record) {
        record.write(home.workspace, home.name)?;
    }
    Ok(record)
}

/// Notes in the record what else tells of its members' data, before anything is done to them: an `up` that
/// was interrupted may not have come so far, and other tasks note what they see elsewhere.
fn note_data(record: &mut Record, driver: &dyn Driver, home: &Home<'_>) -> Outcome<()> {
    let noted = record.had_data();
    for member in had_data::known(driver, home, &record.members()) {
        record.saw_data_of(&member);
    }
    if record.had_data() != noted {
        record.write(home.workspace, home.name)?;
    }
    Ok(())
}

/// Verifies a cluster whose members all serve, and prints what was found.
///
/// # Errors
/// Fails where a member that was started ends meanwhile: nothing that is waited for brings it back.
fn prove(
    driver: &dyn Driver,
    home: &Home<'_>,
    cluster: &Running,
    timeout: Duration,
    awaited: &Awaited<'_>,
) -> Outcome<Exit> {
    let (settling, at_most) = settling(driver);
    // Machines take long to tell, and what runs on them is no process of theirs.
    let are_watched = driver.machines().is_none();
    let none_has_ended = || !are_watched || awaited.ended().map_or(true, |ended| ended.is_empty());
    let wait = |most| verify::wait_while(&|_| none_has_ended(), driver, home, cluster, most);
    let mut verified = wait(timeout.min(settling));
    let is_unsettled = |verdict| !verified.report.names(&[verdict]).is_empty();
    let is_unsettled = is_unsettled(Verdict::NotYet) || is_unsettled(Verdict::Skipped);
    if is_unsettled && none_has_ended() {
        verified = wait(timeout.min(at_most).saturating_sub(settling));
    }
    let Running { plan, .. } = cluster;
    ui::print(&table::render(
        plan,
        &verified.observation,
        &verified.report,
    ));
    if verified.report.health() == Health::Healthy && none_has_ended() {
        let name = &plan.name;
        ui::print(&format!("{name} serves at {}\n", plan.endpoints()));
        let put = etcdctl_words::put(plan.version(), plan.fleet, "greeting", "hello");
        ui::hint(&Hint::informs(
            "use it",
            [
                format!("eval \"$(cargo xtask env {name})\""),
                format!("etcdctl {put}"),
            ],
        ));
    }
    if are_watched {
        let ended = awaited.ended()?;
        if !ended.is_empty() {
            return Err(awaited.have_ended(&ended));
        }
    }
    Ok(verified.report.exit())
}

fn counted(members: &[HostName]) -> String {
    match members.len() {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    }
}

/// How long members that all serve may take until nothing is wrong with them any more; and how long where
/// something is not so yet, or could not be looked at, as on a host that has much else to do.
fn settling(driver: &dyn Driver) -> (Duration, Duration) {
    // On machines, of which others may still be booting, one look takes as long as several here.
    let (settling, at_most) = match driver.machines() {
        Some(_) => (180, 180),
        None => (10, 60),
    };
    (Duration::from_secs(settling), Duration::from_secs(at_most))
}

fn is_rendered(workspace: &Workspace, name: &ClusterName) -> bool {
    let folder = workspace.root().join(render::folder(name));
    folder.join("config.rb").is_file()
}

/// What machines boot with is rendered along, so that it never lags behind what was started.
fn bring_rendered_files_up_to_date(workspace: &Workspace, plan: &Plan) -> Outcome<()> {
    for file in render::render(plan) {
        if artifact::put(workspace, &file, Mode::Write)? != Before::Same {
            ui::say(&format!("rendered {}", file.path));
        }
    }
    Ok(())
}

/// That members have lost their data. `others`: what is left beside them.
fn lost(name: &ClusterName, lost: &[HostName], others: Others, kind: FailureKind) -> Failure {
    let verify = format!("cargo xtask verify {name}");
    let diagnostics = lost.iter().map(|member| {
        Diagnostic::error(format!("`{member}` has lost its data, so it was not started"))
            .note("with an empty disk and its old identity it could vote twice, and acknowledged writes could be lost")
            .hint(advice::without_data(name, Unusable::Lost, others, Some(verify.clone())))
    });
    Failure {
        kind,
        diagnostics: diagnostics.collect(),
    }
}
