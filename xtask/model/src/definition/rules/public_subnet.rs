use super::{Rule, at};
use crate::report::Diagnostic;

/// The subnet should be reserved for private use (RFC 1918).
pub(super) static RULE: Rule = Rule {
    name: "public_subnet",
    judge: |definition, out| {
        let Some(&subnet) = definition.network.subnet.known() else {
            return;
        };
        let reserved = subnet.network().is_loopback()
            || subnet.network().is_multicast()
            || subnet.network().octets()[0] >= 240
            || subnet.network().octets()[0] == 0;
        let diagnostic = if reserved {
            Diagnostic::error(format!("machines cannot use the network `{subnet}`"))
                .note("its addresses are reserved for loopback, multicast or no use at all")
        } else if !(subnet.network().is_private() && subnet.broadcast().is_private()) {
            Diagnostic::warning(format!("the subnet `{subnet}` is not private")).note(
                "while the machines run, this host cannot reach the real owners of these addresses",
            )
        } else {
            return;
        };
        let diagnostic = diagnostic.hint(
            "use a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as `192.168.56.0/24`",
        );
        out.push(at(
            definition,
            diagnostic,
            &[(definition.network.subnet.span(), "")],
        ));
    },
};
