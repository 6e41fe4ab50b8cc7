use super::{Rule, at};
use crate::facts::etcd_releases::newest_patch;
use crate::facts::upgrades;
use crate::report::Diagnostic;

/// The version must not be known to damage data.
pub(super) static RULE: Rule = Rule {
    name: "corruption",
    judge: |definition, out| {
        let Some(&version) = definition.etcd.version.known() else {
            return;
        };
        let Some(known) = upgrades::damage(version) else {
            return;
        };
        let newest = newest_patch((3, 5)).unwrap_or(version);
        let diagnostic = Diagnostic::warning(format!("etcd {version} can corrupt its data"))
            .note(format!("in 3.5.0 to 3.5.2, {}", known.why))
            .hint(format!("use `{newest}`"));
        out.push(at(
            definition,
            diagnostic,
            &[(definition.etcd.version.span(), "")],
        ));
    },
};
