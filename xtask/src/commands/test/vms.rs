//! The requirements of tests that boot virtual machines. A host without them can run the other tests.

use xshell::Shell;

use super::needed::{self, Needed};
use crate::process;
use crate::wording::list;

/// The programs that only these tests need.
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
        why: "lists machines, and cuts their power",
    },
    Needed {
        name: "`qemu-system-x86_64`",
        program: "qemu-system-x86_64",
        probe: &["--version"],
        package: "qemu-system-x86",
        why: "emulates machines",
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
        why: "routes traffic from machines to other networks",
    },
    Needed {
        name: "`ssh`",
        program: "ssh",
        probe: &["-V"],
        package: "openssh-client",
        why: "logs in to machines",
    },
    Needed {
        name: "`genext2fs`",
        program: "genext2fs",
        probe: &["--version"],
        package: "genext2fs",
        why: "makes the file systems of their disks",
    },
];

/// The packages that these tests share with all others.
const NEEDED_BY_ALL: &[&str] = &["mmdebstrap", "qemu-utils", "vagrant", "vagrant-libvirt"];

/// Why machines cannot boot on this host, whatever is installed.
fn refused(shell: &Shell) -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("only root can set up an isolated host for machines");
    }
    // The same first steps as in a lab.
    let probe = "umount --recursive --lazy /sys && mount -t sysfs sysfs /sys && \
        ip link add probe type bridge && ip tuntap add tap mode tap";
    let probe = shell
        .cmd("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--pid"])
        .args(["--fork", "--mount-proc", "sh", "-c", probe]);
    let probe = process::run(probe, needed::PROBE);
    (!probe.success()).then_some(
        "this host does not allow network, mount and process namespaces, as is common in containers",
    )
}

/// Why these tests cannot run on this host, or `None` if they can.
pub(super) fn why_not(shell: &Shell) -> Option<String> {
    if let Some(why) = refused(shell) {
        return Some(why.to_owned());
    }
    let mut missing = needed::missing_of(shell, NEEDED_BY_ALL);
    missing.extend(needed::missing(shell, PROGRAMS));
    if missing.is_empty() {
        return None;
    }
    Some(format!(
        "this host lacks {}; install them with `cargo xtask test --install`",
        list(missing.iter().map(|needed| needed.name))
    ))
}

/// The missing programs. Empty if machines could not boot anyway.
pub(super) fn missing(shell: &Shell) -> Vec<&'static Needed> {
    if refused(shell).is_some() {
        return Vec::new();
    }
    let mut missing = needed::missing_of(shell, NEEDED_BY_ALL);
    missing.extend(needed::missing(shell, PROGRAMS));
    missing
}
