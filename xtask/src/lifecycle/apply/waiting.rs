//! Waits for what etcd does on its own time.

use std::time::{Duration, Instant};

use crate::etcd::gateway::Unanswered;
use crate::pause::pause;
use crate::ui::Ui;

/// How long the members may take to agree on the version of the cluster, or to rewrite their data: they look every five
/// seconds (`monitorVersionInterval` in etcd's `server.go`), and the host may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait before saying so.
const SILENCE: Duration = Duration::from_secs(2);

/// The pause between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// What is not so yet.
pub(super) struct Pending {
    /// What to wait for, as a clause.
    pub(super) what: String,
    /// Why etcd has refused the request for it, if it has.
    pub(super) refused: Option<String>,
    /// Whether it will never be so.
    is_final: bool,
}

impl Pending {
    pub(super) fn until(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            refused: None,
            is_final: false,
        }
    }

    /// After a request whose effect is not seen yet.
    pub(super) fn after(request: Result<(), Unanswered>, what: &str) -> Self {
        let refused = request.err();
        Self {
            what: what.to_owned(),
            is_final: refused.as_ref().is_some_and(Unanswered::is_without_gateway),
            refused: refused.map(|unanswered| unanswered.why().to_owned()),
        }
    }
}

/// Looks until nothing is pending, and says what it waits for.
///
/// # Errors
///
/// Returns what is still pending when the time is over, or waiting cannot help.
pub(super) fn wait_until(
    ui: Ui,
    look: &mut dyn FnMut() -> Result<(), Pending>,
) -> Result<(), Pending> {
    let begun = Instant::now();
    let mut said = String::new();
    loop {
        let Err(pending) = look() else {
            return Ok(());
        };
        if pending.is_final || begun.elapsed() > PATIENCE {
            return Err(pending);
        }
        if begun.elapsed() > SILENCE && said != pending.what {
            ui.say(&format!("waiting until {}", pending.what));
            said = pending.what;
        }
        pause(AGAIN);
    }
}
