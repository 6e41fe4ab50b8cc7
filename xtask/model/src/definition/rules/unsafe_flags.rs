use super::{Rule, at};
use crate::facts::flag_table::find;
use crate::report::Diagnostic;

/// Flags that weaken what etcd promises should be set on purpose.
pub(super) static RULE: Rule = Rule {
    name: "unsafe_flags",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(flags)) = (etcd.version.known(), etcd.flags.known()) else {
            return;
        };
        for flag in flags {
            let (Some(name), Some(value)) = (flag.name.known(), flag.value.known()) else {
                continue;
            };
            let unsafe_flag = UNSAFE
                .iter()
                .find(|(unsafe_name, _)| *unsafe_name == name.as_str());
            let Some((name, why)) = unsafe_flag else {
                continue;
            };
            let exists = find(name).is_some_and(|fact| fact.exists_in(version));
            if !exists || value.as_str() == "false" {
                continue;
            }
            let diagnostic = Diagnostic::warning(format!("the flag `{name}` is unsafe"))
                .note(*why)
                .hint("remove it, unless this risk is acceptable");
            out.push(at(definition, diagnostic, &[(flag.name.span(), "")]));
        }
    },
};

/// The names of switches, and what each risks.
const UNSAFE: &[(&str, &str)] = &[
    (
        "unsafe-no-fsync",
        "etcd then acknowledges writes that are not on the disk yet: a power loss or a crash of the kernel \
         loses them, and can damage the member's data",
    ),
    (
        "socket-reuse-port",
        "another process of the same user can then listen on the member's ports, and the kernel gives it a \
         part of the connections",
    ),
];
