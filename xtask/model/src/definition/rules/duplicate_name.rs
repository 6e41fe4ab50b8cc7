use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// No two members may have the same name.
pub(super) static RULE: Rule = Rule {
    name: "duplicate_name",
    judge: |definition, out| {
        let Some(Members::List(entries)) = definition.members.known() else {
            return;
        };
        for (index, entry) in entries.iter().enumerate() {
            let Some(name) = entry.name.known() else {
                continue;
            };
            let before = entries.iter().take(index);
            let Some(first) = before
                .map(|entry| &entry.name)
                .find(|first| first.known() == Some(name))
            else {
                continue;
            };
            let diagnostic = Diagnostic::error(format!("two members are named `{name}`"))
                .note("etcd finds each member's peer URL by its name")
                .hint("give each member its own name");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (entry.name.span(), "again here"),
                    (first.span(), "first here"),
                ],
            ));
        }
    },
};
