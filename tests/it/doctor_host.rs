//! Parses the output of programs and the files that describe a host.

use test_attribute::test;
use xtask::host::libvirt::{self, Daemon};
use xtask::host::provider::{PLUGIN, plugin_in_file, plugin_in_list};
use xtask::host::virtualbox::Support;
use xtask::host::{
    Distribution, Obstacle, Probe, Provider, Version, network, provider, resources, virtualbox,
};

use crate::doctor_support::{ready, recorded, with_virtualbox};

#[test]
fn versions_are_found_in_surrounding_text() {
    let version = |text| Version::in_text(text).map(|version| version.to_string());
    assert_eq!(version("Vagrant 2.3.4\n").as_deref(), Some("2.3.4"));
    assert_eq!(version("Vagrant 2.4.2.dev\n").as_deref(), Some("2.4.2"));
    assert_eq!(version("7.0.20r163906\n").as_deref(), Some("7.0.20"));
    assert_eq!(version("6.1.50_Ubuntur161033\n").as_deref(), Some("6.1.50"));
    assert_eq!(version("Vagrant"), None);
    assert_eq!(version("2.3"), None);
    assert!(Version::new(2, 2, 19) > Version::new(2, 2, 5));
}

#[test]
fn distributions_are_known_by_id_and_id_like() {
    for (text, expected) in [
        (
            "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n",
            Distribution::Debian,
        ),
        ("ID=ubuntu\nID_LIKE=debian\n", Distribution::Ubuntu),
        (
            "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
            Distribution::Ubuntu,
        ),
        ("ID=fedora\n", Distribution::Fedora),
        (
            "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
            Distribution::Fedora,
        ),
        ("ID=arch\n", Distribution::Arch),
        (
            "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
            Distribution::Suse,
        ),
        ("ID=nixos\n", Distribution::Other),
        ("", Distribution::Other),
    ] {
        assert_eq!(Distribution::read(text), expected, "{text}");
    }
}

#[test]
fn plugin_is_found_in_every_list() {
    let seen = |version: Option<&str>| Probe::Seen(version.map(str::to_owned));
    let debian = recorded("debian-12/plugins.d-vagrant-libvirt.json");
    assert_eq!(plugin_in_file(&debian, PLUGIN), seen(None));
    assert_eq!(
        plugin_in_file(&recorded("debian-12/plugins.json"), PLUGIN),
        Probe::Missing
    );
    let own = r#"{"version":"1","installed":{"vagrant-libvirt":{"ruby_version":"3.1.2",
        "vagrant_version":"2.4.1","gem_version":"","installed_gem_version":"0.12.2","sources":[]}}}"#;
    assert_eq!(plugin_in_file(own, PLUGIN), seen(Some("0.12.2")));
    assert_eq!(plugin_in_file(own, "vagrant-scp"), Probe::Missing);
    assert!(matches!(plugin_in_file("{", PLUGIN), Probe::Unknown(_)));

    let list = recorded("debian-12/vagrant-plugin-list.txt");
    assert_eq!(plugin_in_list(&list, PLUGIN), seen(Some("0.11.2")));
    assert_eq!(plugin_in_list(&list, "vagrant-scp"), Probe::Missing);
    assert_eq!(
        plugin_in_list("1795532652,,ui,info,No plugins installed.\n", PLUGIN),
        Probe::Missing
    );
}

