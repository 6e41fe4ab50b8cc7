use super::{Rule, at};
use crate::report::Diagnostic;

/// A quota that the version has, and that etcd can bear.
pub(super) static RULE: Rule = Rule {
    name: "quota",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(&Some(quota))) = (etcd.version.known(), etcd.quota.known())
        else {
            return;
        };
        let diagnostic = if version.is_v2() {
            Diagnostic::error(format!("etcd {version} has no quota"))
                .note("quotas came with the v3 storage, in 3.0")
                .hint("remove `quota`")
        } else if quota == 0 {
            Diagnostic::error("a quota of zero means etcd's own default of 2 GiB")
                .hint("remove `quota`, or write what you mean")
        } else if quota > 8 << 30 {
            Diagnostic::warning("a quota above 8 GiB is more than etcd suggests")
                .note("a member that starts or catches up reads its whole database, and the others wait for it")
                .hint("write `quota = \"8GiB\"` or less")
        } else {
            return;
        };
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.quota.span(), ""),
                (etcd.version.span(), "this version"),
            ],
        ));
    },
};
