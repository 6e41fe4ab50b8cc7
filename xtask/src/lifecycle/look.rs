//! Looks at a running cluster and records what was seen.

use std::time::Duration;

use super::{backup, known_data, unfinished};
use crate::check::{Health, WantedBackup};
use crate::etcd::verify::{self, Context, LookAtMachines, Verified};
use crate::fault::Journal;
use crate::judgement::Verdict;
use crate::observation::{HalfRestored, Recorded, Unreadable};
use crate::pki;
use crate::report::Failure;
use crate::session::Session;
use crate::state::{DataSeen, Record, Restoration, high_water_mark};
use crate::wording::list;

/// Looks until the cluster is healthy or the time is over, and prints what is missing meanwhile.
pub fn wait(session: &Session, most: Duration) -> Verified {
    wait_while(session, most, &|_| true)
}

/// The same, while the predicate wants another look.
pub(super) fn wait_while(
    session: &Session,
    most: Duration,
    is_wanted: &dyn Fn(&Verified) -> bool,
) -> Verified {
    let ui = session.ui;
    let mut said = String::new();
    let verified = verify::until_healthy(most, &mut || once(session), &mut |verified| {
        let missing = missing(verified);
        if missing != said {
            ui.say(&format!("waiting for {missing}"));
            said = missing;
        }
        is_wanted(verified)
    });
    if is_wanted(&verified) && !most.is_zero() && verified.report.health() != Health::Healthy {
        let missing = missing(&verified);
        ui.say(&match verified.cannot_improve() {
            Some(why) => format!("not waiting for {missing}: {why}"),
            None => format!("after {most:?}, still missing: {missing}"),
        });
    }
    verified
}

/// Looks once, including at the machines and the records, and records what was seen. Nothing is
/// recorded while a drill's fault is in the cluster, because healing may restore older data, or while
/// the cluster is half restored.
pub(super) fn once(session: &Session) -> Verified {
    let Session {
        home,
        driver,
        plan,
        tools,
        ..
    } = session;
    let was_left_alone = unfinished::is_nothing(home);
    let mut unreadable: Vec<Unreadable> = Journal::read(home).err().iter().flat_map(kept).collect();
    let names = plan.names();
    let data = DataSeen::of(home);
    if was_left_alone {
        known_data::note_on_disk(&data, *driver, home, &names);
    }
    let machines = driver.machines().map(|machines| {
        let names = &names;
        move |patience| machines.look(home, plan, names, patience)
    });
    let before = high_water_mark::recall(home, plan).unwrap_or_else(|seen| {
        unreadable.push(seen);
        None
    });
    let conditions = || driver.conditions(home, &names).unwrap_or_default();
    let data_on_disk = || driver.has_data(home, &names, !plan.version().is_v2());
    let ended = |index: usize| driver.ended(home, names.get(index)?);
    let backup = |wanted| match wanted {
        WantedBackup::Newest => backup::restorable(home, plan.version(), None),
        WantedBackup::Above(revision) => backup::restorable(home, plan.version(), Some(revision)),
    };
    let context = Context {
        machines: machines.as_ref().map(|look| look as &LookAtMachines<'_>),
        before,
        unreadable,
        conditions: match driver.machines() {
            // The machines are inspected separately.
            Some(_) => None,
            None => Some(&conditions),
        },
        data: Some(&data_on_disk),
        ended: Some(&ended),
        backup: Some(&backup),
        started: driver.started_with(home, &names),
        recorded: recorded(session),
    };
    let mut verified = verify::once(plan, tools, &context);
    if was_left_alone && unfinished::is_nothing(home) {
        let statuses = verified.observation.members.iter();
        let statuses = statuses.map(|member| &member.status);
        known_data::note_answers(&data, &plan.members, statuses);
        high_water_mark::note(home, plan, &verified.observation, &data);
    } else {
        verified.is_lost = false;
    }
    verified
}

/// What is recorded of the cluster, or of the one that it is being restored to.
fn recorded(session: &Session) -> Recorded {
    let Session {
        home,
        driver,
        plan,
        defined,
        ..
    } = session;
    // An unreadable record is reported by the tasks that need it.
    let restored = Restoration::read(home).ok().flatten();
    let restored = restored.map(|restoration| restoration.record);
    let record = restored.or_else(|| Record::read(home).ok().flatten());
    let record = record.as_ref();
    let changes = record.map_or_else(Vec::new, |record| record.differences(defined));
    let stays = record.is_none_or(|record| record.stays_with(defined));
    let is_elsewhere = driver.machines().is_some() && !stays;
    let is_another = record.is_some_and(|record| record.is_redefined_by(defined));
    Recorded {
        is_redefined: is_another || is_elsewhere,
        changes,
        new: record.map_or_else(Vec::new, |record| record.new_members(plan)),
        had_data: known_data::of(*driver, home, &plan.members),
        // It is looked for once advice needs one.
        backup: None,
        replaces_authority: pki::is_replaced(home),
        version_change: record.and_then(|record| record.version_change(plan.etcd.version)),
        half_restored: unfinished::restoration(home).map(|left| HalfRestored {
            what: left.message,
            hint: left.hints.into_iter().next(),
        }),
    }
}

/// Records that cannot be read, in the words of the failure.
fn kept(failure: &Failure) -> Vec<Unreadable> {
    let diagnostics = failure.diagnostics.iter();
    let unreadable = diagnostics.map(|diagnostic| Unreadable {
        what: diagnostic.message.clone(),
        hint: diagnostic.hints.first().cloned(),
    });
    unreadable.collect()
}

/// What keeps a cluster from being healthy, on one line.
fn missing(verified: &Verified) -> String {
    let report = &verified.report;
    let mut missing = report.names(&[Verdict::NotYet, Verdict::Fail]);
    if missing.is_empty() {
        missing = report.names(&[Verdict::Skipped]);
    }
    format!("{} ({})", list(missing), report.quorum_state)
}
