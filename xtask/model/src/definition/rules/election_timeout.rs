use super::{Rule, at};
use crate::report::Diagnostic;

/// The election timeout must be at least five heartbeats: etcd refuses to start with less.
///
/// Source: etcd's `embed.Config.Validate`. Its upper limit of 50 s is the key's own.
pub(super) static RULE: Rule = Rule {
    name: "election_timeout",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&heartbeat), Some(&election)) = (
            etcd.heartbeat_interval.known(),
            etcd.election_timeout.known(),
        ) else {
            return;
        };
        let least = heartbeat.saturating_mul(5);
        if election >= least {
            return;
        }
        let diagnostic = Diagnostic::error(format!(
            "an election timeout of {election} ms is less than five heartbeats of {heartbeat} ms"
        ))
        .note("a follower that misses one or two heartbeats would call an election; etcd refuses to start with this");
        let usual = heartbeat.saturating_mul(10).min(LONGEST);
        let diagnostic = if usual > least {
            diagnostic.hint(format!(
                "write `election_timeout = {usual}`, or at least {least}"
            ))
        } else {
            diagnostic.hint(format!(
                "write `election_timeout = {least}`, or a shorter heartbeat"
            ))
        };
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.election_timeout.span(), "the timeout"),
                (etcd.heartbeat_interval.span(), "the heartbeat"),
            ],
        ));
    },
};

/// etcd's upper limit for an election timeout, in milliseconds.
const LONGEST: u32 = 50_000;
