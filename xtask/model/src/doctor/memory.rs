use super::{Check, Judgement, many, to_start};
use crate::hint::Hint;
use crate::host::resources::Memory;
use crate::host::{Host, Look};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::quantity;

pub(super) static CHECK: Check = Check {
    name: "memory",
    title: "this host has the memory that the machines take",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let Memory { total, available } = match &host.memory {
        Look::Seen(memory) => *memory,
        Look::Missing => return Judgement::not_seen("how much there is is not known"),
        Look::Unknown(why) => return Judgement::not_seen(why),
    };
    let count = to_start(plan, host).len();
    if count == 0 {
        return Judgement::pass("every machine runs already");
    }
    let each = u64::from(plan.machine.memory) << 20;
    let all = each.saturating_mul(count as u64);
    let evidence = format!(
        "{} take {}, {} is free",
        many(count, "machine"),
        quantity::size(all),
        quantity::size(available)
    );
    let about = if all > total {
        Diagnostic::error(format!(
            "{} take {} of memory, and this host has {}",
            many(count, "machine"),
            quantity::size(all),
            quantity::size(total)
        ))
        .note("the kernel would kill the one or the other while they run")
    } else if all > available {
        Diagnostic::warning(format!(
            "{} take {} of memory, and {} is free",
            many(count, "machine"),
            quantity::size(all),
            quantity::size(available)
        ))
        .note("the host would swap, and a member that waits for its memory loses the leadership")
    } else {
        return Judgement::pass(evidence);
    };
    let fits = (available / count as u64) >> 20;
    let about = about.hint(Hint::informs(
        "see who has it",
        ["ps -e --sort=-rss -o rss,comm | head"],
    ));
    // Less than this, and etcd has none left beside the system.
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
