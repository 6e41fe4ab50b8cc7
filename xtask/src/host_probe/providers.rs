//! Probes the providers of machines.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;

use camino::{Utf8Path, Utf8PathBuf};

use super::ask::{VAGRANT, ask, is_on_path};
use super::files;
use crate::host::libvirt::{self, Daemon, Domain, LibvirtNetwork, QUESTIONS, URI};
use crate::host::provider::{PLUGIN, plugin_in_file, plugin_in_list};
use crate::host::virtualbox::{self, VirtualBox};
use crate::host::{Probe, Provider, Providers};

/// The state of the providers, and what they report.
pub(super) struct ProvidersSeen {
    pub(super) providers: Providers,
    pub(super) domains: Probe<Vec<Domain>>,
    pub(super) networks: Probe<Vec<LibvirtNetwork>>,
    /// The folder of the machines' disks, for the provider that would be used.
    pub(super) images: Probe<String>,
}

/// The providers, judged by files and sockets alone.
pub(super) fn at_a_glance(vagrants_own: &Utf8Path) -> Providers {
    Providers {
        asked: files::variable("VAGRANT_DEFAULT_PROVIDER"),
        plugin: plugin_by_files(vagrants_own),
        libvirt: socket(),
        virtualbox: if is_on_path("VBoxManage") {
            Probe::Seen(VirtualBox {
                version: None,
                broken: None,
            })
        } else {
            Probe::Missing
        },
    }
}

/// The same, with the answers of the providers themselves.
pub(super) fn look(vagrants_own: &Utf8Path) -> ProvidersSeen {
    let mut providers = at_a_glance(vagrants_own);
    let (plugin, virsh, virtualbox, folder) = std::thread::scope(|scope| {
        let plugin = providers.plugin.clone();
        let plugin = scope.spawn(move || plugin_by_vagrant(plugin));
        let answers = matches!(providers.libvirt, Daemon::Answers(_));
        let virsh = scope.spawn(move || {
            if answers {
                ask_virsh()
            } else {
                Virsh::silent()
            }
        });
        let folder = scope.spawn(|| {
            let said = ask(&["VBoxManage", "list", "systemproperties"], &[]);
            said.read("`VBoxManage list systemproperties`", |text| {
                virtualbox::machine_folder(text)
            })
        });
        let said = ask(&["VBoxManage", "--version"], &[]);
        let virtualbox = said.read("`VBoxManage --version`", |text| virtualbox::version(text));
        (
            super::end(plugin),
            super::end(virsh),
            virtualbox,
            super::end(folder),
        )
    });
    providers.plugin = plugin;
    providers.libvirt = providers.libvirt.asked(&virsh.answers);
    providers.virtualbox = virtualbox;
    let images = match providers.choose() {
        Ok(Provider::VirtualBox) => folder,
        Ok(Provider::Other(name)) => {
            Probe::Unknown(format!("the folder of {name}'s disks is not known"))
        }
        // Without a provider, this is where libvirt would keep them. The plugin creates a missing
        // pool.
        Ok(Provider::Libvirt) | Err(_) => {
            let pool = virsh.details.seen().and_then(|said| libvirt::pool(said));
            Probe::Seen(pool.unwrap_or_else(|| "/var/lib/libvirt/images".to_owned()))
        }
    };
    ProvidersSeen {
        domains: virsh
            .answers
            .read("`virsh`", |said| Some(libvirt::domains(said))),
        networks: virsh
            .details
            .read("`virsh`", |said| Some(libvirt::networks(said))),
        images,
        providers,
    }
}

/// The answers of libvirt.
struct Virsh {
    answers: Probe<String>,
    /// The details of the networks and the pool that it named.
    details: Probe<String>,
}

impl Virsh {
    /// Not queried, because libvirt does not answer.
    fn silent() -> Self {
        let why = || "libvirt does not answer".to_owned();
        Self {
            answers: Probe::Unknown(why()),
            details: Probe::Unknown(why()),
        }
    }
}

fn ask_virsh() -> Virsh {
    let virsh = |questions: &str| ask(&["virsh", "--connect", URI, questions], &[]);
    let answers = virsh(QUESTIONS);
    let details = match &answers {
        Probe::Seen(said) => match libvirt::further_questions(said).as_str() {
            "" => Probe::Seen(String::new()),
            questions => virsh(questions),
        },
        unseen => unseen.clone(),
    };
    Virsh { answers, details }
}

/// Tries the sockets of libvirt's daemons: the one for QEMU only, or the one for everything.
fn socket() -> Daemon {
    let sockets = ["/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"];
    for socket in sockets {
        return match UnixStream::connect(socket) {
            Ok(_) => Daemon::Answers(None),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => continue,
                ErrorKind::PermissionDenied => Daemon::Forbidden,
                ErrorKind::ConnectionRefused => Daemon::NotListening,
                _ => Daemon::Silent(format!("{socket}: {error}")),
            },
        };
    }
    Daemon::NoSocket
}

/// Looks for the plugin in Vagrant's own lists.
fn plugin_by_files(vagrants_own: &Utf8Path) -> Probe<Option<String>> {
    let mut unknown = Probe::Missing;
    for list in lists_of_plugins(vagrants_own) {
        match files::text(&list) {
            Probe::Seen(text) => match plugin_in_file(&text, PLUGIN) {
                Probe::Missing => {}
                Probe::Unknown(_) => unknown = Probe::Unknown(format!("`{list}` is not JSON")),
                seen @ Probe::Seen(_) => return seen,
            },
            Probe::Missing => {}
            Probe::Unknown(why) => unknown = Probe::Unknown(why),
        }
    }
    unknown
}

/// The plugin lists of this workspace, of this user, and of the system: Debian's package, Fedora's,
/// and that of Vagrant's makers.
fn lists_of_plugins(vagrants_own: &Utf8Path) -> Vec<Utf8PathBuf> {
    let system = [
        "/usr/share/vagrant-plugins",
        "/usr/share/vagrant",
        "/opt/vagrant/embedded",
    ];
    let embedded = files::variable("VAGRANT_INSTALLER_EMBEDDED_DIR").map(Utf8PathBuf::from);
    let folders = [vagrants_own.to_owned()]
        .into_iter()
        .chain(files::vagrant_home())
        .chain(embedded)
        .chain(system.map(Utf8PathBuf::from));
    let lists = folders.flat_map(|folder| {
        let more = files::folders(&folder.join("plugins.d"));
        let more = more
            .into_iter()
            .filter(|path| path.extension() == Some("json"));
        std::iter::once(folder.join("plugins.json")).chain(more)
    });
    lists.collect()
}

/// Runs Vagrant if its lists do not name the plugin: it may have others. That takes a second, and
/// creates Vagrant's home folder.
fn plugin_by_vagrant(by_files: Probe<Option<String>>) -> Probe<Option<String>> {
    if matches!(by_files, Probe::Seen(_)) {
        return by_files;
    }
    match ask(
        &["vagrant", "plugin", "list", "--machine-readable"],
        VAGRANT,
    ) {
        Probe::Seen(list) => plugin_in_list(&list, PLUGIN),
        // Without Vagrant there is no plugin either.
        Probe::Missing => by_files,
        Probe::Unknown(why) => Probe::Unknown(why),
    }
}
