//! Looks at what can run machines.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;

use camino::{Utf8Path, Utf8PathBuf};

use super::ask::{VAGRANT, ask, is_on_path};
use super::files;
use crate::host::libvirt::{self, Daemon, Domain, LibvirtNetwork, QUESTIONS, URI};
use crate::host::provider::{PLUGIN, plugin_in_file, plugin_in_list};
use crate::host::virtualbox::{self, VirtualBox};
use crate::host::{Look, Provider, Providers};

/// What was seen of the providers, and through them.
pub(super) struct Seen {
    pub(super) providers: Providers,
    pub(super) domains: Look<Vec<Domain>>,
    pub(super) networks: Look<Vec<LibvirtNetwork>>,
    /// The folder of the machines' disks, with the provider that would be used.
    pub(super) images: Look<String>,
}

/// What files and sockets tell.
pub(super) fn at_a_glance(vagrants_own: &Utf8Path) -> Providers {
    Providers {
        asked: files::variable("VAGRANT_DEFAULT_PROVIDER"),
        plugin: plugin_by_files(vagrants_own),
        libvirt: socket(),
        virtualbox: if is_on_path("VBoxManage") {
            Look::Seen(VirtualBox {
                version: None,
                broken: None,
            })
        } else {
            Look::Missing
        },
    }
}

/// The same, and what the providers themselves say.
pub(super) fn look(vagrants_own: &Utf8Path) -> Seen {
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
            Look::Unknown(format!("where {name} keeps disks is not known here"))
        }
        // Also where there is no provider yet: it is where libvirt would keep them. The plugin makes the
        // pool where there is none.
        Ok(Provider::Libvirt) | Err(_) => {
            let pool = virsh.details.seen().and_then(|said| libvirt::pool(said));
            Look::Seen(pool.unwrap_or_else(|| "/var/lib/libvirt/images".to_owned()))
        }
    };
    Seen {
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

/// What libvirt says of itself.
struct Virsh {
    answers: Look<String>,
    /// What it says of the networks and of the pool that it named.
    details: Look<String>,
}

impl Virsh {
    /// That it was not asked, because nobody would answer.
    fn silent() -> Self {
        let why = || "libvirt does not answer".to_owned();
        Self {
            answers: Look::Unknown(why()),
            details: Look::Unknown(why()),
        }
    }
}

fn ask_virsh() -> Virsh {
    let virsh = |questions: &str| ask(&["virsh", "--connect", URI, questions], &[]);
    let answers = virsh(QUESTIONS);
    let details = match &answers {
        Look::Seen(said) => match libvirt::further_questions(said).as_str() {
            "" => Look::Seen(String::new()),
            questions => virsh(questions),
        },
        unseen => unseen.clone(),
    };
    Virsh { answers, details }
}

/// Tries the socket of libvirt's daemon: of the one for QEMU alone, or of the one for everything.
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

/// Looks for the plugin in the lists that Vagrant itself goes by.
fn plugin_by_files(vagrants_own: &Utf8Path) -> Look<Option<String>> {
    let mut unknown = Look::Missing;
    for list in lists_of_plugins(vagrants_own) {
        match files::text(&list) {
            Look::Seen(text) => match plugin_in_file(&text, PLUGIN) {
                Look::Missing => {}
                Look::Unknown(_) => unknown = Look::Unknown(format!("`{list}` is not JSON")),
                seen @ Look::Seen(_) => return seen,
            },
            Look::Missing => {}
            Look::Unknown(why) => unknown = Look::Unknown(why),
        }
    }
    unknown
}

/// The lists of this workspace's plugins, of this user's, and of the system's: of Debian's package, of
/// Fedora's, of the one that Vagrant's makers offer.
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

/// Asks Vagrant where its lists do not name the plugin: it may have others. That takes a second, and it
/// makes itself a home where it has none.
fn plugin_by_vagrant(by_files: Look<Option<String>>) -> Look<Option<String>> {
    if matches!(by_files, Look::Seen(_)) {
        return by_files;
    }
    match ask(
        &["vagrant", "plugin", "list", "--machine-readable"],
        VAGRANT,
    ) {
        Look::Seen(list) => plugin_in_list(&list, PLUGIN),
        // Without Vagrant there is no plugin either.
        Look::Missing => by_files,
        Look::Unknown(why) => Look::Unknown(why),
    }
}
