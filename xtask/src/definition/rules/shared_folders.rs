use super::{Rule, at};
use crate::report::Diagnostic;

/// No two shared folders meet in the machine.
pub(super) static RULE: Rule = Rule {
    name: "shared_folders",
    judge: |definition, out| {
        let Some(folders) = definition.machine.shared_folders.known() else {
            return;
        };
        for (index, folder) in folders.iter().enumerate() {
            let before = folders.iter().take(index);
            let Some(first) = before
                .map(|folder| &folder.guest)
                .find(|first| first.get() == folder.guest.get())
            else {
                continue;
            };
            let guest = folder.guest.get();
            let diagnostic = Diagnostic::error(format!("two folders are shared as `{guest}`"))
                .note("the machine would see only the one that is mounted last")
                .hint("give each a place of its own");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (folder.guest.span(), "again here"),
                    (first.span(), "first here"),
                ],
            ));
        }
    },
};
