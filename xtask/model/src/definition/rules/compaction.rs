use super::{Rule, at};
use crate::report::Diagnostic;
use crate::values::Compaction;

/// The version must support the compaction.
pub(super) static RULE: Rule = Rule {
    name: "compaction",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(&compaction)) =
            (etcd.version.known(), etcd.auto_compaction.known())
        else {
            return;
        };
        let diagnostic = match compaction {
            Compaction::Off => return,
            _ if version.is_v2() => {
                Diagnostic::error(format!("etcd {version} cannot compact its history"))
                    .note("compaction came with the v3 storage, in 3.0")
                    .hint("remove `auto_compaction`")
            }
            _ if version.minor_release() >= (3, 3) => return,
            Compaction::Minutes(minutes) if minutes % 60 == 0 => return,
            Compaction::Minutes(minutes) => {
                let hours = minutes.div_ceil(60);
                Diagnostic::error(format!(
                    "etcd {version} keeps its history in whole hours only"
                ))
                .note("shorter periods came in 3.3")
                .hint(format!("write `auto_compaction = \"{hours}h\"`"))
            }
            Compaction::Revisions(_) => {
                Diagnostic::error(format!("etcd {version} cannot compact by revision"))
                    .note("compaction by revision came in 3.3; before, etcd keeps whole hours")
                    .hint("write `auto_compaction = \"1h\"`")
            }
        };
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.auto_compaction.span(), ""),
                (etcd.version.span(), "this version"),
            ],
        ));
    },
};
