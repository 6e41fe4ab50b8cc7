use super::packages::{self, VAGRANTS_MAKERS};
use super::{HostCheck, Judgement, machine_box};
use crate::hint::Hint;
use crate::host::libvirt::{Daemon, URI};
use crate::host::virtualbox::{Support, support};
use crate::host::{Host, Obstacle, Probe, Provider, provider};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "provider",
    title: "Vagrant has a usable provider",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    match provider(host) {
        Ok(provider) => {
            let mut evidence = describe(&provider, host);
            if host.providers.asked.is_some() {
                evidence.push_str(", from VAGRANT_DEFAULT_PROVIDER");
            }
            match provider {
                Provider::Other(name) => Judgement::of(
                    format!("{name}, whose machines are unknown here"),
                    vec![unknown(&name)],
                ),
                Provider::Libvirt => Judgement::pass(evidence),
                Provider::VirtualBox => virtualbox(evidence, host),
            }
        }
        Err(obstacles) => Judgement::of(
            match &host.providers.asked {
                Some(asked) => format!("{asked} is not usable"),
                None => "none is usable".to_owned(),
            },
            vec![unusable(plan, &obstacles, host)],
        ),
    }
}

fn describe(provider: &Provider, host: &Host) -> String {
    let providers = &host.providers;
    match provider {
        Provider::Libvirt => {
            let daemon = match &providers.libvirt {
                Daemon::Answers(Some(version)) => format!("libvirt {version}"),
                _ => "libvirt".to_owned(),
            };
            match providers.plugin.seen() {
                Some(Some(version)) => format!("{daemon}, with vagrant-libvirt {version}"),
                _ => format!("{daemon}, with vagrant-libvirt"),
            }
        }
        Provider::VirtualBox => {
            let version = providers.virtualbox.seen().and_then(|one| one.version);
            match version {
                Some(version) => format!("VirtualBox {version}"),
                None => "VirtualBox".to_owned(),
            }
        }
        Provider::Other(name) => format!("{name}, which this project does not know"),
    }
}

/// The judgement of a VirtualBox that works. Whether Vagrant supports it depends on both versions.
fn virtualbox(evidence: String, host: &Host) -> Judgement {
    let virtualbox = host.providers.virtualbox.seen().and_then(|one| one.version);
    let (Some(virtualbox), Some(vagrant)) = (virtualbox, host.vagrant.seen()) else {
        return Judgement::pass(evidence);
    };
    match support(virtualbox, *vagrant) {
        Support::Yes => Judgement::pass(evidence),
        Support::Unknown => Judgement::pass(evidence).except(&format!(
            "whether Vagrant {vagrant} supports a version this new"
        )),
        Support::From(from, (major, minor)) => {
            // A distribution may have patched its Vagrant to support more versions.
            let warning = Diagnostic::warning(format!(
                "Vagrant {vagrant} may not support VirtualBox {virtualbox}"
            ))
            .note(format!(
                "as published by its makers, it refuses versions newer than {major}.{minor}"
            ))
            .hint(format!("install Vagrant {from} or newer: {VAGRANTS_MAKERS}"))
            .hint(format!(
                "or install VirtualBox {major}.{minor} instead: https://www.virtualbox.org/wiki/Download_Old_Builds"
            ));
            Judgement::of(evidence, vec![warning])
        }
    }
}

/// Warns of a provider that may exist, or may be a spelling mistake.
fn unknown(name: &str) -> Diagnostic {
    Diagnostic::warning(format!("this project does not know the provider `{name}`"))
        .note("it knows `libvirt` and `virtualbox`; whether machines can run with another one is not checked")
        .hint(Hint::heals("have one chosen automatically", ["unset VAGRANT_DEFAULT_PROVIDER"]))
}

fn unusable(plan: &Plan, obstacles: &[Obstacle], host: &Host) -> Diagnostic {
    let fact = match &host.providers.asked {
        Some(asked) => {
            format!("`VAGRANT_DEFAULT_PROVIDER` is `{asked}`, which is not usable")
        }
        None => "Vagrant has no usable provider on this host".to_owned(),
    };
    let mut diagnostic = Diagnostic::error(fact);
    for obstacle in obstacles {
        diagnostic = diagnostic.note(obstacle.to_string());
    }
    let no_box = |obstacle: &&Obstacle| {
        let has_box = machine_box::has_box(plan, &Provider::VirtualBox);
        host.providers.asked.is_none() && matches!(obstacle, Obstacle::NoVirtualBox) && !has_box
    };
    for obstacle in obstacles.iter().filter(|obstacle| !no_box(obstacle)) {
        for hint in remedies(obstacle, host) {
            diagnostic = diagnostic.hint(hint);
        }
    }
    match &host.providers.asked {
        Some(_) => diagnostic.hint(Hint::heals(
            "or have one chosen automatically",
            ["unset VAGRANT_DEFAULT_PROVIDER"],
        )),
        None => diagnostic,
    }
}

/// The group whose members may use libvirt.
const GROUP: &str = "libvirt";

/// How a user gets the right to use libvirt.
fn rights(host: &Host) -> Hint {
    match &host.groups {
        Probe::Seen(groups) if groups.is_new_in(GROUP) => Hint::heals(
            "you joined the group `libvirt` after this session started: log out and in again, or start a shell with the group",
            ["newgrp libvirt"],
        ),
        _ => Hint::heals(
            "join the group that may use it, then log out and in again",
            ["sudo usermod --append --groups libvirt \"$USER\""],
        ),
    }
}

/// What to do about an obstacle, one command each.
fn remedies(obstacle: &Obstacle, host: &Host) -> Vec<Hint> {
    let one = |text: &str| vec![Hint::says(text)];
    match obstacle {
        Obstacle::NoPlugin => packages::plugin(host),
        Obstacle::PluginUnknown(_) => {
            vec![
                Hint::informs("see the error", ["vagrant plugin list"]),
                Hint::heals("repair the plugins", ["vagrant plugin repair"]),
            ]
        }
        Obstacle::Libvirt(Daemon::NoSocket) => {
            let start = packages::start_libvirt(host).into_iter();
            let start = start.map(|line| Hint::heals("if it is installed, start it", [line]));
            [packages::libvirt(host)].into_iter().chain(start).collect()
        }
        Obstacle::Libvirt(Daemon::NotListening) => {
            vec![Hint::heals("start it", [packages::restart_libvirt(host)])]
        }
        Obstacle::Libvirt(Daemon::Forbidden) => vec![rights(host)],
        Obstacle::Libvirt(Daemon::Silent(_) | Daemon::Answers(_)) => {
            let see = Hint::informs("see the error", [format!("virsh --connect {URI} version")]);
            // With polkit, the socket is open to everybody, and libvirt itself refuses users without the
            // right.
            let lacks_rights = matches!(
                &host.groups,
                Probe::Seen(groups) if !groups.hold(GROUP) && !groups.hold("root")
            );
            if lacks_rights {
                vec![rights(host), see]
            } else {
                vec![see]
            }
        }
        Obstacle::NoVirtualBox if host.providers.asked.is_some() => {
            one("install it: https://www.virtualbox.org/wiki/Linux_Downloads")
        }
        Obstacle::NoVirtualBox => {
            one("or install VirtualBox instead: https://www.virtualbox.org/wiki/Linux_Downloads")
        }
        Obstacle::VirtualBox(_) => {
            vec![Hint::heals(
                "build VirtualBox's kernel modules",
                ["sudo /sbin/vboxconfig"],
            )]
        }
    }
}
