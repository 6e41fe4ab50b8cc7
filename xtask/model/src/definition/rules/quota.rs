use super::{Rule, at};
use crate::report::Diagnostic;
use crate::values::quantity;

/// The version must have quotas, and the quota must be within etcd's limits.
pub(super) static RULE: Rule = Rule {
    name: "quota",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(&Some(quota))) = (etcd.version.known(), etcd.quota.known())
        else {
            return;
        };
        let (diagnostic, version_matters) = if version.is_v2() {
            let diagnostic = Diagnostic::error(format!("etcd {version} has no quota"))
                .note("quotas came with the v3 storage, in 3.0")
                .hint("remove `quota`");
            (diagnostic, true)
        } else if quota == 0 {
            let diagnostic = Diagnostic::error("a quota of zero means etcd's default of 2 GiB")
                .hint("remove `quota`, or write what you mean");
            (diagnostic, false)
        } else if quota < LEAST {
            let diagnostic = Diagnostic::error(format!("a quota of {} leaves no room for data", quantity::size(quota)))
                .note("an empty database already takes tens of kilobytes, and etcd refuses writes once the quota is reached")
                .hint("write `quota = \"16MiB\"` to see that happen, or `quota = \"2GiB\"` for use");
            (diagnostic, false)
        } else if quota > MOST_SUGGESTED {
            let diagnostic = Diagnostic::warning("a quota above 8 GiB is more than etcd suggests")
                .note("a member that starts or catches up reads its whole database, and the others wait for it")
                .hint("write `quota = \"8GiB\"` or less");
            (diagnostic, false)
        } else {
            return;
        };
        let version = etcd.version.span().filter(|_| version_matters);
        out.push(at(
            definition,
            diagnostic,
            &[(etcd.quota.span(), ""), (version, "this version")],
        ));
    },
};

/// In bytes. A new database of 3.4 to 3.6 takes 20 KiB, and grows by more than that while members start.
const LEAST: u64 = 1 << 20;

/// In bytes, from etcd's documentation of its storage size limit.
const MOST_SUGGESTED: u64 = 8 << 30;
