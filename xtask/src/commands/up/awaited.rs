//! Waiting for members that were just started, while watching that they stay alive.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::driver::{Driver, Home};
use crate::etcd::serving::{self, Serving};
use crate::observation::Condition;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::steps::Start;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;

/// The members that are expected to serve soon.
pub(super) struct Awaited<'a> {
    pub(super) driver: &'static dyn Driver,
    pub(super) home: Home<'a>,
    pub(super) plan: &'a Plan,
    pub(super) start: &'a Start,
    /// How each member was before.
    pub(super) conditions: &'a [Condition],
}

/// How often a member that does not serve yet is asked again. etcd logs a line for every time it has
/// to say no.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How often it is made sure that the members are still alive.
const LOOK_AFTER: Duration = Duration::from_millis(200);

impl Awaited<'_> {
    /// Waits until every member serves. Calls `on_quorum` once, as soon as the first one does: it
    /// has then answered a linearizable read, so more than half of the members have agreed.
    ///
    /// # Errors
    /// Fails where a member ends, or where one does not serve in time.
    pub(super) fn wait_until_all_serve(
        &self,
        patience: Duration,
        progress: &mut Progress,
        on_quorum: impl FnOnce() -> Outcome<()>,
    ) -> Outcome<()> {
        let deadline = Instant::now() + patience;
        let mut on_quorum = Some(on_quorum);
        let mut rows = self.rows();
        let (tell, told) = mpsc::channel();
        for (index, row) in rows.iter().enumerate() {
            let (tell, url) = (tell.clone(), row.member.client_url());
            thread::spawn(move || ask_until_it_serves(index, &url, &tell));
        }
        while rows.iter().any(|row| row.serving != Serving::Serves) {
            match told.recv_timeout(LOOK_AFTER) {
                Ok((index, serving)) => {
                    rows[index].serving = serving;
                    let (mark, doing) = rows[index].in_words();
                    progress.set(&rows[index].member.name, mark, &doing);
                    if serving == Serving::Serves
                        && let Some(on_quorum) = on_quorum.take()
                    {
                        on_quorum()?;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.fail_if_one_has_ended(progress)?;
                }
            }
            if Instant::now() > deadline {
                return Err(self.too_late(patience, &rows));
            }
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let members = self.plan.members.iter().zip(self.conditions);
        let expected = members.filter(|(member, _)| !self.start.lost.contains(&member.name));
        let row = |(member, condition)| Row {
            member,
            condition,
            serving: Serving::Silent,
        };
        expected.map(row).collect()
    }

    fn fail_if_one_has_ended(&self, progress: &mut Progress) -> Outcome<()> {
        let conditions = self.driver.conditions(&self.home, &self.start.members);
        let ended: Vec<&HostName> = self
            .start
            .members
            .iter()
            .zip(conditions)
            .filter(|(_, condition)| !matches!(condition, Condition::Running(_)))
            .map(|(member, _)| member)
            .collect();
        if ended.is_empty() {
            return Ok(());
        }
        let diagnostics = ended.iter().map(|member| {
            progress.set(member, Mark::Failed, "ended");
            let log = self.driver.log(&self.home, member);
            let diagnostic = Diagnostic::error(format!("`{member}` has ended while starting"));
            last_words(&log)
                .into_iter()
                .fold(diagnostic, |diagnostic, line| {
                    diagnostic.note(format!("its log ends: {line}"))
                })
                .hint(format!("read its log: `{log}`"))
        });
        Err(Failure {
            exit: Exit::Failed,
            diagnostics: diagnostics.collect(),
        })
    }

    fn too_late(&self, patience: Duration, rows: &[Row<'_>]) -> Failure {
        let name = &self.plan.name;
        let late = rows.iter().filter(|row| row.serving != Serving::Serves);
        let diagnostics = late.map(|row| {
            let what = match row.serving {
                Serving::Silent => "does not listen",
                Serving::WaitsForLeader | Serving::Serves => "listens, and has no leader to follow",
            };
            let member = &row.member.name;
            Diagnostic::error(format!("`{member}` {what} after {patience:?}"))
                .note(format!(
                    "it goes on; its log is `{}`",
                    self.driver.log(&self.home, member)
                ))
                .hint(format!(
                    "give it longer: `cargo xtask up {name} --timeout 5m`"
                ))
                .hint(format!(
                    "or see what it lacks: `cargo xtask logs {member} --cluster {name}`"
                ))
        });
        Failure {
            exit: Exit::Failed,
            diagnostics: diagnostics.collect(),
        }
    }
}

/// A member that is waited for.
struct Row<'a> {
    member: &'a Member,
    condition: &'a Condition,
    serving: Serving,
}

impl Row<'_> {
    fn in_words(&self) -> (Mark, String) {
        match (self.serving, self.condition) {
            (Serving::Silent, _) => (Mark::Working, "starts".to_owned()),
            (Serving::WaitsForLeader, _) => {
                (Mark::Working, "listens, waits for a leader".to_owned())
            }
            (Serving::Serves, Condition::Running(what)) => {
                (Mark::Done, format!("runs already ({what})"))
            }
            (Serving::Serves, _) => (Mark::Done, "serves".to_owned()),
        }
    }
}

/// Asks a member again and again, and tells of every change.
fn ask_until_it_serves(index: usize, url: &str, tell: &Sender<(usize, Serving)>) {
    let (_never, tick) = mpsc::channel::<()>();
    let mut told = None;
    loop {
        let serving = serving::ask(url);
        if told.replace(serving) != Some(serving) && tell.send((index, serving)).is_err() {
            return;
        }
        if serving == Serving::Serves {
            return;
        }
        let _ = tick.recv_timeout(ASK_AGAIN);
    }
}

/// The last lines of a log that say why: etcd writes its reason for ending last.
fn last_words(log: &camino::Utf8Path) -> Vec<String> {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(3)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
