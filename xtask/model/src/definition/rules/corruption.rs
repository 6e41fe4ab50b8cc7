use super::{Rule, at};
use crate::facts::etcd_releases::newest_patch;
use crate::report::Diagnostic;
use crate::values::EtcdVersion;

/// The version must not be known to damage data.
///
/// Source: etcd issue 13766 and its post-mortem: 3.5.0 to 3.5.2 can lose or diverge data when a
/// member is killed under load.
pub(super) static RULE: Rule = Rule {
    name: "corruption",
    judge: |definition, out| {
        let Some(&version) = definition.etcd.version.known() else {
            return;
        };
        if !(EtcdVersion::new(3, 5, 0)..=EtcdVersion::new(3, 5, 2)).contains(&version) {
            return;
        }
        let newest = newest_patch((3, 5)).unwrap_or(version);
        let diagnostic = Diagnostic::warning(format!("etcd {version} can corrupt its data"))
            .note("in 3.5.0 to 3.5.2, members that are killed under load can come back with different data from the others")
            .hint(format!("use `{newest}`"));
        out.push(at(
            definition,
            diagnostic,
            &[(definition.etcd.version.span(), "")],
        ));
    },
};
