use super::{Rule, at};
use crate::definition::Members;
use crate::report::Diagnostic;

/// Counted members must fit between the host's address and the end of the subnet.
pub(super) static RULE: Rule = Rule {
    name: "counted_addresses",
    judge: |definition, out| {
        let (Some(Members::Count(count)), Some(&subnet), Some(&first)) = (
            definition.members.known(),
            definition.network.subnet.known(),
            definition.network.first_host.known(),
        ) else {
            return;
        };
        let network = &definition.network;
        if first < 2 {
            let whose = if first == 0 {
                "the network's own"
            } else {
                "the host's own, which Vagrant's providers assign"
            };
            let diagnostic = Diagnostic::error(format!(
                "no member can have host number {first} in `{subnet}`"
            ))
            .note(format!("that address is {whose}"))
            .hint("write `first_host = 2` or more");
            out.push(at(
                definition,
                diagnostic,
                &[(network.first_host.span(), "")],
            ));
            return;
        }
        let broadcast = subnet.broadcast().to_bits() - subnet.network().to_bits();
        let last = u64::from(first) + u64::from(count.saturating_sub(1));
        if last < u64::from(broadcast) {
            return;
        }
        let room = broadcast.saturating_sub(2);
        let (which, numbers) = match count {
            1 => (
                "the only member".to_owned(),
                format!("it needs the host number {first}"),
            ),
            _ => (
                format!("the last of {count} members"),
                format!("they need the host numbers {first} to {last}"),
            ),
        };
        let diagnostic = Diagnostic::error(format!("the subnet `{subnet}` ends before {which}"))
            .note(format!(
                "{numbers}, but `{subnet}` has 2 to {}",
                broadcast - 1
            ));
        let diagnostic = if u32::from(*count) <= room {
            let highest = broadcast - u32::from(*count);
            diagnostic.hint(format!("write `first_host = {highest}` or less"))
        } else {
            diagnostic.hint("use a larger subnet, such as a /24")
        };
        out.push(at(
            definition,
            diagnostic,
            &[
                (network.first_host.span(), "the first host number"),
                (network.subnet.span(), "the subnet"),
                (definition.members.span(), ""),
            ],
        ));
    },
};
