//! Hosts, recorded or with one detail made up.

use std::fs;

use camino::Utf8PathBuf;
use expect_test::expect_file;
use xtask::doctor::{self, HostReport};
use xtask::host::catalogue::{Build, Catalogue, Edition};
use xtask::host::libvirt::{self, Daemon, Domain};
use xtask::host::network::{self, HostNetwork};
use xtask::host::provider::{PLUGIN, plugin_in_file};
use xtask::host::virtualization::{self, Kvm};
use xtask::host::{
    CreatedMachine, Distribution, Groups, Host, MachineNames, Probe, Providers, Version, resources,
    virtualbox,
};
use xtask::judgement::Verdict;
use xtask::plan::Plan;
use xtask::ui;

use crate::cli_help::{assert_can_be_typed, commands_in};
use crate::support::project;

/// The output of a program, or the text of a file.
#[track_caller]
pub(crate) fn recorded(path: &str) -> String {
    let path = project().join("tests/recorded/hosts").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Debian 12 with everything that libvirt needs, and no obstacles.
pub(crate) fn ready() -> Host {
    let mut host = Host {
        own: MachineNames {
            machine_prefix: String::new(),
            domain_prefix: "xtask-0badcafe-".to_owned(),
            network: "xtask-0badcafe-default".to_owned(),
        },
        architecture: "x86_64".to_owned(),
        distribution: Distribution::Debian,
        vagrant: Probe::Seen(Version::in_text(&recorded("debian-12/vagrant-version.txt")).unwrap()),
        vagrantfile: true,
        providers: Providers {
            asked: None,
            plugin: plugin_in_file(
                &recorded("debian-12/plugins.d-vagrant-libvirt.json"),
                PLUGIN,
            ),
            libvirt: Daemon::Answers(None),
            virtualbox: Probe::Missing,
        },
        groups: Probe::Seen(Groups::read("ada libvirt kvm", "ada libvirt kvm")),
        kvm: Probe::Seen(Kvm::Opens),
        processor_virtualizes: Probe::Seen(()),
        virtualization_asked: None,
        processors: Probe::Seen(2),
        memory: Probe::Seen(resources::memory(&recorded("debian-12/meminfo.txt")).unwrap()),
        boxes: Probe::Seen(
            resources::disk("/srv/vagrant/boxes", &recorded("debian-12/df.txt")).unwrap(),
        ),
        images: Probe::Seen(
            resources::disk("/var/lib/libvirt/images", &recorded("debian-12/df.txt")).unwrap(),
        ),
        network: network_of("libvirt-fresh"),
        networks_conf: Probe::Missing,
        domains: Probe::Missing,
        libvirt_networks: Probe::Missing,
        libvirt_network_conf: Probe::Missing,
        machines: Vec::new(),
        catalogue: Probe::Missing,
        kept_boxes: Vec::new(),
        box_file: Probe::Missing,
    };
    answer_as(&mut host, "libvirt-fresh");
    host
}

/// The same host with VirtualBox instead of libvirt.
pub(crate) fn with_virtualbox(version: &str) -> Host {
    let said = recorded(&format!("made-up-virtualbox/{version}.txt"));
    let mut host = ready();
    host.providers.plugin = Probe::Missing;
    host.providers.libvirt = Daemon::NoSocket;
    host.providers.virtualbox = Probe::Seen(virtualbox::version(&said).unwrap());
    host.domains = Probe::Unknown("libvirt does not answer".to_owned());
    host.libvirt_networks = Probe::Unknown("libvirt does not answer".to_owned());
    host
}

/// Uses libvirt's answers and the network of this recording.
pub(crate) fn answer_as(host: &mut Host, recording: &str) {
    let answers = recorded(&format!("{recording}/virsh.txt"));
    let details = recorded(&format!("{recording}/virsh-details.txt"));
    host.domains = Probe::Seen(libvirt::domains(&answers));
    host.libvirt_networks = Probe::Seen(libvirt::networks(&details));
    host.providers.libvirt = Daemon::Answers(None).asked(&Probe::Seen(answers));
    host.network = network_of(recording);
}

/// A machine that Vagrant has created.
pub(crate) fn machine(name: &str, provider: &str, id: &str) -> CreatedMachine {
    CreatedMachine {
        name: name.to_owned(),
        provider: provider.to_owned(),
        id: id.to_owned(),
    }
}

/// The machine of a domain, as Vagrant knows it.
pub(crate) fn known(domain: &Domain) -> CreatedMachine {
    let name = domain.name.trim_start_matches("xtask-0badcafe-");
    machine(name, "libvirt", &domain.id)
}

/// The output of `ip`.
pub(crate) fn network_of(recording: &str) -> HostNetwork {
    let said = |name: &str| recorded(&format!("{recording}/ip-{name}.json"));
    HostNetwork {
        routes: Probe::Seen(network::routes(&said("route")).unwrap()),
        addresses: Probe::Seen(network::addresses(&said("addr")).unwrap()),
        neighbours: Probe::Seen(network::neighbours(&said("neigh")).unwrap()),
    }
}

/// The catalogue of a box that was built for one provider.
pub(crate) fn catalogue(provider: &str) -> Catalogue {
    Catalogue {
        name: "xtask/debian-13".to_owned(),
        versions: vec![Edition {
            providers: vec![Build {
                name: provider.to_owned(),
                url: "file:///srv/boxes/debian-13.box".to_owned(),
                checksum: None,
            }],
        }],
    }
}

/// A recorded processor without virtualization.
pub(crate) fn processor_of_debian_12() -> Probe<()> {
    virtualization::in_cpuinfo(&recorded("debian-12/cpuinfo.txt"))
}

/// The expected output of `doctor`.
pub(crate) fn golden(name: &str) -> Utf8PathBuf {
    project().join(format!("tests/golden/doctor/{name}"))
}

/// The whole output for a terminal, without colours.
fn said(plan: &Plan, report: &HostReport) -> String {
    let mut text = ui::doctor::table::render(plan, report, ui::WIDTH);
    for diagnostic in report.diagnostics() {
        text += &format!("\n{}\n", ui::diagnostics::render(&diagnostic));
    }
    anstream::adapter::strip_str(&text).to_string()
}

/// Compares the output with its golden file, and checks the verdicts.
#[track_caller]
pub(crate) fn finds(name: &str, plan: &Plan, host: &Host, found: &[(&str, Verdict)]) {
    let report = doctor::judge(plan, host);
    let text = said(plan, &report);
    expect_file![golden(&format!("{name}.txt"))].assert_eq(&text);
    let noteworthy = |verdict| matches!(verdict, Verdict::Warn | Verdict::Fail);
    let actual: Vec<(&str, Verdict)> = report
        .checks
        .iter()
        .map(|one| (one.name, one.judgement.verdict))
        .filter(|(_, verdict)| noteworthy(*verdict))
        .collect();
    assert_eq!(actual, found, "{text}");
    let is_usable = !found.iter().any(|(_, verdict)| *verdict == Verdict::Fail);
    assert_eq!(report.is_usable(), is_usable, "{text}");
    for words in commands_in(&text) {
        assert_can_be_typed(&words);
    }
}