#[test]
fn virsh_output_is_parsed() {
    let answers = recorded("libvirt-left-overs/virsh.txt");
    let domains: Vec<(String, bool)> = libvirt::domains(&answers)
        .into_iter()
        .map(|domain| (domain.name, domain.runs))
        .collect();
    let expected = [
        ("xtask-0badcafe-core-01", true),
        ("xtask-0badcafe-core-02", false),
    ];
    assert_eq!(
        domains,
        expected.map(|(name, runs)| (name.to_owned(), runs))
    );
    assert_eq!(
        libvirt::further_questions(&answers),
        "echo == network 'default'; net-dumpxml 'default'; \
         echo == network 'xtask-0badcafe-default'; net-dumpxml 'xtask-0badcafe-default'; \
         echo == pool; pool-dumpxml default"
    );
    let details = recorded("libvirt-left-overs/virsh-details.txt");
    assert_eq!(
        libvirt::pool(&details).as_deref(),
        Some("/var/lib/libvirt/images")
    );
    let networks: Vec<String> = libvirt::networks(&details)
        .into_iter()
        .map(|one| {
            let (bridge, address) = (one.bridge.unwrap(), one.address.unwrap());
            format!("{} {bridge} {address}/{}", one.name, one.prefix.unwrap())
        })
        .collect();
    assert_eq!(
        networks,
        [
            "default virbr0 192.168.122.1/24",
            "xtask-0badcafe-default virbr1 192.168.56.1/24"
        ]
    );
    assert_eq!(
        Daemon::Answers(None).asked(&Probe::Seen(answers)),
        Daemon::Answers(Some(Version::new(9, 0, 0)))
    );

    let fresh = recorded("libvirt-fresh/virsh.txt");
    assert_eq!(libvirt::domains(&fresh), []);
    assert_eq!(
        libvirt::pool(&recorded("libvirt-fresh/virsh-details.txt")),
        None
    );
    assert_eq!(libvirt::further_questions("== version\n"), "");
    // A daemon that does not answer a query was not silent before the query.
    let refused = Probe::Unknown("no polkit agent".to_owned());
    assert_eq!(
        Daemon::Answers(None).asked(&refused),
        Daemon::Silent("no polkit agent".to_owned())
    );
    assert_eq!(Daemon::Forbidden.asked(&refused), Daemon::Forbidden);
    assert_eq!(
        Daemon::Answers(None).asked(&Probe::Missing),
        Daemon::Answers(None)
    );
}

#[test]
fn ip_output_is_parsed() {
    let said = |name: &str| recorded(&format!("busy-network/ip-{name}.json"));
    let routes: Vec<String> = network::routes(&said("route"))
        .unwrap()
        .iter()
        .map(|route| format!("{} {}", route.to, route.interface))
        .collect();
    assert_eq!(
        routes,
        [
            "10.8.0.0/24 vpn0",
            "172.17.0.0/16 docker0",
            "192.168.0.0/16 vpn0",
            "192.168.56.0/24 br-lan",
            "192.168.57.101/32 vpn0"
        ]
    );
    let addresses = network::addresses(&said("addr")).unwrap();
    let own = addresses.iter().map(|own| own.address.to_string());
    let own: Vec<String> = own.collect();
    assert_eq!(own, ["127.0.0.1", "172.17.0.1", "192.168.56.7", "10.8.0.2"]);
    // A neighbour that did not answer is left out.
    let neighbours = network::neighbours(&said("neigh")).unwrap();
    let neighbours: Vec<String> = neighbours
        .iter()
        .map(|one| one.address.to_string())
        .collect();
    assert_eq!(neighbours, ["192.168.56.102"]);
    // If there are no entries, some versions print nothing.
    assert_eq!(network::routes("[]"), Some(Vec::new()));
    assert_eq!(network::routes(""), Some(Vec::new()));
    assert_eq!(network::routes("Object is unknown"), None);
}

#[test]
fn memory_and_disk_are_parsed() {
    let memory = resources::memory(&recorded("debian-12/meminfo.txt")).unwrap();
    assert_eq!(memory.total, 24_684_084 << 10);
    assert!(memory.available < memory.total);
    assert_eq!(resources::memory("MemTotal: lots"), None);
    let disk = resources::disk("/srv/x", &recorded("debian-12/df.txt")).unwrap();
    assert_eq!(
        (disk.folder.as_str(), disk.mounted_on.as_str()),
        ("/srv/x", "/")
    );
    let odd = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
        //nas/my share 100 40 60 40% /mnt/my share\n";
    let disk = resources::disk("/mnt/my share", odd).unwrap();
    assert_eq!(
        (disk.available, disk.mounted_on.as_str()),
        (60 << 10, "/mnt/my share")
    );
    assert_eq!(resources::disk("/", "df: nothing"), None);
}

