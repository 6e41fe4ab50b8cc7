//! What running members keep from their start, although their definition has changed.

use crate::driver::{Driver, Home};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::ui;

/// Warns of running members whose flags differ from those that they would be started with.
pub(super) fn warn_of_flags(driver: &dyn Driver, home: &Home<'_>, plan: &Plan) {
    let mut warnings = Vec::new();
    for member in &plan.members {
        let outdated = driver.outdated_flags(home, plan, member);
        if outdated.is_empty() {
            continue;
        }
        let mut warning = Diagnostic::warning(format!(
            "`{}` runs with other flags than its definition has now",
            member.name
        ));
        for (what, flags) in [("runs with", outdated.surplus), ("lacks", outdated.missing)] {
            if !flags.is_empty() {
                warning = warning.note(format!("it {what} `{}`", flags.join(" ")));
            }
        }
        let name = &plan.name;
        warnings.push(
            warning
                .note("etcd reads its flags when it starts")
                .hint(format!("to apply the definition: `cargo xtask down {name}`, then `cargo xtask up {name}`")),
        );
    }
    ui::diagnostics::report(&warnings);
}
