use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;
use crate::values::MachineName;

/// No machine may have a name that Vagrant could take for the ID of another one.
///
/// Vagrant first looks for a given name among the IDs, whole or in part, of all machines of this user
/// (Vagrant, `machine_index.rb`; hashicorp/vagrant#8152). IDs consist of hexadecimal digits.
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
            // Another rule reports names that consist only of digits.
            let has_letters = machine.as_str().bytes().any(|byte| !byte.is_ascii_digit());
            if !has_letters || !machine.as_str().bytes().all(is_hexadecimal) {
                continue;
            }
            let diagnostic = Diagnostic::error(format!("`{name}` could be another machine's ID"))
                .note("Vagrant takes a name that consists only of 0 to 9 and a to f for the start of an ID, so `destroy` could reach a machine of another project")
                .hint(format!("use a name with any other character, such as `member-{name}`"));
            out.push(at(definition, diagnostic, &[(entry.name.span(), "")]));
        }
    },
};
