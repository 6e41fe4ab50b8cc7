//! Members that wait for a leader because of wrong certificates.

use std::time::Duration;

use super::{Readiness, Row};
use crate::check::{self, Finding};
use crate::command_line;
use crate::etcd::certificates;
use crate::etcd::serving::Serving;
use crate::observation::Look;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;

/// How long a look at the certificates of a member may take.
const LOOK_AT_CERTIFICATES: Duration = Duration::from_secs(3);

impl Readiness {
    /// Fails if wrong certificates keep members from serving.
    pub(super) fn fail_if_not_trusted(
        &self,
        session: &Session,
        progress: &mut Progress,
    ) -> Outcome<()> {
        let Session { plan, tools, .. } = session;
        let waits = |row: &&Row| row.serving == Serving::WaitsForLeader;
        let waiting = self.rows.iter().filter(waits);
        let waiting: Vec<&HostName> = waiting.map(|row| &row.member.name).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let Some(Look::Seen(seen)) = certificates::look(plan, tools, LOOK_AT_CERTIFICATES) else {
            return Ok(());
        };
        let failures = check::certificate_failures(plan, &seen);
        let (mut diagnostics, mut hint) = (Vec::new(), None);
        for Finding {
            members,
            text,
            hint: own,
        } in failures
        {
            // A wrong certificate of a member that serves is not the reason.
            if !members.is_empty() && !members.iter().any(|name| waiting.contains(&name)) {
                continue;
            }
            for name in members.iter().filter(|name| waiting.contains(name)) {
                progress.set(name, Mark::Failed, "is not trusted");
            }
            diagnostics.push(Diagnostic::error(match members.as_slice() {
                [member] => format!("`{member}` {text}"),
                _ => text,
            }));
            hint = hint.or(own);
        }
        let Some(last) = diagnostics.last_mut() else {
            return Ok(());
        };
        last.notes
            .push("members and clients do not trust each other, so they do not serve".to_owned());
        last.hints.extend(hint.map(|mut hint| {
            let up = command_line::task(plan, "up");
            hint.commands.retain(|command| *command != up);
            hint.commands.push(up);
            hint
        }));
        Err(Failure {
            kind: FailureKind::Failed,
            diagnostics,
        })
    }
}
