//! What was seen of this host that matters for virtual machines. Data without judgement: `doctor` judges.
//!
//! The submodules parse files and the output of programs. They read and run nothing themselves.

pub mod catalogue;
mod distribution;
pub mod libvirt;
pub mod network;
pub mod provider;
pub mod resources;
mod version;
pub mod virtualbox;
pub mod virtualization;

pub use distribution::Distribution;
pub use provider::{Obstacle, Provider, Providers, provider};
pub use version::Version;

use crate::values::HostName;
use catalogue::Catalogue;
use libvirt::{Domain, LibvirtNetwork};
use network::HostNetwork;
use resources::{Disk, Memory};
use virtualization::Kvm;

/// The architecture of the machines that this project creates.
pub const ARCHITECTURE_OF_MACHINES: &str = "x86_64";

/// One look at a host that would run a cluster of machines.
#[derive(Debug, Clone)]
pub struct Host {
    /// The names and places that this cluster's machines have here.
    pub own: MachineNames,
    /// Its processor's architecture, as Rust names it.
    pub architecture: String,
    /// Its distribution, which decides how packages are installed.
    pub distribution: Distribution,
    /// The version of Vagrant.
    pub vagrant: Probe<Version>,
    /// Whether `vagrant/Vagrantfile` exists.
    pub vagrantfile: bool,
    /// The providers that could run machines.
    pub providers: Providers,
    /// The groups of the current user.
    pub groups: Probe<Groups>,
    /// Whether and how `/dev/kvm` can be used.
    pub kvm: Probe<Kvm>,
    /// Whether the processor supports virtualization.
    pub processor_virtualizes: Probe<()>,
    /// The value of `XTASK_VIRTUALIZATION`; none if it is not set, or empty.
    pub virtualization_asked: Option<String>,
    /// The number of processors.
    pub processors: Probe<u32>,
    /// The amount of memory.
    pub memory: Probe<Memory>,
    /// The space where Vagrant keeps boxes.
    pub boxes: Probe<Disk>,
    /// The space where the provider keeps the machines' disks.
    pub images: Probe<Disk>,
    /// Routes, addresses and neighbours.
    pub network: HostNetwork,
    /// The text of VirtualBox's file of allowed addresses.
    pub networks_conf: Probe<String>,
    /// Every machine that libvirt knows.
    pub domains: Probe<Vec<Domain>>,
    /// Every network that libvirt knows.
    pub libvirt_networks: Probe<Vec<LibvirtNetwork>>,
    /// The text of libvirt's settings for networks.
    pub libvirt_network_conf: Probe<String>,
    /// The machines that Vagrant has created here and not removed.
    pub machines: Vec<CreatedMachine>,
    /// The catalogue of the box that this project has built for the profile.
    pub catalogue: Probe<Catalogue>,
    /// The names of this project's boxes that Vagrant keeps.
    pub kept_boxes: Vec<String>,
    /// The size in bytes of the file that the catalogue names.
    pub box_file: Probe<u64>,
}

/// A machine that Vagrant has created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedMachine {
    /// Vagrant's name for it.
    pub name: String,
    /// Vagrant's name for the provider that runs it.
    pub provider: String,
    /// The ID that the provider knows it by.
    pub id: String,
}

/// The names and places that `vagrant/Vagrantfile` gives to a cluster's machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineNames {
    /// The text before a member's name in Vagrant's name for its machine.
    pub machine_prefix: String,
    /// The text before that in the name of its libvirt domain.
    pub domain_prefix: String,
    /// The libvirt network that the members share.
    pub network: String,
}

impl MachineNames {
    /// Vagrant's name for a member's machine.
    pub fn machine(&self, member: &HostName) -> String {
        format!("{}{member}", self.machine_prefix)
    }

    /// The name of a member's libvirt domain.
    pub fn domain(&self, member: &HostName) -> String {
        format!("{}{}", self.domain_prefix, self.machine(member))
    }
}

/// The result of probing one thing. On a host, something that is missing was seen to be missing; a member that does
/// not answer was not seen, so observations of members have a `Look` instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe<T> {
    /// It exists, and this was seen.
    Seen(T),
    /// It does not exist.
    Missing,
    /// Whether it exists is unknown; the reason.
    Unknown(String),
}

impl<T> Probe<T> {
    /// What was seen, if anything was.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::Missing | Self::Unknown(_) => None,
        }
    }

    /// Parses what was seen with `read`, which returns `None` if it makes no sense.
    #[must_use]
    pub fn read<U>(self, what: &str, read: impl FnOnce(&T) -> Option<U>) -> Probe<U> {
        match self {
            Self::Seen(seen) => read(&seen).map_or_else(
                || {
                    Probe::Unknown(format!(
                        "this program does not understand the answer of {what}"
                    ))
                },
                Probe::Seen,
            ),
            Self::Missing => Probe::Missing,
            Self::Unknown(why) => Probe::Unknown(why),
        }
    }
}

/// The groups of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// The groups of this session.
    pub held: Vec<String>,
    /// The groups of the user's next session.
    pub listed: Vec<String>,
}

impl Groups {
    /// Reads the output of `id -Gn` for this session and for this user.
    pub fn read(held: &str, listed: &str) -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Self {
            held: words(held),
            listed: words(listed),
        }
    }

    /// Whether this session has a group.
    pub fn hold(&self, group: &str) -> bool {
        self.held.iter().any(|held| held == group)
    }

    /// Whether the user joined a group after this session started.
    pub fn is_new_in(&self, group: &str) -> bool {
        self.listed.iter().any(|listed| listed == group) && !self.hold(group)
    }
}

impl Host {
    /// The domain of a member, if libvirt knows one with its name.
    pub fn domain(&self, member: &HostName) -> Option<&Domain> {
        let name = self.own.domain(member);
        let domains = self.domains.seen()?;
        domains.iter().find(|domain| domain.name == name)
    }

    /// Whether a member's machine was created by Vagrant here and runs.
    pub fn runs(&self, member: &HostName) -> bool {
        self.domain(member)
            .is_some_and(|domain| domain.runs && self.is_known(domain))
    }

    /// Whether Vagrant knows a libvirt machine.
    pub fn is_known(&self, domain: &Domain) -> bool {
        self.machines.iter().any(|machine| machine.id == domain.id)
    }

    /// Whether a member's machine was created by Vagrant here with the current provider, so that it already
    /// has its disk. If libvirt's list of machines is known and lacks the machine, it was lost.
    pub fn has_disk(&self, member: &HostName) -> bool {
        let Ok(provider) = provider(self) else {
            return false;
        };
        let name = self.own.machine(member);
        let mut machines = self.machines.iter();
        let made =
            machines.find(|machine| machine.name == name && machine.provider == provider.as_str());
        let is_lost = |machine: &CreatedMachine| match (&provider, self.domains.seen()) {
            (Provider::Libvirt, Some(domains)) => {
                !domains.iter().any(|domain| domain.id == machine.id)
            }
            _ => false,
        };
        made.is_some_and(|machine| !is_lost(machine))
    }
}
