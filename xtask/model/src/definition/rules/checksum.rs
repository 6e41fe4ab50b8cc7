use super::{Rule, at};
use crate::facts::etcd_releases::{newest_patch, sha256};
use crate::profile::Runtime;
use crate::report::Diagnostic;
use crate::values::Architecture;

/// A release tarball is used only with a checksum, so there must be one.
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
        // One architecture is enough: the author knows which machines there are.
        let known = Architecture::ALL
            .iter()
            .any(|&architecture| sha256(version, architecture).is_some());
        if known || !given.is_empty() {
            return;
        }
        let diagnostic = Diagnostic::error(format!(
            "no checksum is known for the release of etcd {version}"
        ))
        .note("a downloaded release is used only if its SHA-256 is the expected one")
        .hint("copy the checksums of `linux-amd64` and `linux-arm64` from the release's `SHA256SUMS` into `[etcd.sha256]`, as `amd64 = \"…\"` and `arm64 = \"…\"`")
        .hint("or write `runtime = \"container\"`");
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.version.span(), "this version"),
                (etcd.runtime.span(), "from its release"),
            ],
        ));
    },
};
