//! Probes this host, with all queries at the same time, so that it takes as long as the slowest
//! one. Changes nothing and sends nothing to other hosts.

mod ask;
mod files;
mod providers;

use std::thread::{self, ScopedJoinHandle};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::host::catalogue::Catalogue;
use crate::host::libvirt::NETWORK_CONF;
use crate::host::network::{self, HostNetwork};
use crate::host::resources::{self, Disk};
use crate::host::virtualbox::NETWORKS_CONF;
use crate::host::{
    ARCHITECTURE_OF_MACHINES, Distribution, Groups, Host, MachineNames, Probe, Provider, Version,
    virtualization,
};
use crate::plan::Plan;
use crate::values::MachineName;
use crate::workspace::Workspace;
use ask::{VAGRANT, ask};

/// The cluster whose machines would run here.
#[derive(Debug, Clone)]
pub struct HostQuery {
    own: MachineNames,
    vagrantfile: Utf8PathBuf,
    catalogue: Utf8PathBuf,
}

impl HostQuery {
    /// The machines of a plan, with the names that `vagrant/Vagrantfile` gives them.
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

    /// The folder of the boxes made here and their catalogues.
    fn boxes(&self) -> &Utf8Path {
        self.catalogue.parent().unwrap_or(Utf8Path::new("."))
    }

    /// The folder in which Vagrant keeps its state.
    fn vagrants_own(&self) -> Utf8PathBuf {
        self.vagrantfile.with_file_name(".vagrant")
    }
}

/// Why a plan's machines cannot run here, judged by files and sockets alone, which is fast. `None`
/// if they probably can; a full probe may still find a reason.
pub fn why_not_at_a_glance(query: &HostQuery, plan: &Plan) -> Option<&'static str> {
    if plan.machine.profile.is_gone() {
        return Some("the images of its machines' system are no longer available");
    }
    if std::env::consts::ARCH != ARCHITECTURE_OF_MACHINES {
        return Some("its machines need another architecture than this host's");
    }
    if !ask::is_on_path("vagrant") {
        return Some("Vagrant is not installed here");
    }
    match providers::at_a_glance(&query.vagrants_own()).choose() {
        Err(_) => Some("Vagrant finds neither libvirt nor VirtualBox here"),
        Ok(provider) if !plan.machine.profile.machine_box.is_for(provider.as_str()) => {
            Some("no box of its machines' system exists for this host's provider")
        }
        Ok(_) => None,
    }
}

/// The name of this host; `unknown` if it cannot be read.
pub fn name() -> String {
    kernel_says("hostname")
}

/// The release of this host's kernel; `unknown` if it cannot be read.
pub fn kernel() -> String {
    kernel_says("osrelease")
}

fn kernel_says(what: &str) -> String {
    match files::text(format!("/proc/sys/kernel/{what}")) {
        Probe::Seen(text) => text.trim().to_owned(),
        Probe::Missing | Probe::Unknown(_) => "unknown".to_owned(),
    }
}

/// The number of processors that this program may use.
pub fn processors() -> Option<u32> {
    match files::processors() {
        Probe::Seen(count) => Some(count),
        Probe::Missing | Probe::Unknown(_) => None,
    }
}

/// The provider that would run machines, judged by files and sockets alone.
pub fn provider_at_a_glance(workspace: &Workspace) -> Option<Provider> {
    let vagrants_own = workspace.vagrantfile().with_file_name(".vagrant");
    providers::at_a_glance(&vagrants_own).choose().ok()
}

/// Runs the programs and reads the files that show whether machines can run here.
pub fn look(query: &HostQuery) -> Host {
    let own = query.vagrants_own();
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
            None => Probe::Unknown("neither VAGRANT_HOME nor HOME is set".to_owned()),
        });
        let catalogue = files::text(&query.catalogue)
            .read("the catalogue of the box", |text| Catalogue::read(text));
        let seen = end(providers);
        Host {
            own: query.own.clone(),
            architecture: std::env::consts::ARCH.to_owned(),
            distribution: distribution(),
            vagrant: end(vagrant),
            vagrantfile: query.vagrantfile.is_file(),
            groups: end(groups),
            kvm: files::kvm(),
            processor_virtualizes: processor_virtualizes(),
            virtualization_asked: files::variable("XTASK_VIRTUALIZATION"),
            processors: files::processors(),
            memory: files::text("/proc/meminfo")
                .read("/proc/meminfo", |text| resources::memory(text)),
            boxes: end(boxes),
            images: match &seen.images {
                Probe::Seen(folder) => room(folder),
                Probe::Missing => Probe::Missing,
                Probe::Unknown(why) => Probe::Unknown(why.clone()),
            },
            network: HostNetwork {
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
            box_file: files::box_size(query.boxes(), &catalogue, &seen.providers),
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
        Probe::Seen(text) => Some(text),
        Probe::Missing | Probe::Unknown(_) => None,
    });
    text.map_or(Distribution::Other, |text| Distribution::read(&text))
}

fn groups() -> Probe<Groups> {
    let name = match ask(&["id", "-un"], &[]) {
        Probe::Seen(name) => name.trim().to_owned(),
        Probe::Missing => return Probe::Missing,
        Probe::Unknown(why) => return Probe::Unknown(why),
    };
    match (ask(&["id", "-Gn"], &[]), ask(&["id", "-Gn", &name], &[])) {
        (Probe::Seen(held), Probe::Seen(listed)) => Probe::Seen(Groups::read(&held, &listed)),
        (Probe::Unknown(why), _) | (_, Probe::Unknown(why)) => Probe::Unknown(why),
        (Probe::Missing, _) | (_, Probe::Missing) => Probe::Missing,
    }
}

fn processor_virtualizes() -> Probe<()> {
    match files::text("/proc/cpuinfo") {
        Probe::Seen(text) => virtualization::in_cpuinfo(&text),
        Probe::Missing => Probe::Unknown("there is no /proc/cpuinfo".to_owned()),
        Probe::Unknown(why) => Probe::Unknown(why),
    }
}

/// The free space of a folder, or of its nearest existing parent.
fn room(folder: &str) -> Probe<Disk> {
    let there = Utf8Path::new(folder)
        .ancestors()
        .find(|above| above.is_dir());
    let there = there.unwrap_or(Utf8Path::new("/"));
    ask(&["df", "-P", "-k", there.as_str()], &[]).read("`df`", |text| resources::disk(folder, text))
}
