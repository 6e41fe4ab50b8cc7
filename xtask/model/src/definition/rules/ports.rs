use super::{Rule, at};
use crate::report::Diagnostic;

/// A member listens twice, so it needs two ports.
pub(super) static RULE: Rule = Rule {
    name: "ports",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(client), Some(peer)) = (etcd.client_port.known(), etcd.peer_port.known()) else {
            return;
        };
        if client == peer {
            let diagnostic =
                Diagnostic::error(format!("clients and members cannot both use port {client}"))
                    .hint("change `client_port` or `peer_port`");
            let places = [
                (etcd.peer_port.span(), "the port for members"),
                (etcd.client_port.span(), "the port for clients"),
            ];
            out.push(at(definition, diagnostic, &places));
        }
    },
};
