//! Rights that a host may not grant. The ending of a test's name says which right it needs.

use std::sync::OnceLock;

use xshell::Shell;

use super::{browser, needed, vms};
use crate::process;

/// A right that a host may not grant.
struct Right {
    ending: &'static str,
    /// Returns why this host does not grant it, or `None`.
    probe: fn(&Shell) -> Option<String>,
    /// The result of the probe, which runs only once.
    known: OnceLock<Option<String>>,
}

impl Right {
    const fn new(ending: &'static str, probe: fn(&Shell) -> Option<String>) -> Self {
        Self {
            ending,
            probe,
            known: OnceLock::new(),
        }
    }
}

static RIGHTS: [Right; 6] = [
    Right::new("_in_namespaces", |shell| {
        let probe = ["--map-root-user", "--mount", "--uts", "true"];
        unless(
            process::run(shell.cmd("unshare").args(probe), needed::PROBE).success(),
            "this host does not allow `unshare --map-root-user --mount true`, as is common in containers",
        )
    }),
    Right::new("_as_root", |_| {
        unless(
            nix::unistd::geteuid().is_root(),
            "only root can run programs as another user",
        )
    }),
    Right::new("_in_containers", |shell| {
        unless(
            process::run(in_a_world(shell, BOOT), needed::PROBE).success(),
            "this host does not allow `systemd-nspawn` on a separate network, which needs root and more",
        )
    }),
    Right::new("_with_docker_in_containers", |shell| {
        unless(
            process::run(in_a_world(shell, PUBLISH), needed::PROBE).success(),
            "this host's kernel lacks the rules that Docker publishes ports with, or only root may use them",
        )
    }),
    Right::new("_in_a_browser", browser::why_not),
    Right::new("_in_vms", vms::why_not),
];

/// Why a test cannot run on this host, judging by its name, or `None` if it can.
pub fn why_not(test: &str) -> Option<String> {
    let needed = RIGHTS.iter().filter(|right| test.ends_with(right.ending));
    needed
        .filter_map(|right| {
            let probe = || match process::shell() {
                Ok(shell) => (right.probe)(&shell),
                Err(_) => Some("there is no current folder".to_owned()),
            };
            right.known.get_or_init(probe).clone()
        })
        .next()
}

fn unless(is_held: bool, why: &str) -> Option<String> {
    (!is_held).then(|| why.to_owned())
}

/// Runs a script in namespaces of its own, so that it leaves nothing behind on this host.
fn in_a_world<'a>(shell: &'a Shell, script: &str) -> xshell::Cmd<'a> {
    let world = ["--mount", "--net", "sh", "-c", WORLD, "world"];
    let command = shell.cmd("unshare").args(world);
    command.args(["sh", "-c", script])
}

const WORLD: &str = include_str!("world.sh");

/// Tries everything that a machine needs to boot in a container.
const BOOT: &str = "ip link add bridge type bridge && exec systemd-nspawn --quiet --register=no \
    --keep-unit --network-bridge=bridge --volatile=yes --directory=/ --console=pipe true";

/// Tries the kinds of rules that Docker publishes ports with.
const PUBLISH: &str = "iptables --table nat --append PREROUTING --match addrtype --dst-type LOCAL \
    --protocol tcp --destination-port 2379 --jump DNAT --to-destination 172.17.0.2:2379 && \
    iptables --table nat --append POSTROUTING --source 172.17.0.0/16 --jump MASQUERADE && \
    iptables --append FORWARD --match conntrack --ctstate ESTABLISHED --jump ACCEPT";