#[test]
fn virtualbox_output_and_file_are_parsed() {
    let read = |name: &str| recorded(&format!("made-up-virtualbox/{name}"));
    let fine = virtualbox::version(&read("version.txt")).unwrap();
    assert_eq!(
        (fine.version, fine.broken),
        (Some(Version::new(7, 0, 20)), None)
    );
    let broken = virtualbox::version(&read("version-without-module.txt")).unwrap();
    assert_eq!(
        broken.broken.as_deref(),
        Some("the vboxdrv kernel module is not loaded")
    );
    let folder = virtualbox::machine_folder(&read("systemproperties.txt"));
    assert_eq!(folder.as_deref(), Some("/srv/VirtualBox VMs"));

    let support =
        |(major, minor), vagrant| virtualbox::support(Version::new(major, minor, 30), vagrant);
    let (older, newer) = (Version::new(2, 3, 4), Version::new(2, 4, 9));
    assert_eq!(support((5, 2), older), Support::Yes);
    assert_eq!(support((7, 0), older), Support::Yes);
    assert_eq!(
        support((7, 1), older),
        Support::From(Version::new(2, 4, 2), (7, 0))
    );
    assert_eq!(support((7, 2), older), Support::From(newer, (7, 0)));
    assert_eq!(support((7, 2), newer), Support::Yes);
    assert_eq!(support((7, 3), newer), Support::Unknown);
    assert_eq!(support((8, 0), newer), Support::Unknown);

    let subnet = |text: &str| text.parse().unwrap();
    let conf = read("networks.conf");
    assert!(virtualbox::allows(None, subnet("192.168.63.0/24")));
    assert!(!virtualbox::allows(None, subnet("192.168.64.0/24")));
    assert!(!virtualbox::allows(None, subnet("192.168.0.0/16")));
    assert!(virtualbox::allows(Some(&conf), subnet("192.168.64.0/24")));
    assert!(virtualbox::allows(Some(&conf), subnet("10.0.0.0/8")));
    assert!(!virtualbox::allows(Some(&conf), subnet("172.17.8.0/24")));
    assert!(virtualbox::allows(
        Some("* 0.0.0.0/0 ::/0"),
        subnet("172.17.8.0/24")
    ));
    // With the file, only what it lists is allowed.
    assert!(!virtualbox::allows(
        Some("# nothing\n"),
        subnet("192.168.56.0/24")
    ));
}

#[test]
fn provider_is_chosen_in_order() {
    assert_eq!(provider(&ready()), Ok(Provider::Libvirt));
    assert_eq!(
        provider(&with_virtualbox("version")),
        Ok(Provider::VirtualBox)
    );
    let mut host = ready();
    host.providers.libvirt = Daemon::NotListening;
    assert_eq!(
        provider(&host),
        Err(vec![
            Obstacle::Libvirt(Daemon::NotListening),
            Obstacle::NoVirtualBox
        ])
    );
    // Only the requested provider counts, even if another one would work.
    host.providers.asked = Some("libvirt".to_owned());
    assert_eq!(
        provider(&host),
        Err(vec![Obstacle::Libvirt(Daemon::NotListening)])
    );
    let mut host = ready();
    host.providers.asked = Some("virtualbox".to_owned());
    assert_eq!(provider(&host), Err(vec![Obstacle::NoVirtualBox]));
    host.providers.asked = Some("vmware_desktop".to_owned());
    assert_eq!(
        provider(&host),
        Ok(Provider::Other("vmware_desktop".to_owned()))
    );
    let host = with_virtualbox("version-without-module");
    assert!(matches!(
        provider(&host).unwrap_err().last(),
        Some(Obstacle::VirtualBox(_))
    ));
}
