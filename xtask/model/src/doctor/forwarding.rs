use super::{HostCheck, Judgement, concerns_only, packages};
use crate::hint::Hint;
use crate::host::libvirt::{Daemon, NETWORK_CONF, firewall_backend};
use crate::host::{Host, Probe, Provider, Version};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "forwarding",
    title: "nothing is known to cut machines off from networks outside this host",
    judge,
};

/// The first version of libvirt that writes its rules with nftables, unless it is configured or built
/// otherwise.
const BY_NFTABLES_FROM: Version = Version::new(10, 4, 0);

/// Docker's bridge, while it runs.
const DOCKER: &str = "docker0";

fn judge(_: &Plan, host: &Host) -> Judgement {
    if let Some(found) = concerns_only(host, &Provider::Libvirt) {
        return found;
    }
    let routes = match &host.network.routes {
        Probe::Seen(routes) => routes,
        Probe::Missing => {
            return Judgement::not_seen("`ip` is missing (Debian and Ubuntu: `iproute2`)");
        }
        Probe::Unknown(why) => return Judgement::not_seen(why),
    };
    if !routes.iter().any(|route| route.interface == DOCKER) {
        return Judgement::pass("Docker does not run here");
    }
    let version = match &host.providers.libvirt {
        Daemon::Answers(Some(version)) => *version,
        _ => return Judgement::not_seen("Docker runs here, and libvirt's version is unknown"),
    };
    if version < BY_NFTABLES_FROM {
        return Judgement::pass(format!(
            "Docker runs here, but libvirt {version} puts its rules before Docker's"
        ));
    }
    let told = match &host.libvirt_network_conf {
        Probe::Seen(text) => firewall_backend(text),
        Probe::Missing => None,
        Probe::Unknown(why) => return Judgement::not_seen(format!("Docker runs here; {why}")),
    };
    if told == Some("iptables") {
        return Judgement::pass(format!(
            "Docker runs here, but {NETWORK_CONF} puts libvirt's rules before Docker's"
        ));
    }
    let restart = packages::restart_libvirt(host);
    let warning = Diagnostic::warning("Docker may cut the machines off from networks outside this host")
        .note("if Docker itself enabled IP forwarding, it makes iptables drop everything else that is forwarded")
        .note("libvirt allows the machines' traffic in nftables, which does not override that: they could download nothing, not even etcd")
        .note("only root can tell whether it does: `sudo iptables -S FORWARD` then starts with `-P FORWARD DROP`")
        .hint(Hint::heals("let libvirt put its rules before Docker's", [format!("echo 'firewall_backend = \"iptables\"' | sudo tee -a {NETWORK_CONF} && {restart}")]))
        .hint(Hint::heals("or allow the machines' traffic until Docker restarts", ["sudo iptables -I DOCKER-USER -i virbr+ -j ACCEPT && sudo iptables -I DOCKER-USER -o virbr+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]));
    Judgement::of(
        format!("Docker runs beside libvirt {version}"),
        vec![warning],
    )
}
