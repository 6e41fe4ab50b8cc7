//! What `doctor` finds about networks, memory, disks and what an earlier run has left.

use test_attribute::test;
use xtask::host::libvirt::Daemon;
use xtask::host::resources::{Disk, Memory};
use xtask::host::{Probe, Version, network};
use xtask::judgement::Verdict;

use crate::doctor_support::{
    answer_as, catalogue, finds, known, machine, network_of, ready, recorded, with_virtualbox,
};
use crate::verify_support::{plan, three};

#[test]
fn running_cluster_does_not_block_itself() {
    let mut host = ready();
    answer_as(&mut host, "libvirt-left-overs");
    let domains = host.domains.seen().unwrap().clone();
    host.machines = domains.iter().map(known).collect();
    // Its members already have what they need; only the remaining one needs what is free.
    host.memory = memory(8 << 30, 2 << 30);
    let Probe::Seen(neighbours) = &mut host.network.neighbours else {
        panic!("neighbours were recorded");
    };
    neighbours.extend(
        network::neighbours(
            r#"[{"dst":"192.168.56.101","dev":"virbr1","lladdr":"52:54:00:00:00:01","state":["REACHABLE"]},
                {"dst":"192.168.56.103","dev":"virbr1","lladdr":"52:54:00:00:00:03","state":["STALE"]}]"#,
        )
        .unwrap(),
    );
    finds("running", &three(), &host, &[]);
}

#[test]
fn addresses_not_allowed_by_virtualbox_are_reported() {
    let mut old = with_virtualbox("version");
    let plan = plan(
        "flatcar",
        "members = 3\n[network]\nsubnet = \"172.17.8.0/24\"\n[machine]\nprofile = \"flatcar\"\n",
    );
    let error = &[("range", Verdict::Fail)];
    finds("range", &plan, &old, error);
    old.networks_conf = Probe::Seen(recorded("made-up-virtualbox/networks.conf"));
    finds("range-with-file", &plan, &old, error);
    old.networks_conf = Probe::Seen("* 192.168.56.0/21\n* 172.17.8.0/24\n".to_owned());
    finds("range-allowed", &plan, &old, &[]);
    old.networks_conf = Probe::Missing;
    if let Probe::Seen(virtualbox) = &mut old.providers.virtualbox {
        virtualbox.version = Some(Version::new(6, 1, 26));
    }
    finds("range-old-virtualbox", &plan, &old, &[]);
}

#[test]
fn used_addresses_are_reported() {
    let mut host = ready();
    host.network = network_of("busy-network");
    // The bridge of a network card has this subnet, the VPN a wider one; a neighbour answers.
    let found = &[("subnet", Verdict::Fail), ("addresses", Verdict::Warn)];
    finds("network-same-subnet", &three(), &host, found);
    // The VPN takes the first member's packets; there is no box, but that does not matter here.
    let host_route = plan("other", "[network]\nsubnet = \"192.168.57.0/24\"\n");
    finds(
        "network-narrower-route",
        &host_route,
        &host,
        &[("subnet", Verdict::Fail)],
    );
    let beside = plan(
        "beside",
        "[network]\nsubnet = \"192.168.57.0/24\"\nfirst_host = 110\n",
    );
    finds(
        "network-narrower-route-beside",
        &beside,
        &host,
        &[("subnet", Verdict::Warn)],
    );
    let docker = plan("docker", "[network]\nsubnet = \"172.17.8.0/24\"\n");
    finds(
        "network-docker",
        &docker,
        &host,
        &[("subnet", Verdict::Warn)],
    );
    let own = plan("own", "[network]\nfirst_host = 6\n");
    let found = &[("subnet", Verdict::Fail), ("addresses", Verdict::Fail)];
    finds("network-own-address", &own, &host, found);
}

#[test]
fn conflicting_libvirt_networks_are_reported() {
    // The cluster of another checkout has the addresses.
    let mut host = ready();
    answer_as(&mut host, "libvirt-left-overs");
    host.own.domain_prefix = "xtask-c0ffee00-".to_owned();
    host.own.network = "xtask-c0ffee00-default".to_owned();
    finds(
        "network-of-another-checkout",
        &three(),
        &host,
        &[("subnet", Verdict::Fail)],
    );
    // The network that libvirt is installed with is part of this one.
    let wide = plan(
        "wide",
        "[network]\nsubnet = \"192.168.0.0/16\"\nfirst_host = 900\n",
    );
    finds(
        "network-wider-than-libvirts",
        &wide,
        &ready(),
        &[("subnet", Verdict::Warn)],
    );
    // It starts at the same address, which is all that Vagrant compares.
    let begins = plan(
        "begins",
        "[network]\nsubnet = \"192.168.122.0/25\"\nfirst_host = 101\n",
    );
    finds(
        "network-begins-as-libvirts",
        &begins,
        &ready(),
        &[("subnet", Verdict::Fail)],
    );
    // The definition has another subnet since its network was created.
    let mut host = ready();
    answer_as(&mut host, "libvirt-left-overs");
    host.domains = Probe::Seen(Vec::new());
    let moved = plan("default", "[network]\nsubnet = \"192.168.60.0/24\"\n");
    finds(
        "network-of-an-earlier-definition",
        &moved,
        &host,
        &[("subnet", Verdict::Fail)],
    );
}

