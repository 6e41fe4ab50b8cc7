//! Reads the output of `virsh`.

use std::fmt;
use std::net::Ipv4Addr;

use super::Probe;
use super::version::Version;

/// The libvirt that Vagrant's plugin uses by default.
pub const URI: &str = "qemu:///system";

/// The file with libvirt's settings for networks.
pub const NETWORK_CONF: &str = "/etc/libvirt/network.conf";

/// The firewall backend in a [`NETWORK_CONF`]; none if libvirt chooses it.
pub fn firewall_backend(text: &str) -> Option<&str> {
    let mut lines = text.lines().rev();
    lines.find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "firewall_backend").then(|| value.trim().trim_matches('"'))
    })
}

/// Whether libvirt's daemon answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// It answers, with its version if that was queried.
    Answers(Option<Version>),
    /// There is no socket to reach it.
    NoSocket,
    /// There is a socket, but nothing listens on it.
    NotListening,
    /// There is a socket, but this user may not open it.
    Forbidden,
    /// It can be reached but gives no useful answer; the reason.
    Silent(String),
}

impl Daemon {
    /// Combines the result of trying the socket with the output of `virsh`.
    #[must_use]
    pub fn asked(self, virsh: &Probe<String>) -> Self {
        match (self, virsh) {
            (Self::Answers(_), Probe::Seen(said)) => Self::Answers(library_version(said)),
            (Self::Answers(_), Probe::Unknown(why)) => Self::Silent(why.clone()),
            (other, _) => other,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers(_) => f.write_str("libvirt answers"),
            Self::NoSocket => f.write_str("libvirt is not installed, or has never been started"),
            Self::NotListening => f.write_str("libvirt's daemon is not running"),
            Self::Forbidden => f.write_str("this user may not talk to libvirt's daemon"),
            Self::Silent(why) => write!(f, "libvirt's daemon does not answer: {why}"),
        }
    }
}

/// A machine that libvirt knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name, as `virsh list` prints it.
    pub name: String,
    /// Its UUID, by which Vagrant knows it.
    pub id: String,
    /// Whether it runs. A paused machine counts as running in the answers to [`QUESTIONS`] only.
    pub runs: bool,
}

/// A network that libvirt knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibvirtNetwork {
    /// Its name, as `virsh net-list` prints it.
    pub name: String,
    /// Its bridge, which is an interface of the host while the network is active.
    pub bridge: Option<String>,
    /// The host's own address in it.
    pub address: Option<Ipv4Addr>,
    /// The length of its prefix.
    pub prefix: Option<u8>,
}

/// The commands for a single `virsh`, so that everything is seen at one moment. Each part has its own
/// heading.
pub const QUESTIONS: &str = "echo == version; version; \
    echo == domains; list --all --uuid --name; \
    echo == running; list --uuid; \
    echo == networks; net-list --all --name; \
    echo == pools; pool-list --all --name";

/// The commands for `virsh` if only the machines matter. A paused machine does not count as running.
pub const ABOUT_DOMAINS: &str = "echo == domains; list --all --uuid --name; \
    echo == running; list --uuid --state-running";

/// The commands for a second `virsh`, about the networks and the pool of images that the first one listed;
/// empty if it listed none.
pub fn further_questions(answers: &str) -> String {
    let networks = section(answers, "networks").map(|name| {
        let name = format!("'{}'", name.replace('\'', "'\\''"));
        format!("echo == {NETWORK}{name}; net-dumpxml {name}")
    });
    let pools = section(answers, "pools").filter(|name| *name == "default");
    let pool = pools.map(|name| format!("echo == pool; pool-dumpxml {name}"));
    networks.chain(pool).collect::<Vec<_>>().join("; ")
}

/// The domains in the answers to [`QUESTIONS`] or [`ABOUT_DOMAINS`].
pub fn domains(answers: &str) -> Vec<Domain> {
    let running: Vec<&str> = section(answers, "running").collect();
    let listed = section(answers, "domains").filter_map(|line| line.split_once(' '));
    listed
        .map(|(id, name)| Domain {
            name: name.trim().to_owned(),
            id: id.to_owned(),
            runs: running.contains(&id),
        })
        .collect()
}

/// The folder of the pool of images, in the answers to the [`further_questions`], if there is one.
pub fn pool(answers: &str) -> Option<String> {
    let mut lines = section(answers, "pool");
    lines.find_map(|line| {
        let path = line.strip_prefix("<path>")?.strip_suffix("</path>")?;
        Some(path.to_owned())
    })
}

/// The networks in the answers to the [`further_questions`].
pub fn networks(answers: &str) -> Vec<LibvirtNetwork> {
    let mut networks: Vec<LibvirtNetwork> = Vec::new();
    for line in answers.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix(HEADING) {
            let Some(name) = heading.strip_prefix(NETWORK) else {
                break;
            };
            networks.push(LibvirtNetwork {
                name: name.to_owned(),
                bridge: None,
                address: None,
                prefix: None,
            });
        }
        let Some(network) = networks.last_mut() else {
            continue;
        };
        if line.starts_with("<bridge ") {
            network.bridge = attribute(line, "name").map(str::to_owned);
        }
        // The first address of the protocol that members have; `<ip family='ipv6' …>` has no netmask.
        if line.starts_with("<ip ") && network.address.is_none() {
            network.address = attribute(line, "address").and_then(|text| text.parse().ok());
            network.prefix = prefix(line);
        }
    }
    networks
}

/// The start of a heading in the answers.
const HEADING: &str = "== ";

/// The text before the name of a network in a heading.
const NETWORK: &str = "network ";

fn section<'a>(answers: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    answers
        .lines()
        .map(str::trim)
        .skip_while(move |line| line.strip_prefix(HEADING) != Some(name))
        .skip(1)
        .take_while(|line| !line.starts_with(HEADING))
        .filter(|line| !line.is_empty())
}

fn library_version(answers: &str) -> Option<Version> {
    let mut lines = section(answers, "version");
    let line = lines.find(|line| line.starts_with("Using library:"))?;
    Version::in_text(line)
}

fn prefix(line: &str) -> Option<u8> {
    match (attribute(line, "netmask"), attribute(line, "prefix")) {
        (Some(netmask), _) => {
            let netmask: Ipv4Addr = netmask.parse().ok()?;
            u8::try_from(netmask.to_bits().leading_ones()).ok()
        }
        (None, Some(prefix)) => prefix.parse().ok(),
        (None, None) => None,
    }
}

/// The value of an attribute in a line of libvirt's XML.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name}='"))?;
    let (value, _) = rest.split_once('\'')?;
    Some(value)
}
