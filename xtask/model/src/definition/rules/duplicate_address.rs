use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// No two members may have the same address.
pub(super) static RULE: Rule = Rule {
    name: "duplicate_address",
    judge: |definition, out| {
        let Some(Members::List(entries)) = definition.members.known() else {
            return;
        };
        for (index, entry) in entries.iter().enumerate() {
            let Some(address) = entry.address.known() else {
                continue;
            };
            let before = entries.iter().take(index);
            let Some(first) = before
                .map(|entry| &entry.address)
                .find(|first| first.known() == Some(address))
            else {
                continue;
            };
            let diagnostic = Diagnostic::error(format!("two members have the address `{address}`"))
                .note("a member's ID follows from its address, so etcd would take the two for one member")
                .hint("give each member its own address");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (entry.address.span(), "again here"),
                    (first.span(), "first here"),
                ],
            ));
        }
    },
};
