use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;
use crate::values::MachineName;

/// No machine has a name that Vagrant may take for the ID of another one.
///
/// Vagrant looks for what it is told first among the IDs of all machines of this user, whole or in part
/// (Vagrant, `machine_index.rb`; hashicorp/vagrant#8152). These consist of hexadecimal digits.
pub(super) static RULE: Rule = Rule {
    name: "hexadecimal_name",
    judge: |definition, out| {
        let Some(Members::List(entries)) = definition.members.known() else {
            return;
        };
        for entry in entries {
            let Some(name) = entry.name.known() else {
                continue;
            };
            let machine = MachineName::of(&definition.name, name);
            let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            // Why digits alone are no name is said by another rule.
            let has_letters = machine.as_str().bytes().any(|byte| !byte.is_ascii_digit());
            if !has_letters || !machine.as_str().bytes().all(is_hexadecimal) {
                continue;
            }
            let diagnostic = Diagnostic::error(format!("`{name}` could be another machine's ID"))
                .note("Vagrant takes a name of nothing but 0 to 9 and a to f for the beginning of an ID, and `destroy` could reach a machine of another project")
                .hint(format!("use a name with any other character, such as `member-{name}`"));
            out.push(at(definition, diagnostic, &[(entry.name.span(), "")]));
        }
    },
};
