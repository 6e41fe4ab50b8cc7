use super::{Check, Judgement, concerns_only, packages};
use crate::hint::Hint;
use crate::host::libvirt::{Daemon, NETWORK_CONF, firewall_backend};
use crate::host::{Host, Look, Provider, Version};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: Check = Check {
    name: "forwarding",
    title: "nothing is known to keep machines from the networks beyond this host",
    judge,
};

/// From here on libvirt writes its rules by nftables, unless it is told or built otherwise.
const BY_NFTABLES_FROM: Version = Version::new(10, 4, 0);

/// Docker's bridge, while it runs.
const DOCKER: &str = "docker0";

fn judge(_: &Plan, host: &Host) -> Judgement {
    if let Some(found) = concerns_only(host, &Provider::Libvirt) {
        return found;
    }
    let routes = match &host.network.routes {
        Look::Seen(routes) => routes,
        Look::Missing => {
            return Judgement::not_seen("there is no `ip` (Debian and Ubuntu: `iproute2`)");
        }
        Look::Unknown(why) => return Judgement::not_seen(why),
    };
    if !routes.iter().any(|route| route.interface == DOCKER) {
        return Judgement::pass("no Docker is beside it");
    }
    let version = match &host.providers.libvirt {
        Daemon::Answers(Some(version)) => *version,
        _ => return Judgement::not_seen("Docker is here, and libvirt's version is not known"),
    };
    if version < BY_NFTABLES_FROM {
        return Judgement::pass(format!(
            "Docker is here, and libvirt {version} has its rules before Docker's"
        ));
    }
    let told = match &host.libvirt_network_conf {
        Look::Seen(text) => firewall_backend(text),
        Look::Missing => None,
        Look::Unknown(why) => return Judgement::not_seen(format!("Docker is here; {why}")),
    };
    if told == Some("iptables") {
        return Judgement::pass(format!(
            "Docker is here, and {NETWORK_CONF} has libvirt's rules before Docker's"
        ));
    }
    let restart = packages::restart_libvirt(host);
    let warning = Diagnostic::warning("Docker may cut the machines off from the networks beyond this host")
        .note("Docker has iptables drop whatever it does not forward itself, where it was the one to switch forwarding on")
        .note("libvirt lets machines through by nftables, which does not outweigh that: they would fetch nothing, not even etcd")
        .note("whether it is so only root can see: `sudo iptables -S FORWARD` would begin with `-P FORWARD DROP`")
        .hint(Hint::heals("have libvirt write its rules before Docker's", [format!("echo 'firewall_backend = \"iptables\"' | sudo tee -a {NETWORK_CONF} && {restart}")]))
        .hint(Hint::heals("or let machines through until Docker starts anew", ["sudo iptables -I DOCKER-USER -i virbr+ -j ACCEPT && sudo iptables -I DOCKER-USER -o virbr+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]));
    Judgement::of(format!("Docker is beside libvirt {version}"), vec![warning])
}
