use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// Valid host names that cannot be a machine's name.
pub(super) static RULE: Rule = Rule {
    name: "member_name",
    judge: |definition, out| {
        let Some(Members::List(entries)) = definition.members.known() else {
            return;
        };
        for entry in entries {
            let Some(name) = entry.name.known() else {
                continue;
            };
            let note = if name.as_str() == "localhost" {
                "every machine already uses that name for itself, and systemd treats it as no name at all"
            } else if name.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
                "programs read a name that consists only of digits as an address: `ping 7` means 0.0.0.7"
            } else {
                continue;
            };
            let diagnostic = Diagnostic::error(format!("`{name}` cannot name a machine"))
                .note(note)
                .hint("use a name such as `core-01`");
            out.push(at(definition, diagnostic, &[(entry.name.span(), "")]));
        }
    },
};
