//! Reads the output of `VBoxManage`, and the file of allowed addresses.

use std::net::Ipv4Addr;

use super::version::Version;
use crate::values::Subnet;

/// The file that says which addresses host-only networks may have.
pub const NETWORKS_CONF: &str = "/etc/vbox/networks.conf";

/// The addresses that are allowed without that file.
pub const ALLOWED_BY_DEFAULT: &str = "192.168.56.0/21";

/// The first version that restricts addresses.
pub const ASKS_FROM: Version = Version::new(6, 1, 28);

/// The first version of Vagrant that supports VirtualBox with these first two numbers; older VirtualBoxes
/// have been supported for longer (Vagrant's changelog, and its `driver/meta.rb`).
const SUPPORTED_FROM: &[((u32, u32), Version)] = &[
    ((6, 0), Version::new(2, 2, 3)),
    ((6, 1), Version::new(2, 2, 7)),
    ((7, 0), Version::new(2, 3, 2)),
    ((7, 1), Version::new(2, 4, 2)),
    ((7, 2), Version::new(2, 4, 9)),
];

/// Whether Vagrant supports a VirtualBox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Nothing is known to prevent it.
    Yes,
    /// It needs at least this version of Vagrant; and the newest VirtualBox that this Vagrant supports.
    From(Version, (u32, u32)),
    /// It is newer than any version that is known here.
    Unknown,
}

/// Whether this Vagrant supports this VirtualBox. Vagrant refuses every version that it does not know.
pub fn support(virtualbox: Version, vagrant: Version) -> Support {
    let of = |(major, minor): (u32, u32)| Version::new(major, minor, 0);
    let newest_first = || SUPPORTED_FROM.iter().rev();
    let Some((numbers, from)) = newest_first().find(|(numbers, _)| virtualbox >= of(*numbers))
    else {
        return Support::Yes;
    };
    if virtualbox.numbers() != *numbers {
        return Support::Unknown;
    }
    if vagrant >= *from {
        return Support::Yes;
    }
    let known = newest_first().find(|(_, from)| vagrant >= *from);
    Support::From(*from, known.map_or((5, 2), |(numbers, _)| *numbers))
}

/// An installed VirtualBox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualBox {
    /// Its version, if that was queried.
    pub version: Option<Version>,
    /// Why it cannot run machines, if it reports that.
    pub broken: Option<String>,
}

/// Reads what `VBoxManage --version` prints: warnings, and then the version.
pub fn version(text: &str) -> Option<VirtualBox> {
    let version = Version::in_text(text)?;
    let warning = text.trim_start().strip_prefix("WARNING:");
    Some(VirtualBox {
        version: Some(version),
        broken: warning.map(first_sentence),
    })
}

/// Turns `The vboxdrv kernel module is not loaded. …` into a lowercase fact of one sentence.
fn first_sentence(text: &str) -> String {
    let sentence = text.split(". ").next().unwrap_or_default();
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let sentence = words.join(" ");
    match sentence.strip_prefix("The ") {
        Some(rest) => format!("the {rest}"),
        None => sentence,
    }
}

/// The folder of new machines in what `VBoxManage list systemproperties` prints.
pub fn machine_folder(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Default machine folder:"));
    line.map(|folder| folder.trim().to_owned())
}

/// Whether all addresses of a subnet are allowed by a `networks.conf`, or by default without one.
pub fn allows(networks_conf: Option<&str>, subnet: Subnet) -> bool {
    let text = match networks_conf {
        Some(text) => text.to_owned(),
        None => format!("* {ALLOWED_BY_DEFAULT}"),
    };
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('*'));
    let mut ranges = lines.flat_map(str::split_whitespace).filter_map(range);
    ranges.any(|(first, last)| first <= subnet.network() && subnet.broadcast() <= last)
}

/// The first and the last address of `192.168.56.0/21`, `10.0.0.0/8`, `0.0.0.0/0`.
fn range(text: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    let address: Ipv4Addr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    let hosts = u32::MAX.checked_shr(prefix).unwrap_or_default();
    Some((
        Ipv4Addr::from_bits(address.to_bits() & !hosts),
        Ipv4Addr::from_bits(address.to_bits() | hosts),
    ))
}
