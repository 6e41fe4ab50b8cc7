use super::{HostCheck, Judgement, list, many};
use crate::hint::Hint;
use crate::host::libvirt::{Domain, URI};
use crate::host::{Host, Probe, Provider, provider};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "leftovers",
    title: "no machine exists that Vagrant has forgotten",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    match provider(host) {
        Ok(Provider::Libvirt) => {}
        Ok(other) => {
            let title = other.title();
            return Judgement::not_seen(format!("the machines of {title} are not listed"));
        }
        Err(_) => return Judgement::not_seen("no provider is usable yet"),
    }
    match &host.domains {
        Probe::Seen(_) => {}
        Probe::Missing => {
            return Judgement::not_seen(
                "`virsh` is missing (Debian and Ubuntu: `libvirt-clients`)",
            );
        }
        Probe::Unknown(why) => return Judgement::not_seen(why),
    }
    let members = plan.members.iter();
    let forgotten: Vec<&Domain> = members
        .filter_map(|member| host.domain(&member.name))
        .filter(|domain| !host.is_known(domain))
        .collect();
    if forgotten.is_empty() {
        return Judgement::pass("none");
    }
    let names = list(forgotten.iter().map(|domain| format!("`{}`", domain.name)));
    let (machines, disk, them) = match forgotten.len() {
        1 => (
            "machine",
            "its disk goes with it, and so does the member's data",
            "it",
        ),
        _ => (
            "machines",
            "their disks go with them, and so does the members' data",
            "them",
        ),
    };
    let error = Diagnostic::error(format!("Vagrant does not know the {machines} {names}"))
        .note("a run was interrupted at the wrong moment, or `vagrant/.vagrant` was removed")
        .note("Vagrant creates no machine with a name that is taken")
        .note(disk);
    let error = error.hint(Hint::heals(format!("remove {them}"), [removal(&forgotten)]));
    Judgement::of(many(forgotten.len(), "machine"), vec![error])
}

/// The command line that removes machines, running or not, with their disks.
fn removal(domains: &[&Domain]) -> String {
    let of_each = domains.iter().flat_map(|domain| {
        let name = &domain.name;
        let end = domain.runs.then(|| format!("destroy {name}"));
        let remove = format!("undefine --nvram --remove-all-storage {name}");
        end.into_iter().chain([remove])
    });
    let commands: Vec<String> = of_each.collect();
    format!("virsh --connect {URI} '{}'", commands.join("; "))
}
