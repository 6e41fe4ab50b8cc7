//! Looks at this host, at everything at the same time, so that it takes no longer than the slowest
//! program that is asked. Changes nothing, and sends nothing to other hosts.

mod ask;
mod files;
mod providers;

use std::thread::{self, ScopedJoinHandle};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::host::catalogue::Catalogue;
use crate::host::libvirt::NETWORK_CONF;
use crate::host::network::{self, Network};
use crate::host::resources::{self, Disk};
use crate::host::virtualbox::NETWORKS_CONF;
use crate::host::{
    ARCHITECTURE_OF_MACHINES, Distribution, Groups, Host, Look, MachineNames, Provider, Version,
    virtualization,
};
use crate::plan::Plan;
use crate::values::MachineName;
use crate::workspace::Workspace;
use ask::{VAGRANT, ask};

/// Whose machines would run here.
#[derive(Debug, Clone)]
pub struct HostQuery {
    own: MachineNames,
    vagrantfile: Utf8PathBuf,
    catalogue: Utf8PathBuf,
}

impl HostQuery {
    /// The machines of a plan. Their names are those that `vagrant/Vagrantfile` gives them.
    pub fn of(workspace: &Workspace, plan: &Plan) -> Self {
        let vagrantfile = workspace.vagrantfile();
        let folder = vagrantfile.parent().unwrap_or(Utf8Path::new("."));
        let folder = folder
            .canonicalize_utf8()
            .unwrap_or_else(|_| folder.to_owned());
        let digest = Sha256::digest(folder.as_str());
        let checkout: String = digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = &plan.name;
        let machines = MachineName::prefix(name);
        Self {
            own: MachineNames {
                domain_prefix: format!("xtask-{checkout}-"),
                machine_prefix: machines,
                network: format!("xtask-{checkout}-{name}"),
            },
            catalogue: workspace
                .cache()
                .join(format!("boxes/{}.json", plan.machine.profile.id)),
            vagrantfile,
        }
    }

    /// Where the boxes that are made here lie, beside their catalogues.
    fn boxes(&self) -> &Utf8Path {
        self.catalogue.parent().unwrap_or(Utf8Path::new("."))
    }

    /// Where Vagrant keeps what it knows of the machines that it has made.
    fn vagrants_own(&self) -> Utf8PathBuf {
        self.vagrantfile.with_file_name(".vagrant")
    }
}

/// Why a plan's machines cannot run here, as far as files and sockets tell: it takes no time. Nothing
/// where they probably can; what is there may yet turn out not to work.
pub fn why_not_at_a_glance(sought: &HostQuery, plan: &Plan) -> Option<&'static str> {
    if plan.machine.profile.is_gone() {
        return Some("the images of its machines' system are gone");
    }
    if std::env::consts::ARCH != ARCHITECTURE_OF_MACHINES {
        return Some("machines are for another architecture than this host's");
    }
    if !ask::is_on_path("vagrant") {
        return Some("this host has no Vagrant");
    }
    match providers::at_a_glance(&sought.vagrants_own()).choose() {
        Err(_) => Some("Vagrant finds neither libvirt nor VirtualBox here"),
        Ok(provider) if !plan.machine.profile.machine_box.is_for(provider.as_str()) => {
            Some("there is no box of its machines' system for what runs machines here")
        }
        Ok(_) => None,
    }
}

/// What would run machines, as far as files and sockets tell.
pub fn provider_at_a_glance(workspace: &Workspace) -> Option<Provider> {
    let vagrants_own = workspace.vagrantfile().with_file_name(".vagrant");
    providers::at_a_glance(&vagrants_own).choose().ok()
}

