use super::{Rule, at};
use crate::etcd_releases::{newest_patch, sha256};
use crate::profile::Runtime;
use crate::report::Diagnostic;
use crate::values::Architecture;

/// A release tarball is used only by its checksum, so there must be one.
pub(super) static RULE: Rule = Rule {
    name: "checksum",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(Runtime::Release), Some(&version), Some(given)) = (
            etcd.runtime.known(),
            etcd.version.known(),
            etcd.sha256.known(),
        ) else {
            return;
        };
        // A version that does not exist has no checksum either: `version` says so.
        if newest_patch(version.minor_release())
            .is_none_or(|newest| newest < version && given.is_empty())
        {
            return;
        }
        let missing: Vec<&str> = Architecture::ALL
            .iter()
            .filter(|architecture| {
                sha256(version, **architecture).is_none()
                    && !given.iter().any(|(known, _)| known == *architecture)
            })
            .map(|architecture| architecture.as_str())
            .collect();
        if missing.is_empty() {
            return;
        }
        let diagnostic = Diagnostic::error(format!(
            "no checksum is known for the release of etcd {version} ({})",
            missing.join(", ")
        ))
        .note("a downloaded release is used only if its SHA-256 is the expected one")
        .hint(format!(
            "copy `{} = \"…\"` from the release's `SHA256SUMS` into `[etcd.sha256]`",
            missing.join("` and `")
        ))
        .hint("or write `runtime = \"container\"`");
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.version.span(), "this version"),
                (etcd.runtime.span(), "from its release"),
                (etcd.sha256.span(), "not among these"),
            ],
        ));
    },
};
