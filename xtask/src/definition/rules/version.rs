use super::{Rule, at};
use crate::etcd_releases::{NEWEST, newest_patch};
use crate::report::Diagnostic;
use crate::values::EtcdVersion;

/// The version exists, and can be started from one file for all members.
pub(super) static RULE: Rule = Rule {
    name: "version",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(checksums)) = (etcd.version.known(), etcd.sha256.known()) else {
            return;
        };
        let diagnostic = if version.major == 0 {
            Diagnostic::error(format!("etcd {version} cannot be started from one user-data for all members"))
                .note("etcd 0.4 gets confused when the list of members includes itself, so every machine would need a list of its own")
                .hint("use 2.0.0 or later, which takes the same full list on every machine")
        } else if let Some(newest) = newest_patch(version.minor_release()) {
            if version <= newest || !checksums.is_empty() {
                return;
            }
            let minor = format!("{}.{}", version.major, version.minor);
            let unknown = Diagnostic::error(format!("there is no etcd {version}")).note(format!(
                "the newest {minor} that this project knows is {newest}"
            ));
            if NEWEST.last() > Some(&newest) && newest.major < 3 {
                unknown.hint(format!("use `{newest}`"))
            } else {
                unknown
                    .hint(format!("use `{newest}`"))
                    .hint("if it is newer than this project, give the checksums of its tarballs under `[etcd.sha256]`")
            }
        } else {
            Diagnostic::error(format!("there is no etcd {version}"))
                .hint(format!("use `{}`", nearest(version)))
        };
        out.push(at(definition, diagnostic, &[(etcd.version.span(), "")]));
    },
};

/// The newest release of the minor release that comes next to what was asked for.
fn nearest(version: EtcdVersion) -> EtcdVersion {
    let below = NEWEST.iter().rev().find(|known| **known < version);
    let first = NEWEST.first().copied();
    below.copied().or(first).unwrap_or(version)
}
