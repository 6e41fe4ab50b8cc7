//! Waits until started members serve, and checks that they stay alive.

mod trust;

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::lost::{self, is_replaceable};
use super::startup_log::StartupLog;
use crate::advice::{self, Others};
use crate::etcd::http;
use crate::etcd::serving::{self, Serving};
use crate::hint::Hint;
use crate::lifecycle::way_back;
use crate::observation::{Condition, Look, MachineStatus};
use crate::pause::pause;
use crate::plan::Member;
use crate::plan::flags::InitialState;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::steps::Start;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;

/// The members that should serve soon, and the logs of those that were started.
pub(super) struct Readiness {
    started: Vec<StartupLog>,
    rows: Vec<Row>,
}

/// How long a machine may take to report its state, including the login.
const LOOK_INSIDE: Duration = Duration::from_secs(60);

/// How long members may wait for a leader before, and between, looks at their certificates.
const DISTRUST: Duration = Duration::from_secs(3);

/// The pause between two queries to a member that does not serve yet. etcd logs a line for each of
/// them.
const ASK_AGAIN: Duration = Duration::from_millis(50);

impl Readiness {
    /// What to wait for once `start` has run. `conditions`: the members' conditions before it.
    pub(super) fn of(session: &Session, start: &Start, conditions: &[Condition]) -> Self {
        let log = |member| StartupLog::of(session, member);
        let members = session.plan.members.iter().zip(conditions);
        let expected = members.filter(|(member, _)| !start.lost.contains(&member.name));
        Self {
            started: start.names().into_iter().map(log).collect(),
            rows: expected
                .map(|(member, condition)| Row {
                    member: member.clone(),
                    condition: condition.clone(),
                    serving: Serving::Silent,
                })
                .collect(),
        }
    }

