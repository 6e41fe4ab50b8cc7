use super::{HostCheck, Judgement, many, to_start};
use crate::host::{Host, Probe};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "processors",
    title: "no machine has more processors than this host",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let wanted = plan.machine.cpus;
    let there = match &host.processors {
        Probe::Seen(there) => *there,
        Probe::Missing => return Judgement::not_seen("the number of processors is unknown"),
        Probe::Unknown(why) => return Judgement::not_seen(why),
    };
    let evidence = format!(
        "{} with {wanted} each; this host has {there}",
        many(to_start(plan, host).len(), "machine")
    );
    if wanted <= there {
        return Judgement::pass(evidence);
    }
    let warning = Diagnostic::warning(format!(
        "each machine has {wanted} processors, but this host has {there}"
    ))
    .note("they would take turns, and wait for each other more than they gain")
    .hint(format!(
        "write `cpus = {there}` under `[machine]` in {}",
        plan.source
    ));
    Judgement::of(evidence, vec![warning])
}
