//! Looks at a cluster repeatedly, and waits at most once for a member that hangs.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{PATIENCE, snapshot_of};
use crate::background::Query;
use crate::etcd::observe;
use crate::lifecycle::known_data;
use crate::observation::{Condition, Look, Snapshot, Status};
use crate::report::{Diagnostic, Outcome};
use crate::session::Started;
use crate::state::DataSeen;
use crate::values::HostName;

/// The queries to a cluster's members and its driver.
#[derive(Default)]
pub struct Looks {
    statuses: BTreeMap<HostName, Query<Look<Status>>>,
    conditions: Query<Outcome<Conditions>>,
    conditions_asked: Option<Instant>,
    /// The driver's last answer; empty if it failed.
    known: Conditions,
    /// Why the driver failed, until the caller takes it.
    trouble: Vec<Diagnostic>,
}

/// Each member's condition as the driver reports it.
type Conditions = BTreeMap<HostName, Condition>;

impl Looks {
    /// Takes a snapshot. Waits until every member that answers has answered, and at most for the
    /// patience of this task.
    pub fn look(&mut self, started: &Started) -> Outcome<Snapshot> {
        let Started {
            home,
            record,
            driver,
            ..
        } = started;
        let tools = started.tools()?;
        let members = record.members();
        let until = Instant::now() + PATIENCE;
        let data = DataSeen::of(home);
        known_data::note_on_disk(&data, *driver, home, &record.names());
        self.ask_for_conditions(started);
        self.statuses
            .retain(|name, _| members.iter().any(|member| member.name == *name));
        for member in &members {
            let query = self.statuses.entry(member.name.clone()).or_default();
            let (members, tools) = ([member.clone()], tools.clone());
            query.ask(move || {
                let mut looks = observe::statuses(&members, &tools, PATIENCE);
                looks
                    .pop()
                    .unwrap_or_else(|| Look::NotAsked("was not asked".to_owned()))
            });
        }
        let mut statuses = BTreeMap::new();
        // Members that are not waited for come last, so they have as much time as the others took.
        for waited_for in [true, false] {
            for (name, query) in &mut self.statuses {
                if query.is_waited_for() == waited_for && !statuses.contains_key(name) {
                    statuses.insert(name.clone(), answer(query, until));
                }
            }
        }
        known_data::note_answers(&data, &members, statuses.values());
        self.take_conditions(until);
        let seen = members.iter().map(|member| {
            let condition = self.known.get(&member.name).cloned();
            let status = statuses.remove(&member.name);
            (condition, status.unwrap_or_else(silent))
        });
        Ok(snapshot_of(started, seen))
    }

    /// Returns, once, why the driver does not report conditions.
    pub fn trouble(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.trouble)
    }

    /// Queries the driver, as often as the cost allows.
    fn ask_for_conditions(&mut self, started: &Started) {
        let driver = started.driver;
        let asked = self.conditions_asked;
        if asked.is_some_and(|asked| asked.elapsed() < driver.look_after()) {
            return;
        }
        self.conditions_asked = Some(Instant::now());
        let home = started.home.clone();
        let names = started.record.names();
        self.conditions.ask(move || {
            let conditions = driver.conditions(&home, &names)?;
            Ok(names.into_iter().zip(conditions).collect())
        });
    }

    fn take_conditions(&mut self, until: Instant) {
        match self.conditions.answer(until) {
            Some(Ok(conditions)) => {
                self.known = conditions;
                self.conditions.trust();
            }
            Some(Err(failure)) => {
                self.known = Conditions::new();
                self.trouble = failure.diagnostics;
            }
            None => {}
        }
    }
}

fn answer(query: &mut Query<Look<Status>>, until: Instant) -> Look<Status> {
    let look = query.answer(until).unwrap_or_else(silent);
    if look.seen().is_some() {
        query.trust();
    }
    look
}

fn silent() -> Look<Status> {
    Look::Failed(format!("no answer within {} s", PATIENCE.as_secs()))
}
