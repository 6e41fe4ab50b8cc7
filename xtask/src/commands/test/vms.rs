//! What the tests that boot virtual machines need. A host that cannot have it runs the others.

use xshell::Shell;

use super::needed::{self, Needed};
use crate::process;

/// The programs, of which a host that boots no machines needs none.
static PROGRAMS: &[Needed] = &[
    Needed {
        name: "`libvirtd`",
        program: "libvirtd",
        probe: &["--version"],
        package: "libvirt-daemon-system",
        why: "runs machines",
    },
    Needed {
        name: "`virsh`",
        program: "virsh",
        probe: &["--version"],
        package: "libvirt-clients",
        why: "tells which machines there are, and pulls their plugs",
    },
    Needed {
        name: "`qemu-system-x86_64`",
        program: "qemu-system-x86_64",
        probe: &["--version"],
        package: "qemu-system-x86",
        why: "is the machines",
    },
    Needed {
        name: "`dnsmasq`",
        program: "dnsmasq",
        probe: &["--version"],
        package: "dnsmasq-base",
        why: "gives machines their addresses",
    },
    Needed {
        name: "`iptables`",
        program: "iptables",
        probe: &["--version"],
        package: "iptables",
        why: "leads machines out of their network",
    },
    Needed {
        name: "`ssh`",
        program: "ssh",
        probe: &["-V"],
        package: "openssh-client",
        why: "enters machines",
    },
    Needed {
        name: "`genext2fs`",
        program: "genext2fs",
        probe: &["--version"],
        package: "genext2fs",
        why: "makes the file system of their disks",
    },
];

/// The packages of what all tests need, of which machines need this as well.
const NEEDED_BY_ALL: &[&str] = &["mmdebstrap", "qemu-utils", "vagrant", "vagrant-libvirt"];

/// Why no machine can boot on this host, whatever is installed.
fn refused(shell: &Shell) -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("only root can give machines a host of their own");
    }
    // As a lab begins, and ends at once.
    let probe = "umount --recursive --lazy /sys && mount -t sysfs sysfs /sys && \
        ip link add probe type bridge && ip tuntap add tap mode tap";
    let probe = shell
        .cmd("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--pid"])
        .args(["--fork", "--mount-proc", "sh", "-c", probe]);
    let probe = process::run(probe, needed::PROBE);
    (!probe.success()).then_some(
        "this host refuses a network, mounts and processes apart from its own, as containers often do",
    )
}

/// Why this host boots no machines; nothing where it does.
pub(super) fn why_not(shell: &Shell) -> Option<String> {
    if let Some(why) = refused(shell) {
        return Some(why.to_owned());
    }
    let mut missing = needed::missing_of(shell, NEEDED_BY_ALL);
    missing.extend(needed::missing(shell, PROGRAMS));
    if missing.is_empty() {
        return None;
    }
    let names: Vec<&str> = missing.iter().map(|needed| needed.name).collect();
    Some(format!(
        "this host lacks {}; to have them installed: `cargo xtask test --install`",
        names.join(", ")
    ))
}

/// The programs that are missing on a host that could boot machines with them.
pub(super) fn missing(shell: &Shell) -> Vec<&'static Needed> {
    if refused(shell).is_some() {
        return Vec::new();
    }
    let mut missing = needed::missing_of(shell, NEEDED_BY_ALL);
    missing.extend(needed::missing(shell, PROGRAMS));
    missing
}
