use crate::values::Architecture;

/// Where Vagrant gets the box of a system from.
#[derive(Debug)]
pub enum MachineBox {
    /// This project makes it: `cargo xtask box`.
    Made(CloudImage),
    /// The system's makers publish it.
    Published(PublishedBox),
}

impl MachineBox {
    /// Whether a box exists or can be made for this provider, as Vagrant calls it.
    pub fn is_for(&self, provider: &str) -> bool {
        match self {
            Self::Made(_) => provider == "libvirt",
            Self::Published(published) => published.providers.contains(&provider),
        }
    }
}

/// The source of a box for libvirt: a cloud image of the distribution, or else its packages.
#[derive(Debug)]
pub struct CloudImage {
    /// The build that is pinned.
    pub build: &'static str,
    /// The URL of a build for an architecture, as qcow2.
    pub url: fn(&str, Architecture) -> String,
    /// The pinned build's checksums.
    pub sha512: &'static [(Architecture, &'static str)],
    /// The distribution's name for the release, under which its archive has the packages.
    pub suite: &'static str,
}

/// A box with a catalogue in Vagrant's format, which holds its checksum.
#[derive(Debug)]
pub struct PublishedBox {
    /// Its name in the catalogue, for a channel.
    pub name: fn(&str) -> String,
    /// The catalogue's URL, for a channel and a version.
    pub catalogue: fn(&str, &str) -> String,
    /// The providers that it is published for, as Vagrant calls them.
    pub providers: &'static [&'static str],
    /// Why it is no longer available, one sentence each; none if it is.
    pub gone: Option<&'static [&'static str]>,
}
