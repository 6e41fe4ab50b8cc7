use super::{Finding, Found, machines, to_start};
use crate::host::{Host, Look};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static FINDING: Finding = Finding {
    name: "processors",
    title: "no machine has more processors than this host",
    examine,
};

fn examine(plan: &Plan, host: &Host) -> Found {
    let wanted = plan.machine.cpus;
    let there = match &host.processors {
        Look::Seen(there) => *there,
        Look::Missing => return Found::not_seen("how many there are is not known"),
        Look::Unknown(why) => return Found::not_seen(why.clone()),
    };
    let evidence = format!(
        "{} with {wanted} each, on {there}",
        machines(to_start(plan, host).len())
    );
    if wanted <= there {
        return Found::ok(evidence);
    }
    let warning = Diagnostic::warning(format!(
        "each machine has {wanted} processors, and this host has {there}"
    ))
    .note("they take turns, and wait for each other more than they gain")
    .hint(format!(
        "write `cpus = {there}` under `[machine]` in {}",
        plan.source
    ));
    Found::of(evidence, vec![warning])
}
