//! Operating systems as data: one file each, and one line in [`PROFILES`].

mod coreos;
mod debian;
mod flatcar;
mod machine_box;

use std::fmt;

use serde_yaml::Value;

use crate::plan::Plan;
use crate::values::EtcdVersion;
pub use machine_box::{CloudImage, MachineBox, PublishedBox};

/// Every operating system that a definition can name.
pub static PROFILES: &[&Profile] = &[&debian::DEBIAN_13, &flatcar::FLATCAR, &coreos::COREOS];

/// An operating system, with everything that the renderer and the drivers need to know about it.
#[derive(Debug)]
pub struct Profile {
    /// The name that definitions use.
    pub id: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Renders the cloud-config for its first boot.
    pub(crate) cloud_config: fn(&Plan) -> Value,
    /// Where Vagrant gets its box from.
    pub machine_box: MachineBox,
    /// The user that Vagrant logs in as.
    pub ssh_user: &'static str,
    /// The path of its user-data.
    pub user_data_path: &'static str,
    /// The ways it can run etcd, the default first.
    pub runtimes: &'static [Runtime],
    /// The command line that runs etcdctl in etcd's container.
    pub etcdctl_in_container: &'static str,
    /// Whether it includes fleet.
    pub has_fleet: bool,
    /// Whether a member without data asks the others before it founds a cluster, and so can join a running one.
    pub members_can_join: bool,
    /// Its release channels, the default first; empty if it has none.
    pub channels: &'static [&'static str],
    /// The default image version; empty if there are none to choose from.
    pub image_version: &'static str,
    /// The default version of etcd.
    pub usual_etcd: EtcdVersion,
    /// The version of etcd in its own package repository, if it has one.
    pub packaged_etcd: Option<EtcdVersion>,
}

impl Profile {
    /// Whether its images are no longer available. An author who defines such machines wants the old system.
    pub const fn is_gone(&self) -> bool {
        matches!(
            self.machine_box,
            MachineBox::Published(PublishedBox { gone: Some(_), .. })
        )
    }
}

/// How a machine gets and runs etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// A container of the project's image.
    Container,
    /// The binaries of the release tarball.
    Release,
    /// The package of the system's own distribution, at the version that it has.
    Package,
    /// The unit that is part of the system.
    BuiltIn,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: &'static [Self] =
        &[Self::Container, Self::Release, Self::Package, Self::BuiltIn];

    /// The name as definitions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Release => "release",
            Self::Package => "package",
            Self::BuiltIn => "built-in",
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
