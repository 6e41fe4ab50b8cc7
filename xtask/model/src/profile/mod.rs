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

/// An operating system: what the renderer and the drivers have to know of it.
#[derive(Debug)]
pub struct Profile {
    /// The name that definitions use.
    pub id: &'static str,
    /// The name that people use.
    pub title: &'static str,
    /// What it is told at its first boot, in the cloud-config that it understands.
    pub(crate) cloud_config: fn(&Plan) -> Value,
    /// Where Vagrant gets its box from.
    pub machine_box: MachineBox,
    /// The user that Vagrant logs in as.
    pub ssh_user: &'static str,
    /// Where it looks for its user-data.
    pub user_data_path: &'static str,
    /// The ways it can run etcd, its usual one first.
    pub runtimes: &'static [Runtime],
    /// The command line that runs etcdctl in etcd's container.
    pub etcdctl_in_container: &'static str,
    /// Whether it brings fleet along.
    pub has_fleet: bool,
    /// Its release channels, the usual one first; empty where it has none.
    pub channels: &'static [&'static str],
    /// The image version that is pinned unless the definition names another.
    pub image_version: &'static str,
    /// The etcd that it runs unless the definition names another.
    pub usual_etcd: EtcdVersion,
    /// The etcd that its own package repository carries, where it has one.
    pub packaged_etcd: Option<EtcdVersion>,
}

impl Profile {
    /// Whether its images can no longer be had: whoever defines such machines wants the past, and knows it.
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
    /// The unit that the system brings along.
    BuiltIn,
}

impl Runtime {
    /// Every way there is.
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
