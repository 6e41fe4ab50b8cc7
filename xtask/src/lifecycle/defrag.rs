//! Makes room in the databases of a running cluster.

use super::{open, stop, unfinished};
use crate::check::quota_of;
use crate::command_line;
use crate::etcd::gateway::Gateway;
use crate::etcd::{maintenance, observe};
use crate::hint::Hint;
use crate::observation::{AlarmKind, Look, Status};
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::steps;
use crate::ui::Ui;
use crate::values::{ClusterName, HostName};
use crate::workspace::Workspace;

/// The size of a member's database, in bytes.
#[derive(Debug)]
pub struct Defragmented {
    /// The member.
    pub member: HostName,
    /// Its size before.
    pub before: Option<u64>,
    /// Its size after.
    pub after: Option<u64>,
}

/// Defragments every member's database, one at a time and the leader last, and disarms NOSPACE if there is
/// room again. `compacts`: whether to drop the history of all keys first.
pub fn defrag(ui: Ui, name: &ClusterName, compacts: bool) -> Outcome<Vec<Defragmented>> {
    let home = Workspace::find()?.home(name);
    open::started(name)?;
    let _lock = Lock::take(&home, &format!("defrag {name}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let session = open::session(ui, name)?;
    let Session { plan, tools, .. } = &session;
    refuse_v2(plan)?;
    let cluster = session.record.cluster_id();
    let statuses = observe::statuses(&plan.members, tools, observe::PATIENCE);
    let seen: Vec<(&Member, &Status)> = plan
        .members
        .iter()
        .zip(&statuses)
        .filter_map(|(member, look)| Some((member, look.seen()?)))
        // Another cluster may use the addresses.
        .filter(|(_, status)| status.cluster_id == cluster)
        .collect();
    let led = seen.iter().find(|(_, status)| status.leader.is_some());
    let Some((asked, _)) = led else {
        return Err(nobody_leads(&session));
    };
    if compacts {
        let revisions = seen.iter().filter_map(|(_, status)| status.revision);
        if let Some(revision) = revisions.max() {
            ui.say(&format!("dropping all revisions before {revision}"));
            maintenance::compact(tools, asked, revision)
                .map_err(|why| failed(&session, "the history could not be compacted", &why))?;
        }
    }
    let leader = stop::leader(&home);
    let names: Vec<HostName> = seen.iter().map(|(member, _)| member.name.clone()).collect();
    let mut done = Vec::new();
    for name in steps::leader_last(&names, leader.as_ref()) {
        let Some((member, status)) = seen.iter().find(|(member, _)| member.name == *name) else {
            continue;
        };
        ui.say(&format!(
            "{name}: defragmenting; it does not answer meanwhile"
        ));
        maintenance::defragment(tools, member).map_err(|why| {
            failed(
                &session,
                &format!("`{name}` could not be defragmented"),
                &why,
            )
        })?;
        done.push(Defragmented {
            member: name.clone(),
            before: status.db_size,
            after: size(&session, member),
        });
    }
    disarm(&session, asked)?;
    Ok(done)
}

fn size(session: &Session, member: &Member) -> Option<u64> {
    let members = std::slice::from_ref(member);
    let mut statuses = observe::statuses(members, &session.tools, observe::PATIENCE);
    statuses.pop()?.seen()?.db_size
}

/// Disarms NOSPACE, if it is raised and every database has room. Other alarms stay.
fn disarm(session: &Session, asked: &Member) -> Outcome<()> {
    let Session {
        ui,
        home,
        driver,
        plan,
        tools,
        ..
    } = session;
    let alarms = maintenance::alarms(tools, asked)
        .map_err(|why| failed(session, "the alarms could not be listed", &why))?;
    if !alarms.iter().any(|alarm| alarm.kind == AlarmKind::NoSpace) {
        return Ok(());
    }
    let statuses = observe::statuses(&plan.members, tools, observe::PATIENCE);
    let started = driver.started_with(home, &plan.names());
    let is_full = |(index, look): (usize, &Look<Status>)| {
        let status = look.seen()?;
        (status.db_size? >= quota_of(plan, status, started.get(index))).then_some(index)
    };
    let full = statuses.iter().enumerate().find_map(is_full);
    if let Some(member) = full.and_then(|index| plan.members.get(index)) {
        let (member, name) = (&member.name, &home.name);
        let raise_quota = if driver.machines().is_some() {
            Hint::informs(
                "or raise the quota in the definition; how machines get it",
                [format!("cargo xtask verify {name}")],
            )
        } else {
            Hint::heals(
                "or raise the quota in the definition, then start the members with it",
                [format!("cargo xtask restart --cluster {name}")],
            )
        };
        return Err(Failure::failed(
            Diagnostic::error(format!(
                "the database of `{member}` is still full, so the alarm stays raised"
            ))
            .note("only what was deleted and compacted can be freed")
            .hint(Hint::heals(
                "drop the history of all keys, too",
                [format!("cargo xtask defrag {name} --compact")],
            ))
            .hint(raise_quota),
        ));
    }
    let gateway = Gateway::of(plan, tools, asked, 30);
    gateway.disarm_no_space().map_err(|unanswered| {
        let what = "the alarm NOSPACE could not be disarmed";
        let is_alone = alarms.iter().all(|alarm| alarm.kind == AlarmKind::NoSpace);
        if unanswered.is_without_gateway() && is_alone {
            return Failure::failed(
                Diagnostic::error(format!("{what}: {}", unanswered.why())).hint(Hint::heals(
                    "there is room again; disarm all alarms, of which it is the only one",
                    [command_line::etcdctl(plan, "alarm disarm")],
                )),
            );
        }
        failed(session, what, &unanswered.why().into())
    })?;
    ui.say("the alarm NOSPACE is disarmed");
    Ok(())
}

fn refuse_v2(plan: &Plan) -> Outcome<()> {
    let version = plan.version();
    if !version.is_v2() {
        return Ok(());
    }
    Err(Failure::usage(Diagnostic::error(format!(
        "etcd {version} has no database to defragment"
    ))))
}

fn nobody_leads(session: &Session) -> Failure {
    let name = &session.home.name;
    Failure::could_not_look(
        Diagnostic::error(format!("no member of `{name}` answers and has a leader")).hint(
            Hint::informs("see what is wrong", [format!("cargo xtask verify {name}")]),
        ),
    )
}

fn failed(session: &Session, what: &str, why: &Reason) -> Failure {
    let name = &session.home.name;
    Failure::failed(
        Diagnostic::error(format!("{what}: {why}")).hint(Hint::informs(
            "see what is wrong",
            [format!("cargo xtask verify {name}")],
        )),
    )
}
