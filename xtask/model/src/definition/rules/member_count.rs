use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// The number of members should be odd and at most seven, as etcd advises: an even one adds no tolerance.
pub(super) static RULE: Rule = Rule {
    name: "member_count",
    judge: |definition, out| {
        let Some(members) = definition.members.known() else {
            return;
        };
        let count = match members {
            Members::Count(count) => usize::from(*count),
            Members::List(entries) => entries.len(),
        };
        let diagnostic = match count {
            0 => Diagnostic::error("a cluster needs members")
                .hint("write `members = 3`: any one of them may then fail"),
            1 => Diagnostic::warning("a single member tolerates no failures")
                .note("one member is its own quorum: when it stops, so does the cluster")
                .hint("write `members = 3`, and any one of them may fail")
                .about_a_choice(),
            8.. => too_many(count),
            even if even % 2 == 0 => {
                let tolerated = (even - 1) / 2;
                let smaller = even - 1;
                let larger = even + 1;
                let quorum = even / 2 + 1;
                let advice = if smaller == 1 {
                    format!("use {larger} members")
                } else {
                    format!("use {smaller} or {larger} members")
                };
                Diagnostic::error(format!("{even} members tolerate no more failures than {smaller}"))
                    .note(format!(
                        "{quorum} of {even} must agree, so {} may fail; the additional member is only one more that can fail",
                        how_many(tolerated)
                    ))
                    .hint(advice)
            }
            _ => return,
        };
        out.push(at(
            definition,
            diagnostic,
            &[(definition.members.span(), "")],
        ));
    },
};

/// A larger cluster is refused before its members are read.
pub(crate) const MOST: usize = 7;

/// Says that a cluster has more than [`MOST`] members.
pub(in crate::definition) fn too_many(count: usize) -> Diagnostic {
    Diagnostic::error(format!("{count} members are more than a cluster should have"))
        .note("each write waits for more than half of the members, so beyond seven members a cluster gets slower but hardly safer")
        .hint("use 3, 5 or 7 members")
}

fn how_many(tolerated: usize) -> String {
    match tolerated {
        0 => "none".to_owned(),
        number => number.to_string(),
    }
}
