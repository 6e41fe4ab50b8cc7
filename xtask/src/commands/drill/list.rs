//! `drill` without a fault or a change: lists them, and which of them are possible.

use std::fmt::Write;

use serde_json::json;

use crate::change::rehearsals::{REHEARSALS, Rehearsal};
use crate::etcd::tools::Tools;
use crate::fault::{Cost, FAULTS, Fault, Resources, RestoredFrom};
use crate::hint::Hint;
use crate::lifecycle::{definitions, open, rehearse};
use crate::report::Outcome;
use crate::state::Record;
use crate::ui::table::{Table, wrapped};
use crate::ui::{Ui, WIDTH};
use crate::values::DriverName;
use crate::workspace::Home;

/// The meaning of the fields, for the help page.
pub(super) const HELP: &str = "\
JSON without FAULT: one object, also within `format` 1.
  format, cluster, started, driver (null if the first `up` chooses it)
  faults[]: fault, happens (in words), drivers[] (that support it), possible (here, as far as
    is known), reason (why it is not possible, or null), needs_yes, cost (what healing cannot
    restore, or null)
  changes[] (that are rehearsed on a copy): change, happens, possible, reason
";

/// All faults and changes, as far as they are possible on one cluster.
pub(super) struct DrillList {
    cluster: String,
    is_started: bool,
    /// `None` if the first `up` chooses it.
    driver: Option<DriverName>,
    /// Each fault, and why it is not possible.
    faults: Vec<(&'static Fault, Option<String>)>,
    /// Each change, and why it cannot be rehearsed.
    changes: Vec<(&'static Rehearsal, Option<String>)>,
}

impl DrillList {
    /// Lists them for a started cluster, or else for its definition alone.
    pub(super) fn of(ui: Ui, home: &Home, other_etcd: Option<Tools>) -> Outcome<Self> {
        let (plan, driver, no_clients, resources) = if Record::is_there(home) {
            let session = open::session(ui, &home.name)?;
            let no_clients = rehearse::no_clients(&session);
            let resources = Resources::of(&session, other_etcd);
            (
                session.plan,
                Some(session.driver.name()),
                no_clients,
                resources,
            )
        } else {
            let plan = definitions::plan(ui, &home.workspace, &home.name)?;
            let (driver, no_clients) = (plan.driver, rehearse::no_v3_api(&plan));
            if no_clients.is_none() {
                let up = format!("cargo xtask up {}", home.name);
                ui.hint(&Hint::heals("to run a drill, start the cluster", [up]));
            }
            let resources = Resources::before_start(other_etcd);
            (plan, driver, no_clients, resources)
        };
        let why_not = |fault: &Fault| match &no_clients {
            Some(obstacle) => Some(obstacle.in_short.clone()),
            None => rehearse::obstacle(fault, driver, &plan, &resources)
                .map(|obstacle| format!("it {obstacle}")),
        };
        let no_copy = rehearse::no_v3_api(&plan);
        let cannot = |change: &Rehearsal| match &no_copy {
            Some(obstacle) => Some(obstacle.in_short.clone()),
            None => change.obstacle(&plan).map(|why| format!("it {why}")),
        };
        Ok(Self {
            changes: REHEARSALS
                .iter()
                .map(|change| (change, cannot(change)))
                .collect(),
            cluster: home.name.to_string(),
            is_started: Record::is_there(home),
            driver,
            faults: FAULTS
                .iter()
                .map(|&fault| (fault, why_not(fault)))
                .collect(),
        })
    }

    /// For people: a table, then what there is to say about it, each with its faults.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new(["FAULT", "WHAT HAPPENS", "HERE"]);
        let mut notes = Notes::new();
        for (fault, obstacle) in &self.faults {
            let here = self.here(fault, obstacle.is_some());
            table.row([fault.name.to_owned(), fault.title.to_owned(), here]);
            let note = match obstacle {
                Some(obstacle) => format!("no: {obstacle}"),
                None => match cost(fault) {
                    Some(cost) => format!("with --yes: {cost}"),
                    None => continue,
                },
            };
            self::note(&mut notes, note, fault.name);
        }
        let mut text = table.to_string();
        let is_open = self.driver.is_none() && self.faults.iter().any(|(_, why)| why.is_none());
        if is_open {
            text +=
                "\nwith local, with vagrant: only with this driver; the first `up` chooses one\n";
        }
        write_notes(&mut text, &notes, self.faults.len());
        text.push('\n');
        self.write_changes(&mut text);
        text
    }

    /// The changes, in the same form.
    fn write_changes(&self, text: &mut String) {
        let mut table = Table::new(["CHANGE", "WHAT HAPPENS TO A COPY OF THE CLUSTER", "HERE"]);
        let mut notes = Notes::new();
        for (change, obstacle) in &self.changes {
            let here = match obstacle {
                Some(_) => "no",
                None => "yes",
            };
            table.row([change.name, change.title, here].map(str::to_owned));
            if let Some(why) = obstacle {
                note(&mut notes, format!("no: {why}"), change.name);
            }
        }
        *text += &table.to_string();
        write_notes(text, &notes, self.changes.len());
    }

    /// Whether a fault is possible, in a word or two.
    fn here(&self, fault: &Fault, is_impossible: bool) -> String {
        match (is_impossible, self.driver, fault.drivers) {
            (true, ..) => "no".to_owned(),
            (false, None, [only]) => format!("with {only}"),
            _ if fault.cost != Cost::Nothing => "with --yes".to_owned(),
            _ => "yes".to_owned(),
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let faults = self.faults.iter().map(|(fault, obstacle)| {
            json!({
                "fault": fault.name,
                "happens": fault.title,
                "drivers": fault.drivers,
                "possible": obstacle.is_none(),
                "reason": obstacle,
                "needs_yes": fault.cost != Cost::Nothing,
                "cost": cost(fault),
            })
        });
        let changes = self.changes.iter().map(|(change, obstacle)| {
            json!({
                "change": change.name,
                "happens": change.title,
                "possible": obstacle.is_none(),
                "reason": obstacle,
            })
        });
        let document = json!({
            "format": 1,
            "cluster": self.cluster,
            "started": self.is_started,
            "driver": self.driver,
            "faults": faults.collect::<Vec<_>>(),
            "changes": changes.collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }
}

/// What there is to say, each with the names that it is about.
type Notes = Vec<(String, Vec<&'static str>)>;

fn note(notes: &mut Notes, note: String, name: &'static str) {
    match notes.iter_mut().find(|(known, _)| *known == note) {
        Some((_, names)) => names.push(name),
        None => notes.push((note, vec![name])),
    }
}

/// Each note, with its names if it is not about all.
fn write_notes(text: &mut String, notes: &Notes, all: usize) {
    for (note, names) in notes {
        let _ = write!(text, "\n{note}\n");
        if names.len() < all {
            for line in wrapped(&names.join(", "), WIDTH - 2) {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
}

/// What healing a fault cannot restore.
fn cost(fault: &Fault) -> Option<&'static str> {
    match fault.cost {
        Cost::Nothing => None,
        Cost::WritesMeanwhile => Some("other clients' writes during the drill are lost"),
        Cost::History => Some("older revisions are lost"),
        Cost::LatestWrites(RestoredFrom::Backup) => {
            Some("all writes after the drill's own backup are lost")
        }
        Cost::LatestWrites(RestoredFrom::Survivor) => {
            Some("writes that the surviving member has not received are lost")
        }
    }
}
