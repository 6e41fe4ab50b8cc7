use super::{HostCheck, Judgement, many, to_start};
use crate::hint::Hint;
use crate::host::resources::Memory;
use crate::host::{Host, Probe};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::quantity;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "memory",
    title: "this host has enough memory for the machines",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let Memory { total, available } = match &host.memory {
        Probe::Seen(memory) => *memory,
        Probe::Missing => return Judgement::not_seen("the amount of memory is unknown"),
        Probe::Unknown(why) => return Judgement::not_seen(why),
    };
    let count = to_start(plan, host).len();
    if count == 0 {
        return Judgement::pass("every machine runs already");
    }
    let each = u64::from(plan.machine.memory) << 20;
    let all = each.saturating_mul(count as u64);
    let machines = many(count, "machine");
    let need = if count == 1 { "needs" } else { "need" };
    let evidence = format!(
        "{machines}: {} needed, {} free",
        quantity::size(all),
        quantity::size(available)
    );
    let about = if all > total {
        Diagnostic::error(format!(
            "{machines} {need} {} of memory, but this host has {}",
            quantity::size(all),
            quantity::size(total)
        ))
        .note("the kernel's OOM killer would stop some of them")
    } else if all > available {
        Diagnostic::warning(format!(
            "{machines} {need} {} of memory, but {} is free",
            quantity::size(all),
            quantity::size(available)
        ))
        .note("the host would swap, and a member that waits for its memory loses the leadership")
    } else {
        return Judgement::pass(evidence);
    };
    let fits = (available / count as u64) >> 20;
    let about = about.hint(Hint::informs(
        "see what uses it",
        ["ps -e --sort=-rss -o rss,comm | head"],
    ));
    // With less memory, the system leaves none for etcd.
    let about = if fits >= 256 {
        about.hint(format!(
            "or write `memory = {}` or less under `[machine]` in {}",
            fits / 64 * 64,
            plan.source
        ))
    } else {
        about
    };
    Judgement::of(evidence, vec![about])
}
