//! Waits for what etcd does on its own time.

use std::time::{Duration, Instant};

use crate::pause::pause;
use crate::reason::Reason;
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
    pub(super) refused: Option<Reason>,
}

impl Pending {
    pub(super) fn until(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            refused: None,
        }
    }

    /// After a request whose effect is not seen yet.
    pub(super) fn after(request: Result<(), Reason>, what: &str) -> Self {
        Self {
            what: what.to_owned(),
            refused: request.err(),
        }
    }
}

/// Looks until nothing is pending, and says what it waits for.
///
/// # Errors
///
/// Returns what is still pending when the time is over.
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
        if begun.elapsed() > PATIENCE {
            return Err(pending);
        }
        if begun.elapsed() > SILENCE && said != pending.what {
            ui.say(&format!("waiting until {}", pending.what));
            said = pending.what;
        }
        pause(AGAIN);
    }
}
