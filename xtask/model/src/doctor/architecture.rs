use super::{Check, Judgement, task};
use crate::hint::Hint;
use crate::host::{ARCHITECTURE_OF_MACHINES, Host};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: Check = Check {
    name: "architecture",
    title: "machines of this host's architecture can be made",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let here = &host.architecture;
    if here == ARCHITECTURE_OF_MACHINES {
        return Judgement::pass(here.clone());
    }
    let up = task(plan, "up");
    let error = Diagnostic::error(format!(
        "machines run on {ARCHITECTURE_OF_MACHINES} alone, and this host is {here}"
    ))
    .note("libvirt boots others by UEFI, which vagrant-libvirt does not ask for unless it is told where this host keeps it")
    .note(format!("Flatcar's box, and one that is made from packages, are for {ARCHITECTURE_OF_MACHINES} as well"))
    .hint(Hint::heals("the same cluster as processes of this host", [format!("{up} --driver local")]));
    Judgement::of(here.clone(), vec![error])
}
