use super::{Rule, at};
use crate::definition::Etcd;
use crate::facts::etcd_releases::{NEWEST, newest_patch, sha256};
use crate::profile::Runtime;
use crate::report::Diagnostic;
use crate::values::{Architecture, EtcdVersion};

/// The version must exist, and start from one file for all members.
pub(super) static RULE: Rule = Rule {
    name: "version",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(checksums)) = (etcd.version.known(), etcd.sha256.known()) else {
            return;
        };
        let diagnostic = if version.major == 0 {
            Diagnostic::error(format!("etcd {version} cannot be started from one user-data for all members"))
                .note("etcd 0.4 gets confused when the list of members includes itself, so every machine would need its own list")
                .hint("use 2.0.0 or later, which takes the same full list on every machine")
        } else if let Some(newest) = newest_patch(version.minor_release()) {
            if version <= newest || !checksums.is_empty() {
                return;
            }
            let minor = format!("{}.{}", version.major, version.minor);
            let unknown = Diagnostic::error(format!("this project does not know etcd {version}"))
                .note(format!("the newest {minor} that it knows is {newest}"));
            if NEWEST.last() > Some(&newest) && newest.major < 3 {
                unknown.hint(format!("use `{newest}`"))
            } else {
                unknown
                    .hint(format!("use `{newest}`"))
                    .hint("if it is newer than this project, give the checksums of its tarballs under `[etcd.sha256]`")
            }
        } else {
            let nearest = nearest(etcd, version);
            Diagnostic::error(format!("this project does not know etcd {version}"))
                .hint(format!("use `{nearest}`"))
        };
        out.push(at(definition, diagnostic, &[(etcd.version.span(), "")]));
    },
};

/// The newest release below the requested version that this definition could run: a release tarball needs a
/// checksum.
fn nearest(etcd: &Etcd, version: EtcdVersion) -> EtcdVersion {
    let by_tarball = etcd.runtime.known() == Some(&Runtime::Release);
    let usable = |known: &&EtcdVersion| {
        let mut all = Architecture::ALL.iter();
        !by_tarball || all.any(|&architecture| sha256(**known, architecture).is_some())
    };
    let mut below = NEWEST.iter().rev().filter(|known| **known < version);
    let first = NEWEST.iter().find(usable);
    below.find(usable).or(first).copied().unwrap_or(version)
}
