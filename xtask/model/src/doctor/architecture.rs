use super::{HostCheck, Judgement, task};
use crate::hint::Hint;
use crate::host::{ARCHITECTURE_OF_MACHINES, Host};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "architecture",
    title: "machines can be created for this host's architecture",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let here = &host.architecture;
    if here == ARCHITECTURE_OF_MACHINES {
        return Judgement::pass(here.clone());
    }
    let up = task(plan, "up");
    let error = Diagnostic::error(format!(
        "machines run only on {ARCHITECTURE_OF_MACHINES}, but this host is {here}"
    ))
    .note("libvirt boots other architectures with UEFI, which vagrant-libvirt uses only if it is told where this host keeps it")
    .note(format!("Flatcar's box and boxes made from packages are for {ARCHITECTURE_OF_MACHINES} too"))
    .hint(Hint::heals("run the same cluster as local processes", [format!("{up} --driver local")]));
    Judgement::of(here.clone(), vec![error])
}
