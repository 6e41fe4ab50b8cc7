use super::{Rule, at};
use crate::facts::etcd_releases::{MAINTAINED, newest_patch};
use crate::report::Diagnostic;

/// The version should still get fixes.
///
/// Systems that are gone are exempt, because nothing on them gets fixes.
pub(super) static RULE: Rule = Rule {
    name: "unmaintained",
    judge: |definition, out| {
        let (Some(&version), Some(profile)) = (
            definition.etcd.version.known(),
            definition.machine.profile.known(),
        ) else {
            return;
        };
        let minor = version.minor_release();
        if profile.is_gone() || MAINTAINED.contains(&minor) || newest_patch(minor).is_none() {
            return;
        }
        let usual = profile.usual_etcd;
        let diagnostic =
            Diagnostic::warning(format!("etcd {}.{} no longer gets fixes", minor.0, minor.1))
                .hint(format!("use `{usual}`, unless you want the old version"));
        out.push(at(
            definition,
            diagnostic,
            &[(definition.etcd.version.span(), "")],
        ));
    },
};
