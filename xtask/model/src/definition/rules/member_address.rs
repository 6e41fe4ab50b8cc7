use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// Listed addresses must be in the subnet and free.
pub(super) static RULE: Rule = Rule {
    name: "member_address",
    judge: |definition, out| {
        let (Some(Members::List(entries)), Some(&subnet)) = (
            definition.members.known(),
            definition.network.subnet.known(),
        ) else {
            return;
        };
        for entry in entries {
            let Some(&address) = entry.address.known() else {
                continue;
            };
            let (fact, note) = if !subnet.contains(address) {
                (
                    format!("`{address}` is not in the subnet `{subnet}`"),
                    "the members share one private network and reach nothing outside it",
                )
            } else if address == subnet.network() {
                (
                    format!("`{address}` is the address of the network itself"),
                    "no machine can have it",
                )
            } else if address == subnet.broadcast() {
                (
                    format!("`{address}` is the broadcast address of `{subnet}`"),
                    "it reaches all machines at once, so no machine can have it",
                )
            } else if address == subnet.gateway() {
                (
                    format!("`{address}` belongs to the host"),
                    "Vagrant's providers give the first address of a private network to the host itself",
                )
            } else {
                continue;
            };
            let first = subnet.member_addresses().next();
            let example = first.map_or_else(String::new, |first| format!(", such as `{first}`"));
            let diagnostic = Diagnostic::error(fact)
                .note(note)
                .hint(format!("use another address in `{subnet}`{example}"));
            out.push(at(
                definition,
                diagnostic,
                &[
                    (entry.address.span(), ""),
                    (definition.network.subnet.span(), "the subnet"),
                ],
            ));
        }
    },
};
