use super::{HostCheck, Judgement, list, task};
use crate::hint::Hint;
use crate::host::{Host, Probe, Provider, provider};
use crate::plan::Plan;
use crate::profile::{MachineBox, PublishedBox};
use crate::report::Diagnostic;
use crate::values::quantity;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "box",
    title: "the box that machines start from is available",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    match &plan.machine.profile.machine_box {
        MachineBox::Published(PublishedBox {
            gone: Some(why), ..
        }) => gone(plan, why),
        MachineBox::Published(PublishedBox { providers, .. }) => {
            let providers: Vec<Provider> =
                providers.iter().map(|name| Provider::named(name)).collect();
            match fitting(plan, host, &providers) {
                Ok(()) => {
                    Judgement::pass("published by its makers; Vagrant downloads it if necessary")
                }
                Err(found) => found,
            }
        }
        MachineBox::Made(_) => match fitting(plan, host, &[Provider::Libvirt]) {
            Ok(()) => made(plan, host),
            Err(found) => found,
        },
    }
}

/// Whether there can be a box of this system for a provider.
pub(super) fn has_box(plan: &Plan, provider: &Provider) -> bool {
    match &plan.machine.profile.machine_box {
        MachineBox::Published(PublishedBox { gone: Some(_), .. }) => false,
        MachineBox::Published(PublishedBox { providers, .. }) => providers
            .iter()
            .any(|name| Provider::named(name) == *provider),
        MachineBox::Made(_) => *provider == Provider::Libvirt,
    }
}

fn gone(plan: &Plan, why: &[&str]) -> Judgement {
    let title = plan.machine.profile.title;
    let up = task(plan, "up");
    let error = Diagnostic::error(format!("the box of {title} is no longer available"));
    let error = why.iter().copied().fold(error, Diagnostic::note);
    Judgement::of(
        format!("{title} is no longer available"),
        vec![
            error
                .hint(Hint::heals(
                    "run the same cluster as local processes",
                    [format!("{up} --driver local")],
                ))
                .hint(Hint::heals(
                    "run its successor on machines",
                    ["cargo xtask up flatcar"],
                )),
        ],
    )
}

/// Ok if there is a box for the provider that is used.
fn fitting(plan: &Plan, host: &Host, providers: &[Provider]) -> Result<(), Judgement> {
    let provider = match provider(host) {
        Ok(provider) => provider,
        Err(_) => return Err(Judgement::not_seen("the box depends on the provider")),
    };
    if providers.contains(&provider) {
        return Ok(());
    }
    if let Provider::Other(name) = &provider {
        return Err(Judgement::not_seen(format!(
            "whether there is a box for {name}"
        )));
    }
    let title = plan.machine.profile.title;
    let up = task(plan, "up");
    let for_these = list(providers.iter().map(Provider::title));
    let mut error = Diagnostic::error(format!("{title} has no box for {}", provider.title()))
        .note(format!("it has a box only for {for_these}"));
    error = match providers {
        [Provider::VirtualBox] if host.providers.obstacle_to_virtualbox().is_none() => error.hint(Hint::heals("use VirtualBox, which is installed", [format!("VAGRANT_DEFAULT_PROVIDER=virtualbox {up}")])),
        [Provider::VirtualBox] => error.hint(
            Hint::heals(
            "install VirtualBox from https://www.virtualbox.org/wiki/Linux_Downloads, and select it",
            ["export VAGRANT_DEFAULT_PROVIDER=virtualbox"],
        ),
        ),
        [Provider::Libvirt] if host.providers.obstacles_to_libvirt().is_empty() => error.hint(Hint::heals("use libvirt, which is installed", [format!("VAGRANT_DEFAULT_PROVIDER=libvirt {up}")])),
        [Provider::Libvirt] => error.hint(Hint::heals("use libvirt, and see what it needs",
            ["export VAGRANT_DEFAULT_PROVIDER=libvirt".to_owned(), task(plan, "doctor")],
        )),
        _ => error,
    };
    if *providers == [Provider::VirtualBox] {
        error = error.hint(
            "Debian machines run on libvirt: write `profile = \"debian-13\"` under `[machine]`",
        );
    }
    if *providers == [Provider::Libvirt] {
        error = error.hint(
            "Flatcar machines run on VirtualBox: write `profile = \"flatcar\"` under `[machine]`",
        );
    }
    Err(Judgement::of(
        format!("no box of {title} for {}", provider.title()),
        vec![error],
    ))
}

/// The judgement of a box that this project makes.
fn made(plan: &Plan, host: &Host) -> Judgement {
    let provider = provider(host).map_or_else(|_| String::new(), |one| one.to_string());
    let up = task(plan, "up");
    let will = || Judgement::pass(format!("not made yet: `{up}` makes it for all clusters"));
    match (&host.catalogue, &host.box_file) {
        (Probe::Missing, _) => will(),
        (Probe::Unknown(why), _) => Judgement::not_seen(why),
        (Probe::Seen(catalogue), _) if catalogue.build(&provider).is_none() => will(),
        (Probe::Seen(_), Probe::Missing) => {
            Judgement::pass(format!("its file is missing: `{up}` makes it again"))
        }
        (Probe::Seen(_), Probe::Unknown(why)) => Judgement::not_seen(why),
        (Probe::Seen(catalogue), Probe::Seen(size)) => Judgement::pass(format!(
            "{}, made here, {}",
            catalogue.name,
            quantity::size(*size)
        )),
    }
}