/// Asks the programs and reads the files that tell whether machines can run here.
pub fn look(sought: &HostQuery) -> Host {
    let own = sought.vagrants_own();
    thread::scope(|scope| {
        let vagrant = scope.spawn(|| {
            let said = ask(&["vagrant", "--version"], VAGRANT);
            said.read("`vagrant --version`", |text| Version::in_text(text))
        });
        let providers = scope.spawn(|| providers::look(&own));
        let groups = scope.spawn(groups);
        let routes = scope.spawn(|| {
            let said = ask(&["ip", "-json", "route"], &[]);
            said.read("`ip -json route`", |text| network::routes(text))
        });
        let addresses = scope.spawn(|| {
            let said = ask(&["ip", "-json", "addr"], &[]);
            said.read("`ip -json addr`", |text| network::addresses(text))
        });
        let neighbours = scope.spawn(|| {
            let said = ask(&["ip", "-json", "neigh"], &[]);
            said.read("`ip -json neigh`", |text| network::neighbours(text))
        });
        let boxes = scope.spawn(|| match files::vagrant_home() {
            Some(home) => room(home.join("boxes").as_str()),
            None => Look::Unknown("there is neither VAGRANT_HOME nor HOME".to_owned()),
        });
        let catalogue = files::text(&sought.catalogue)
            .read("the catalogue of the box", |text| Catalogue::read(text));
        let seen = end(providers);
        Host {
            own: sought.own.clone(),
            architecture: std::env::consts::ARCH.to_owned(),
            distribution: distribution(),
            vagrant: end(vagrant),
            vagrantfile: sought.vagrantfile.is_file(),
            groups: end(groups),
            kvm: files::kvm(),
            processor_virtualizes: processor_virtualizes(),
            virtualization_asked: files::variable("XTASK_VIRTUALIZATION"),
            processors: files::processors(),
            memory: files::text("/proc/meminfo")
                .read("/proc/meminfo", |text| resources::memory(text)),
            boxes: end(boxes),
            images: match &seen.images {
                Look::Seen(folder) => room(folder),
                Look::Missing => Look::Missing,
                Look::Unknown(why) => Look::Unknown(why.clone()),
            },
            network: Network {
                routes: end(routes),
                addresses: end(addresses),
                neighbours: end(neighbours),
            },
            networks_conf: files::text(NETWORKS_CONF),
            domains: seen.domains,
            libvirt_networks: seen.networks,
            libvirt_network_conf: files::text(NETWORK_CONF),
            machines: files::machines(&own),
            kept_boxes: files::kept_boxes(),
            box_file: files::box_size(sought.boxes(), &catalogue, &seen.providers),
            catalogue,
            providers: seen.providers,
        }
    })
}

fn end<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(seen) => seen,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn distribution() -> Distribution {
    let places = ["/etc/os-release", "/usr/lib/os-release"];
    let text = places.iter().find_map(|path| match files::text(path) {
        Look::Seen(text) => Some(text),
        Look::Missing | Look::Unknown(_) => None,
    });
    text.map_or(Distribution::Other, |text| Distribution::read(&text))
}

fn groups() -> Look<Groups> {
    let name = match ask(&["id", "-un"], &[]) {
        Look::Seen(name) => name.trim().to_owned(),
        Look::Missing => return Look::Missing,
        Look::Unknown(why) => return Look::Unknown(why),
    };
    match (ask(&["id", "-Gn"], &[]), ask(&["id", "-Gn", &name], &[])) {
        (Look::Seen(held), Look::Seen(listed)) => Look::Seen(Groups::read(&held, &listed)),
        (Look::Unknown(why), _) | (_, Look::Unknown(why)) => Look::Unknown(why),
        (Look::Missing, _) | (_, Look::Missing) => Look::Missing,
    }
}

fn processor_virtualizes() -> Look<()> {
    match files::text("/proc/cpuinfo") {
        Look::Seen(text) => virtualization::in_cpuinfo(&text),
        Look::Missing => Look::Unknown("there is no /proc/cpuinfo".to_owned()),
        Look::Unknown(why) => Look::Unknown(why),
    }
}

/// The room in a folder, or in the nearest one above that is there already.
fn room(folder: &str) -> Look<Disk> {
    let there = Utf8Path::new(folder)
        .ancestors()
        .find(|above| above.is_dir());
    let there = there.unwrap_or(Utf8Path::new("/"));
    ask(&["df", "-P", "-k", there.as_str()], &[]).read("`df`", |text| resources::disk(folder, text))
}
