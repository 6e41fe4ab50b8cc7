//! What running members keep from their start, although the definition or the etcd has changed.

use crate::driver::{Driver, Home};
use crate::observation::Condition;
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::ui;
use crate::values::EtcdVersion;

/// Warns where some members run on another version than those that are started from now on.
pub(super) fn warn_of_mixed_versions(plan: &Plan, conditions: &[Condition], was: EtcdVersion) {
    let runs = |condition: &Condition| matches!(condition, Condition::Running(_));
    if was == plan.version() || !conditions.iter().any(runs) {
        return;
    }
    let name = &plan.name;
    ui::diagnostics::report(&[Diagnostic::warning(format!(
        "members that run already go on with etcd {was} until they are started anew"
    ))
    .hint(format!(
        "to have all on {}: `cargo xtask down {name}`, then `cargo xtask up {name}`",
        plan.version()
    ))]);
}

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
