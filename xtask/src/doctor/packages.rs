//! The lines that install what a host lacks, and start what does not run, as its distribution names it.

use crate::host::{Distribution, Host};

/// Where Vagrant is to be had from its makers.
pub(super) const VAGRANTS_MAKERS: &str = "https://developer.hashicorp.com/vagrant/install";

/// What installs Vagrant.
pub(super) fn vagrant(host: &Host) -> Vec<String> {
    let makers = |when: &str| format!("{when} its makers: {VAGRANTS_MAKERS}");
    let package = match host.distribution {
        Distribution::Debian => "sudo apt-get install vagrant",
        Distribution::Fedora => "sudo dnf install vagrant",
        Distribution::Arch => "sudo pacman -S --needed vagrant",
        Distribution::Suse => "sudo zypper install vagrant",
        Distribution::Ubuntu => return vec![makers("install it from")],
        Distribution::Other => {
            return vec![
                "on Debian: `sudo apt-get install vagrant`".to_owned(),
                makers("elsewhere from"),
            ];
        }
    };
    vec![format!("install it: `{package}`"), makers("or from")]
}

/// What installs the plugin for libvirt. Where Vagrant builds it itself, that takes a compiler.
pub(super) fn plugin(host: &Host) -> Vec<String> {
    let own = |package: &str| format!("with the distribution's Vagrant: `{package}`");
    let built = |packages: &str| {
        format!(
            "with a Vagrant from its makers, which builds it: `{packages} && vagrant plugin install vagrant-libvirt`"
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
        Distribution::Arch => vec![
            "have Vagrant build it: `sudo pacman -S --needed base-devel libvirt && vagrant plugin install vagrant-libvirt`".to_owned(),
        ],
        Distribution::Other => vec![
            "on Debian: `sudo apt-get install vagrant-libvirt`".to_owned(),
            "elsewhere, beside libvirt's development files and a C compiler: `vagrant plugin install vagrant-libvirt`".to_owned(),
        ],
    }
}

/// What installs libvirt.
pub(super) fn libvirt(host: &Host) -> String {
    let of_debian =
        "sudo apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils";
    match host.distribution {
        Distribution::Debian | Distribution::Ubuntu => format!("install it: `{of_debian}`"),
        Distribution::Fedora => {
            "install it: `sudo dnf install libvirt-daemon-kvm libvirt-client qemu-img`".to_owned()
        }
        Distribution::Arch => {
            "install it: `sudo pacman -S --needed libvirt qemu-base dnsmasq`".to_owned()
        }
        Distribution::Suse => {
            "install it: `sudo zypper install libvirt-daemon-qemu libvirt-client qemu-tools`"
                .to_owned()
        }
        Distribution::Other => format!("on Debian and Ubuntu: `{of_debian}`"),
    }
}

/// What starts libvirt, now and whenever the host starts. Some have a daemon for each of its parts.
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

/// What starts libvirt anew.
pub(super) fn restart_libvirt(host: &Host) -> &'static str {
    match host.distribution {
        Distribution::Fedora | Distribution::Suse => {
            "sudo systemctl restart virtqemud virtnetworkd virtstoraged"
        }
        _ => "sudo systemctl restart libvirtd",
    }
}
