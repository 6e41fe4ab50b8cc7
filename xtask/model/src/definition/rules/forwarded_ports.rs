use super::{Rule, at};
use crate::report::Diagnostic;

/// No two ports may be forwarded from the same host port.
pub(super) static RULE: Rule = Rule {
    name: "forwarded_ports",
    judge: |definition, out| {
        let Some(ports) = definition.machine.forwarded_ports.known() else {
            return;
        };
        for (index, port) in ports.iter().enumerate() {
            let Some(host) = port.host.known() else {
                continue;
            };
            let before = ports.iter().take(index);
            let Some(first) = before
                .map(|port| &port.host)
                .find(|first| first.known() == Some(host))
            else {
                continue;
            };
            let diagnostic = Diagnostic::error(format!(
                "two ports are forwarded from the host's port {host}"
            ))
            .note("a host port can be forwarded to only one port")
            .hint("give each its own host port");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (port.host.span(), "again here"),
                    (first.span(), "first here"),
                ],
            ));
        }
    },
};
