use std::ops::Range;

use super::{Rule, at};
use crate::definition::{Definition, Members};
use crate::profile::Runtime;
use crate::report::Diagnostic;

/// Every written key should have an effect.
pub(super) static RULE: Rule = Rule {
    name: "without_effect",
    judge: |definition, out| {
        if let Some(runtime) = definition.etcd.runtime.known() {
            let etcd = &definition.etcd;
            let why = format!("the runtime is `{runtime}`");
            if *runtime != Runtime::Container {
                warn(definition, out, "image", etcd.image.span(), &why);
            }
        }
        if definition.etcd.tls.known() == Some(&false) {
            let why = "members use no TLS";
            let authority = definition.etcd.authority.span();
            warn(definition, out, "authority", authority, why);
        }
        if let Some(Members::List(_)) = definition.members.known() {
            let why = "the members are listed with their names and addresses";
            let prefix = definition.name_prefix.span();
            warn(definition, out, "name_prefix", prefix, why);
            let first_host = definition.network.first_host.span();
            warn(definition, out, "first_host", first_host, why);
        }
    },
};

fn warn(
    definition: &Definition,
    out: &mut Vec<Diagnostic>,
    key: &str,
    span: Option<Range<usize>>,
    why: &str,
) {
    if span.is_some() {
        let diagnostic =
            Diagnostic::warning(format!("`{key}` has no effect: {why}")).hint("remove it");
        out.push(at(definition, diagnostic, &[(span, "")]));
    }
}
