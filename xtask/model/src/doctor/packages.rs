//! The commands that install what a host lacks and start what does not run, for its distribution.

use crate::hint::Hint;
use crate::host::{Distribution, Host};

/// Where Vagrant's makers publish it.
pub(super) const VAGRANTS_MAKERS: &str = "https://developer.hashicorp.com/vagrant/install";

/// The commands that install Vagrant, by the host's distribution.
pub(super) fn vagrant(host: &Host) -> Vec<Hint> {
    let makers = |when: &str| Hint::says(format!("{when} its makers: {VAGRANTS_MAKERS}"));
    let package = match host.distribution {
        Distribution::Debian => "sudo apt-get install vagrant",
        Distribution::Fedora => "sudo dnf install vagrant",
        Distribution::Arch => "sudo pacman -S --needed vagrant",
        Distribution::Suse => "sudo zypper install vagrant",
        Distribution::Ubuntu => return vec![makers("install it from")],
        Distribution::Other => {
            return vec![
                Hint::heals("on Debian", ["sudo apt-get install vagrant"]),
                makers("elsewhere, install it from"),
            ];
        }
    };
    vec![Hint::heals("install it", [package]), makers("or from")]
}

/// The commands that install the plugin for libvirt. If Vagrant builds it itself, that needs a compiler.
pub(super) fn plugin(host: &Host) -> Vec<Hint> {
    let own = |package: &str| Hint::heals("with the distribution's Vagrant", [package]);
    let built = |packages: &str| {
        Hint::heals(
            "with Vagrant from its makers, which builds the plugin",
            [format!(
                "{packages} && vagrant plugin install vagrant-libvirt"
            )],
        )
    };
    let of_debian = "sudo apt-get install libvirt-dev pkgconf gcc make";
    match host.distribution {
        Distribution::Debian => vec![
            own("sudo apt-get install vagrant-libvirt"),
            built(of_debian),
        ],
        Distribution::Ubuntu => vec![built(of_debian)],
        Distribution::Fedora => vec![
            own("sudo dnf install vagrant-libvirt"),
            built("sudo dnf install libvirt-devel pkgconf gcc make"),
        ],
        Distribution::Suse => vec![
            own("sudo zypper install vagrant-libvirt"),
            built("sudo zypper install libvirt-devel pkgconf gcc make"),
        ],
        Distribution::Arch => vec![Hint::heals(
            "let Vagrant build it",
            [
                "sudo pacman -S --needed base-devel libvirt && vagrant plugin install vagrant-libvirt",
            ],
        )],
        Distribution::Other => vec![
            Hint::heals("on Debian", ["sudo apt-get install vagrant-libvirt"]),
            Hint::heals(
                "elsewhere, with libvirt's development files and a C compiler installed",
                ["vagrant plugin install vagrant-libvirt"],
            ),
        ],
    }
}

/// The command that installs libvirt, by the host's distribution.
pub(super) fn libvirt(host: &Host) -> Hint {
    let of_debian =
        "sudo apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils";
    match host.distribution {
        Distribution::Debian | Distribution::Ubuntu => Hint::heals("install it", [of_debian]),
        Distribution::Fedora => Hint::heals(
            "install it",
            ["sudo dnf install libvirt-daemon-kvm libvirt-client qemu-img"],
        ),
        Distribution::Arch => Hint::heals(
            "install it",
            ["sudo pacman -S --needed libvirt qemu-base dnsmasq"],
        ),
        Distribution::Suse => Hint::heals(
            "install it",
            ["sudo zypper install libvirt-daemon-qemu libvirt-client qemu-tools"],
        ),
        Distribution::Other => Hint::heals("on Debian and Ubuntu", [of_debian]),
    }
}

/// The commands that start libvirt, now and whenever the host boots. Some distributions have one daemon per
/// part of libvirt.
pub(super) fn start_libvirt(host: &Host) -> Vec<&'static str> {
    let one = "sudo systemctl enable --now libvirtd.socket";
    let parts =
        "sudo systemctl enable --now virtqemud.socket virtnetworkd.socket virtstoraged.socket";
    match host.distribution {
        Distribution::Debian | Distribution::Ubuntu | Distribution::Arch => vec![one],
        Distribution::Fedora | Distribution::Suse => vec![parts],
        Distribution::Other => vec![one, parts],
    }
}

/// The command that restarts libvirt.
pub(super) fn restart_libvirt(host: &Host) -> &'static str {
    match host.distribution {
        Distribution::Fedora | Distribution::Suse => {
            "sudo systemctl restart virtqemud virtnetworkd virtstoraged"
        }
        _ => "sudo systemctl restart libvirtd",
    }
}