    /// Waits until every member serves. Calls `serves` for each of them: it has answered a
    /// linearizable read, so a quorum exists and the member has data.
    pub(super) fn wait(
        &mut self,
        session: &Session,
        patience: Duration,
        progress: &mut Progress,
        mut serves: impl FnMut(&HostName) -> Outcome<()>,
    ) -> Outcome<()> {
        let deadline = Instant::now() + patience;
        let mut trust = Instant::now() + DISTRUST;
        let look_after = session.driver.look_after();
        let tools = &session.tools;
        let (sender, changes) = mpsc::channel();
        for (index, row) in self.rows.iter().enumerate() {
            let (sender, member) = (sender.clone(), row.member.clone());
            let by = http::Sender::of(tools);
            thread::spawn(move || {
                ask_until_it_serves(index, &sender, || serving::ask(&member, &by));
            });
        }
        while self.rows.iter().any(|row| row.serving != Serving::Serves) {
            let left = deadline.saturating_duration_since(Instant::now());
            match changes.recv_timeout(look_after.min(left)) {
                Ok((index, serving)) => {
                    let row = &mut self.rows[index];
                    row.serving = serving;
                    let (mark, doing) = row.in_words();
                    progress.set(&row.member.name, mark, &doing);
                    if serving == Serving::Serves {
                        serves(&row.member.name)?;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.restart_exited(session, progress)?;
                    self.fail_if_one_has_ended(session, progress)?;
                    self.fail_if_one_gave_up(session, progress)?;
                    if Instant::now() > trust {
                        self.fail_if_not_trusted(session, progress)?;
                        trust = Instant::now() + DISTRUST;
                    }
                }
            }
            if Instant::now() > deadline {
                return Err(self.too_late(session, patience));
            }
        }
        Ok(())
    }

    /// Starts members that were running at first and have exited since: a member that was just
    /// killed may still have been exiting.
    fn restart_exited(&mut self, session: &Session, progress: &mut Progress) -> Outcome<()> {
        let Session { home, driver, .. } = session;
        for row in &mut self.rows {
            let name = &row.member.name;
            if !row.condition.is_running() || row.serving == Serving::Serves {
                continue;
            }
            let conditions = driver.conditions(home, std::slice::from_ref(name))?;
            if conditions.iter().all(Condition::is_running) {
                continue;
            }
            let start = Start {
                members: vec![(name.clone(), InitialState::Existing)],
                lost: Vec::new(),
            };
            self.started.push(StartupLog::of(session, name.clone()));
            let doing = &mut |member: &HostName, doing: &str| {
                progress.set(member, Mark::Working, doing);
            };
            session.start(&start, doing)?;
            row.condition = Condition::Stopped;
        }
        Ok(())
    }

    fn fail_if_one_has_ended(&self, session: &Session, progress: &mut Progress) -> Outcome<()> {
        let ended = self.ended(session)?;
        if ended.is_empty() {
            return Ok(());
        }
        for started in &ended {
            progress.set(&started.member, Mark::Failed, "exited");
        }
        Err(self.have_ended(session, &ended))
    }

    /// Fails if the start script of a machine has ended for good. systemd starts etcd itself again.
    fn fail_if_one_gave_up(&self, session: &Session, progress: &mut Progress) -> Outcome<()> {
        let Some(machines) = session.driver.machines() else {
            return Ok(());
        };
        let Session { home, plan, .. } = session;
        let silent = self.rows.iter();
        let silent = silent.filter(|row| row.serving == Serving::Silent);
        let silent: Vec<HostName> = silent.map(|row| row.member.name.clone()).collect();
        let looks = machines.look(home, plan, &silent, LOOK_INSIDE);
        let gave_up = |look: &Look<MachineStatus>| {
            look.seen().is_some_and(MachineStatus::gave_up_without_data)
        };
        let lost = silent.into_iter().zip(&looks);
        let lost = lost.filter(|(_, look)| gave_up(look));
        let lost: Vec<HostName> = lost.map(|(member, _)| member).collect();
        if lost.is_empty() {
            return Ok(());
        }
        for member in &lost {
            progress.set(member, Mark::Failed, "has lost its data");
        }
        let others = self.others(session, lost.len());
        let replaceable = is_replaceable(plan);
        let failed = FailureKind::Failed;
        Err(lost::lost(
            &plan.name,
            &lost,
            replaceable,
            others,
            None,
            failed,
        ))
    }

    /// The started members that have exited.
    pub(super) fn ended(&self, session: &Session) -> Outcome<Vec<&StartupLog>> {
        let members: Vec<HostName> = self.started.iter().map(|one| one.member.clone()).collect();
        let conditions = session.driver.conditions(&session.home, &members)?;
        let both = self.started.iter().zip(conditions);
        let ended = both.filter(|(_, condition)| !condition.is_running());
        Ok(ended.map(|(started, _)| started).collect())
    }

    /// The failure that these members exited, and what to do about it.
    pub(super) fn have_ended(&self, session: &Session, ended: &[&StartupLog]) -> Failure {
        let name = &session.plan.name;
        let served = |one: &StartupLog| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.member.name == one.member && row.serving == Serving::Serves)
        };
        let Session {
            home,
            driver,
            plan,
            record,
            tools,
            ..
        } = session;
        let way_back = way_back::now(home, *driver, &plan.members, tools, &record.had_data());
        let others = self.others(session, ended.len());
        let others = way_back.is_none().then_some(others);
        let mut diagnostics = Vec::new();
        let plan = &session.plan;
        let replaceable = advice::can_be_replaced(plan);
        let mut can_start = None;
        for one in ended {
            let end = one.has_ended(name, served(one), replaceable, others);
            if end.can_start_again {
                can_start = Some(diagnostics.len());
            }
            diagnostics.push(end.diagnostic);
        }
        if let (Some(hint), Some(last)) = (way_back, diagnostics.last_mut()) {
            last.hints.push(hint);
        } else if let Some(last) = can_start {
            diagnostics[last].hints.push(Hint::heals(
                "then start the members that do not run",
                [format!("cargo xtask up {name}")],
            ));
        }
        Failure {
            kind: FailureKind::Failed,
            diagnostics,
        }
    }

    /// What is left of the cluster besides the exited members.
    fn others(&self, session: &Session, ended: usize) -> Others {
        let plan = &session.plan;
        if self.rows.len() - ended >= plan.quorum() {
            Others::Serve
        } else if plan.members.len() == 1 {
            Others::None
        } else if self.rows.len() == ended {
            Others::Damaged
        } else {
            Others::HaveData
        }
    }

    /// Where a late member keeps running.
    fn late_state(session: &Session, member: &HostName) -> String {
        let Some(machines) = session.driver.machines() else {
            let log = session.driver.log(&session.home, member);
            return format!("it keeps running; its log is `{log}`");
        };
        let plan = &session.plan;
        let look = machines.look(
            &session.home,
            plan,
            std::slice::from_ref(member),
            LOOK_INSIDE,
        );
        match look.first() {
            Some(Look::Seen(machine)) => {
                let unit = &machine.unit;
                format!("its machine runs; the unit etcd.service is `{unit}`")
            }
            Some(Look::Failed(why) | Look::NotAsked(why)) => {
                format!("its machine could not be inspected: {why}")
            }
            None => "its machine could not be inspected".to_owned(),
        }
    }

    /// The members that cannot serve because their processes are halted.
    fn halted(&self, session: &Session) -> Vec<Diagnostic> {
        let members = self.rows.iter().map(|row| row.member.name.clone());
        let members: Vec<HostName> = members.collect();
        let conditions = match session.driver.machines() {
            // Machines are slow to query and cannot be halted processes.
            Some(_) => Ok(Vec::new()),
            None => session.driver.conditions(&session.home, &members),
        };
        let name = &session.plan.name;
        let halted = members.iter().zip(conditions.unwrap_or_default());
        halted
            .filter_map(|(member, condition)| match condition {
                Condition::Halted { id } => Some(
                    Diagnostic::error(format!("`{member}` is halted: process {id}"))
                        .note("a halted process does not answer until it is continued")
                        .hint(Hint::heals(
                            "continue it",
                            [format!("kill -CONT {id}"), format!("cargo xtask up {name}")],
                        )),
                ),
                _ => None,
            })
            .collect()
    }

    fn too_late(&self, session: &Session, patience: Duration) -> Failure {
        let halted = self.halted(session);
        if !halted.is_empty() {
            return Failure {
                kind: FailureKind::Failed,
                diagnostics: halted,
            };
        }
        let name = &session.plan.name;
        let late = self
            .rows
            .iter()
            .filter(|row| row.serving != Serving::Serves);
        let diagnostics = late.map(|row| {
            let what = match row.serving {
                Serving::Silent => "does not answer",
                Serving::WaitsForLeader | Serving::Serves => "listens but has no leader",
            };
            let member = &row.member.name;
            Diagnostic::error(format!("`{member}` {what} after {patience:?}"))
                .note(Self::late_state(session, member))
                .hint(Hint::heals(
                    "wait longer",
                    [format!("cargo xtask up {name} --timeout 5m")],
                ))
                .hint(Hint::informs(
                    "or read its log",
                    [format!("cargo xtask logs {member} --cluster {name}")],
                ))
        });
        Failure {
            kind: FailureKind::Failed,
            diagnostics: diagnostics.collect(),
        }
    }
}

/// An expected member.
struct Row {
    member: Member,
    condition: Condition,
    serving: Serving,
}

impl Row {
    fn in_words(&self) -> (Mark, String) {
        match (self.serving, &self.condition) {
            (Serving::Silent, _) => (Mark::Working, "starts".to_owned()),
            (Serving::WaitsForLeader, _) => {
                (Mark::Working, "listens, waits for a leader".to_owned())
            }
            (Serving::Serves, Condition::Running(what)) => {
                (Mark::Done, format!("already runs ({what})"))
            }
            (Serving::Serves, _) => (Mark::Done, "serves".to_owned()),
        }
    }
}

/// Queries a member until it serves, and sends every change.
fn ask_until_it_serves(index: usize, sender: &Sender<(usize, Serving)>, ask: impl Fn() -> Serving) {
    let mut last = None;
    loop {
        let serving = ask();
        if last.replace(serving) != Some(serving) && sender.send((index, serving)).is_err() {
            return;
        }
        if serving == Serving::Serves {
            return;
        }
        pause(ASK_AGAIN);
    }
}
