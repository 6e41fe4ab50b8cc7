use super::{Finding, Found};
use crate::hint::Hint;
use crate::host::Host;
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static FINDING: Finding = Finding {
    name: "vagrantfile",
    title: "the file that tells Vagrant what to make is there",
    examine,
};

fn examine(_: &Plan, host: &Host) -> Found {
    if host.vagrantfile {
        return Found::ok("vagrant/Vagrantfile");
    }
    let error = Diagnostic::error("`vagrant/Vagrantfile` is missing")
        .note("it is a part of this project and serves every definition")
        .hint(Hint::heals(
            "take it out of version control again",
            ["git restore :/vagrant/Vagrantfile"],
        ));
    Found::of("vagrant/Vagrantfile is missing", vec![error])
}
