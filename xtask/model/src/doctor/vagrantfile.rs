use super::{HostCheck, Judgement};
use crate::hint::Hint;
use crate::host::Host;
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "vagrantfile",
    title: "the file that tells Vagrant what to create exists",
    judge,
};

fn judge(_: &Plan, host: &Host) -> Judgement {
    if host.vagrantfile {
        return Judgement::pass("vagrant/Vagrantfile");
    }
    let error = Diagnostic::error("`vagrant/Vagrantfile` is missing")
        .note("it is part of this project and serves every definition")
        .hint(Hint::heals(
            "restore it from version control",
            ["git restore :/vagrant/Vagrantfile"],
        ));
    Judgement::of("vagrant/Vagrantfile is missing", vec![error])
}