/// Docker's rules only affect those that libvirt writes with nftables.
#[test]
fn docker_beside_libvirt_is_reported() {
    let mut host = ready();
    let docker = r#"[{"dst":"172.17.0.0/16","dev":"docker0","flags":["linkdown"]}]"#;
    host.network.routes = Probe::Seen(network::routes(docker).unwrap());
    finds("forwarding-old-libvirt", &three(), &host, &[]);
    host.providers.libvirt = Daemon::Answers(Some(Version::new(11, 3, 0)));
    let warning = &[("forwarding", Verdict::Warn)];
    finds("forwarding", &three(), &host, warning);
    let commented = "# firewall_backend = \"iptables\"\n";
    host.libvirt_network_conf = Probe::Seen(commented.to_owned());
    finds("forwarding", &three(), &host, warning);
    host.libvirt_network_conf = Probe::Seen(commented.replace("# ", ""));
    finds("forwarding-by-iptables", &three(), &host, &[]);
}

fn memory(total: u64, available: u64) -> Probe<Memory> {
    Probe::Seen(Memory { total, available })
}

#[test]
fn too_little_memory_and_too_few_processors_are_reported() {
    let mut host = ready();
    host.memory = memory(8 << 30, 2 << 30);
    finds(
        "memory-little",
        &three(),
        &host,
        &[("memory", Verdict::Warn)],
    );
    host.memory = memory(2 << 30, 300 << 20);
    finds(
        "memory-too-little",
        &three(),
        &host,
        &[("memory", Verdict::Fail)],
    );
    let four = plan("four", "members = 3\n[machine]\ncpus = 4\n");
    finds(
        "processors",
        &four,
        &ready(),
        &[("processors", Verdict::Warn)],
    );
}

#[test]
fn too_little_disk_space_is_reported() {
    let disk = |folder: &str, mounted_on: &str, available: u64| {
        Probe::Seen(Disk {
            folder: folder.to_owned(),
            mounted_on: mounted_on.to_owned(),
            available,
        })
    };
    let mut host = ready();
    host.images = disk("/var/lib/libvirt/images", "/var", 5 << 30);
    host.boxes = disk("/srv/vagrant/boxes", "/srv", 9 << 30);
    finds("disk-little", &three(), &host, &[("disk", Verdict::Warn)]);
    host.catalogue = Probe::Seen(catalogue("libvirt"));
    host.kept_boxes = ["xtask/debian-13", "xtask/debian-13-0ldb0x"]
        .map(str::to_owned)
        .into();
    host.images = disk("/var/lib/libvirt/images", "/var", 100 << 20);
    host.boxes = disk("/srv/vagrant/boxes", "/srv", 200 << 20);
    finds(
        "disk-too-little",
        &three(),
        &host,
        &[("disk", Verdict::Fail)],
    );
}

/// After `down`, and with VirtualBox, whose running machines are not listed.
#[test]
fn machines_with_disks_need_no_more_space() {
    let mut host = ready();
    answer_as(&mut host, "libvirt-left-overs");
    let Probe::Seen(domains) = &mut host.domains else {
        panic!("domains were recorded");
    };
    let mut third = domains[0].clone();
    third.name = "xtask-0badcafe-core-03".to_owned();
    third.id = "3".to_owned();
    domains.push(third);
    for domain in domains.iter_mut() {
        domain.runs = false;
    }
    host.machines = domains.iter().map(known).collect();
    let Probe::Seen(images) = &mut host.images else {
        panic!("room was recorded");
    };
    images.available = 100 << 20;
    finds("disk-of-stopped-machines", &three(), &host, &[]);

    let mut host = with_virtualbox("version");
    let Probe::Seen(images) = &mut host.images else {
        panic!("room was recorded");
    };
    images.available = 100 << 20;
    let flatcar = plan("default", "members = 3\n[machine]\nprofile = \"flatcar\"\n");
    let names = ["core-01", "core-02", "core-03"];
    host.machines = names.map(|name| machine(name, "virtualbox", name)).into();
    finds("disk-of-virtualbox-machines", &flatcar, &host, &[]);
}

#[test]
fn machines_unknown_to_vagrant_are_reported() {
    let error = &[("leftovers", Verdict::Fail)];
    let mut host = ready();
    answer_as(&mut host, "libvirt-left-overs");
    finds("leftovers", &three(), &host, error);
    let domains = host.domains.seen().unwrap().clone();
    host.machines = vec![known(&domains[0])];
    finds("leftovers-one", &three(), &host, error);
}
