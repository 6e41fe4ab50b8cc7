//! The providers that can run machines, and the one that Vagrant should use.

use std::fmt;

use serde::Deserialize;

use super::libvirt::Daemon;
use super::virtualbox::VirtualBox;
use super::{Host, Probe};

/// The plugin that lets Vagrant use libvirt.
pub const PLUGIN: &str = "vagrant-libvirt";

/// A provider: what runs machines for Vagrant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// QEMU through libvirt.
    Libvirt,
    /// VirtualBox, which Vagrant supports without a plugin.
    VirtualBox,
    /// Another provider that the user asks for, which this program does not know.
    Other(String),
}

impl Provider {
    /// The provider that Vagrant knows by this name.
    pub fn named(name: &str) -> Self {
        match name {
            "libvirt" => Self::Libvirt,
            "virtualbox" => Self::VirtualBox,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name that Vagrant knows it by.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Libvirt => "libvirt",
            Self::VirtualBox => "virtualbox",
            Self::Other(name) => name,
        }
    }

    /// The name for people.
    pub fn title(&self) -> &str {
        match self {
            Self::VirtualBox => "VirtualBox",
            Self::Libvirt | Self::Other(_) => self.as_str(),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was seen of each provider.
#[derive(Debug, Clone)]
pub struct Providers {
    /// The value of `VAGRANT_DEFAULT_PROVIDER`; none if it is not set, or empty.
    pub asked: Option<String>,
    /// The plugin [`PLUGIN`], with its version if Vagrant records it.
    pub plugin: Probe<Option<String>>,
    /// Whether libvirt's daemon answers this user.
    pub libvirt: Daemon,
    /// The installed VirtualBox; missing if there is no `VBoxManage`.
    pub virtualbox: Probe<VirtualBox>,
}

/// What prevents the use of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Vagrant does not have the plugin for libvirt.
    NoPlugin,
    /// Whether it has the plugin is unknown; the reason.
    PluginUnknown(String),
    /// libvirt's daemon does not answer.
    Libvirt(Daemon),
    /// VirtualBox is not installed.
    NoVirtualBox,
    /// VirtualBox is installed but does not work; the reason.
    VirtualBox(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlugin => write!(f, "Vagrant does not have the plugin `{PLUGIN}`"),
            Self::PluginUnknown(why) => {
                write!(
                    f,
                    "whether Vagrant has the plugin `{PLUGIN}` is unknown: {why}"
                )
            }
            Self::Libvirt(daemon) => daemon.fmt(f),
            Self::NoVirtualBox => {
                f.write_str("VirtualBox is not installed: there is no `VBoxManage`")
            }
            Self::VirtualBox(why) => write!(f, "VirtualBox does not work: {why}"),
        }
    }
}

/// The provider to use: the one that the user asks for, else libvirt, else VirtualBox.
pub fn provider(host: &Host) -> Result<Provider, Vec<Obstacle>> {
    host.providers.choose()
}

impl Providers {
    /// The same choice, without the rest of a host.
    ///
    /// # Errors
    /// Everything that prevents the use of the requested provider, or of both.
    pub fn choose(&self) -> Result<Provider, Vec<Obstacle>> {
        let libvirt = self.obstacles_to_libvirt();
        let virtualbox = self.obstacle_to_virtualbox();
        match self.asked.as_deref() {
            Some("libvirt") if libvirt.is_empty() => Ok(Provider::Libvirt),
            Some("libvirt") => Err(libvirt),
            Some("virtualbox") => virtualbox.map_or(Ok(Provider::VirtualBox), |why| Err(vec![why])),
            Some(other) => Ok(Provider::Other(other.to_owned())),
            None if libvirt.is_empty() => Ok(Provider::Libvirt),
            None => match virtualbox {
                None => Ok(Provider::VirtualBox),
                Some(obstacle) => Err([libvirt, vec![obstacle]].concat()),
            },
        }
    }

    /// What prevents the use of libvirt; empty if it can be used.
    pub fn obstacles_to_libvirt(&self) -> Vec<Obstacle> {
        let plugin = match &self.plugin {
            Probe::Seen(_) => None,
            Probe::Missing => Some(Obstacle::NoPlugin),
            Probe::Unknown(why) => Some(Obstacle::PluginUnknown(why.clone())),
        };
        let daemon = match &self.libvirt {
            Daemon::Answers(_) => None,
            daemon => Some(Obstacle::Libvirt(daemon.clone())),
        };
        plugin.into_iter().chain(daemon).collect()
    }

    /// What prevents the use of VirtualBox; none if it can be used.
    pub fn obstacle_to_virtualbox(&self) -> Option<Obstacle> {
        match &self.virtualbox {
            Probe::Seen(virtualbox) => virtualbox.broken.clone().map(Obstacle::VirtualBox),
            Probe::Missing => Some(Obstacle::NoVirtualBox),
            Probe::Unknown(why) => Some(Obstacle::VirtualBox(why.clone())),
        }
    }
}

/// The version of a plugin in one of Vagrant's lists of installed plugins: a `plugins.json` or a file in
/// `plugins.d`. Vagrant itself uses nothing else.
pub fn plugin_in_file(text: &str, plugin: &str) -> Probe<Option<String>> {
    #[derive(Deserialize)]
    struct Entry {
        installed_gem_version: Option<String>,
    }
    let Ok(list) = serde_json::from_str::<serde_json::Value>(text) else {
        return Probe::Unknown("a list of its plugins is not JSON".to_owned());
    };
    // The files in `plugins.d` hold only entries.
    let entries = list.get("installed").unwrap_or(&list);
    match entries.get(plugin) {
        None => Probe::Missing,
        Some(entry) => Probe::Seen(
            Entry::deserialize(entry)
                .ok()
                .and_then(|entry| entry.installed_gem_version),
        ),
    }
}

/// The version of a plugin in what `vagrant plugin list --machine-readable` prints.
pub fn plugin_in_list(text: &str, plugin: &str) -> Probe<Option<String>> {
    let mut found = Probe::Missing;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        match fields.as_slice() {
            [_, _, "plugin-name", name] if *name == plugin => found = Probe::Seen(None),
            [_, about, "plugin-version", version] if *about == plugin => {
                // `0.11.2%!(VAGRANT_COMMA) system`: a comma is spelled out.
                let version = version.split("%!").next().unwrap_or_default();
                found = Probe::Seen(Some(version.to_owned()));
            }
            _ => {}
        }
    }
    found
}
