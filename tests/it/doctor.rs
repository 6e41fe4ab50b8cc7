//! The whole output of `doctor` for hosts that were recorded, or changed by hand in one detail.

use expect_test::expect_file;
use test_attribute::test;
use xtask::doctor::{self, CHECKS};
use xtask::host::libvirt::Daemon;
use xtask::host::virtualization::Kvm;
use xtask::host::{Distribution, Groups, Host, Probe, Version};
use xtask::judgement::Verdict;
use xtask::plan::Plan;
use xtask::ui;

use crate::doctor_support::{
    catalogue, finds, golden, processor_of_debian_12, ready, with_virtualbox,
};
use crate::verify_support::{plan, three};

#[test]
fn ready_host_passes() {
    let mut host = ready();
    finds("ready", &three(), &host, &[]);
    host.catalogue = Probe::Seen(catalogue("libvirt"));
    host.box_file = Probe::Seen(151 << 20);
    finds("ready-with-box", &three(), &host, &[]);
}

#[test]
fn missing_and_old_vagrant_is_reported() {
    let mut host = ready();
    host.vagrant = Probe::Missing;
    finds(
        "vagrant-missing",
        &three(),
        &host,
        &[("vagrant", Verdict::Fail)],
    );
    host.vagrant =
        Probe::Unknown("`vagrant` exited with status 1: cannot load such file".to_owned());
    finds(
        "vagrant-broken",
        &three(),
        &host,
        &[("vagrant", Verdict::Fail)],
    );
    host.vagrant = Probe::Seen(Version::new(2, 2, 4));
    finds(
        "vagrant-too-old",
        &three(),
        &host,
        &[("vagrant", Verdict::Fail)],
    );
    host.vagrant = Probe::Seen(Version::new(2, 2, 19));
    finds(
        "vagrant-old",
        &three(),
        &host,
        &[("vagrant", Verdict::Warn)],
    );
    host.vagrant = Probe::Seen(Version::new(2, 4, 9));
    finds("vagrant-2.4", &three(), &host, &[]);
}

#[test]
fn missing_vagrantfile_is_reported() {
    let mut host = ready();
    host.vagrantfile = false;
    finds(
        "vagrantfile-missing",
        &three(),
        &host,
        &[("vagrantfile", Verdict::Fail)],
    );
}

#[test]
fn other_architecture_is_reported() {
    let mut host = ready();
    host.architecture = "aarch64".to_owned();
    let error = &[("architecture", Verdict::Fail)];
    finds("architecture", &three(), &host, error);
}

#[test]
fn every_reason_for_no_provider_is_reported() {
    let error = &[("provider", Verdict::Fail)];
    let mut host = ready();
    host.providers.plugin = Probe::Missing;
    finds("provider-no-plugin", &three(), &host, error);
    host.providers.plugin = Probe::Unknown("`plugins.json` is not JSON".to_owned());
    finds("provider-plugin-unknown", &three(), &host, error);

    for (name, daemon) in [
        ("not-installed", Daemon::NoSocket),
        ("not-running", Daemon::NotListening),
        ("forbidden", Daemon::Forbidden),
        (
            "silent",
            Daemon::Silent("`virsh` did not finish within 20s".to_owned()),
        ),
    ] {
        let mut host = ready();
        host.providers.libvirt = daemon;
        host.domains = Probe::Unknown("libvirt does not answer".to_owned());
        host.libvirt_networks = Probe::Unknown("libvirt does not answer".to_owned());
        host.groups = Probe::Seen(Groups::read("ada", "ada"));
        finds(&format!("provider-libvirt-{name}"), &three(), &host, error);
    }

    let mut host = ready();
    host.providers.libvirt = Daemon::Forbidden;
    host.groups = Probe::Seen(Groups::read("ada", "ada libvirt"));
    finds("provider-libvirt-new-in-its-group", &three(), &host, error);

    // With polkit, the socket is open to everybody.
    let mut host = ready();
    let why = "`virsh` exited with status 1: error: authentication unavailable: no polkit agent \
        available to authenticate action 'org.libvirt.unix.manage'";
    host.providers.libvirt = Daemon::Silent(why.to_owned());
    host.groups = Probe::Seen(Groups::read("ada wheel", "ada wheel"));
    finds("provider-libvirt-refused", &three(), &host, error);
    host.groups = Probe::Seen(Groups::read("ada", "ada libvirt"));
    finds(
        "provider-libvirt-refused-before-login",
        &three(),
        &host,
        error,
    );

    let host = with_virtualbox("version-without-module");
    finds("provider-virtualbox-without-module", &three(), &host, error);
}

#[test]
fn every_distribution_has_its_own_commands() {
    for (name, distribution) in [
        ("ubuntu", Distribution::Ubuntu),
        ("fedora", Distribution::Fedora),
        ("arch", Distribution::Arch),
        ("suse", Distribution::Suse),
        ("other", Distribution::Other),
    ] {
        let mut host = ready();
        host.distribution = distribution;
        host.vagrant = Probe::Missing;
        host.providers.plugin = Probe::Missing;
        host.providers.libvirt = Daemon::NoSocket;
        let errors = &[("vagrant", Verdict::Fail), ("provider", Verdict::Fail)];
        finds(&format!("nothing-on-{name}"), &three(), &host, errors);
    }
}

#[test]
fn virtualbox_that_vagrant_may_not_support_is_reported() {
    let flatcar = flatcar();
    let mut host = with_virtualbox("version");
    let virtualbox = |host: &mut Host, version| match &mut host.providers.virtualbox {
        Probe::Seen(virtualbox) => virtualbox.version = Some(version),
        _ => panic!("VirtualBox is there"),
    };
    let warning = &[("provider", Verdict::Warn)];
    virtualbox(&mut host, Version::new(7, 1, 4));
    finds("virtualbox-too-new", &flatcar, &host, warning);
    host.vagrant = Probe::Seen(Version::new(2, 4, 2));
    finds("virtualbox-7.1", &flatcar, &host, &[]);
    virtualbox(&mut host, Version::new(7, 3, 0));
    finds("virtualbox-newer-than-known", &flatcar, &host, &[]);
}

#[test]
fn requested_provider_is_used() {
    let mut host = ready();
    host.providers.asked = Some("virtualbox".to_owned());
    finds(
        "provider-asked-missing",
        &three(),
        &host,
        &[("provider", Verdict::Fail)],
    );
    host.providers.asked = Some("libvirt".to_owned());
    finds("provider-asked", &three(), &host, &[]);
    host.providers.asked = Some("parallels".to_owned());
    finds(
        "provider-unknown",
        &three(),
        &host,
        &[("provider", Verdict::Warn)],
    );
}

#[test]
fn unusable_kvm_is_reported() {
    let warning = &[("virtualization", Verdict::Warn)];
    let error = &[("virtualization", Verdict::Fail)];
    for (name, kvm) in [
        ("missing", Probe::Missing),
        (
            "fails",
            Probe::Seen(Kvm::Fails("No such device (os error 19)".to_owned())),
        ),
    ] {
        let mut host = ready();
        host.kvm = kvm;
        host.groups = Probe::Seen(Groups::read("ada libvirt", "ada libvirt"));
        finds(&format!("kvm-{name}"), &three(), &host, warning);
    }

    let mut host = ready();
    // libvirt has its own user for it.
    host.kvm = Probe::Seen(Kvm::Forbidden);
    finds("kvm-forbidden", &three(), &host, &[]);
    host.virtualization_asked = Some("kvm".to_owned());
    finds("kvm-asked-forbidden", &three(), &host, &[]);
    host.virtualization_asked = Some("qemu".to_owned());
    finds("kvm-not-asked", &three(), &host, &[]);
    host.virtualization_asked = Some("xen".to_owned());
    finds("kvm-asked-for-another", &three(), &host, error);

    let mut host = ready();
    host.kvm = Probe::Missing;
    host.processor_virtualizes = processor_of_debian_12();
    finds("kvm-not-by-the-processor", &three(), &host, warning);
    host.virtualization_asked = Some("kvm".to_owned());
    finds("kvm-asked-missing", &three(), &host, error);
    host.virtualization_asked = None;
    host.kvm = Probe::Seen(Kvm::Opens);
    finds("kvm-of-another-kind", &three(), &host, warning);

    let mut host = with_virtualbox("version");
    host.processor_virtualizes = processor_of_debian_12();
    let boxless = ("box", Verdict::Fail);
    finds(
        "virtualbox-not-by-the-processor",
        &three(),
        &host,
        &[error[0], boxless],
    );
}

fn flatcar() -> Plan {
    plan(
        "flatcar",
        "members = 3\n[network]\nsubnet = \"192.168.57.0/24\"\n[machine]\nprofile = \"flatcar\"\n",
    )
}

fn of_2015() -> Plan {
    let definition = "members = 3\n[network]\nsubnet = \"172.17.8.0/24\"\n\
        [machine]\nprofile = \"coreos\"\nchannel = \"alpha\"\n";
    plan("coreos-2015", definition)
}

#[test]
fn unavailable_boxes_are_reported() {
    let error = &[("box", Verdict::Fail)];
    finds("box-gone", &of_2015(), &ready(), error);
    finds("box-flatcar-on-libvirt", &flatcar(), &ready(), error);
    let mut both = ready();
    both.providers.virtualbox = with_virtualbox("version").providers.virtualbox;
    finds("box-flatcar-beside-virtualbox", &flatcar(), &both, error);
    finds(
        "box-debian-on-virtualbox",
        &three(),
        &with_virtualbox("version"),
        error,
    );
}

#[test]
fn published_and_built_boxes_pass() {
    finds(
        "box-flatcar-on-virtualbox",
        &flatcar(),
        &with_virtualbox("version"),
        &[],
    );
    let mut host = ready();
    host.catalogue = Probe::Seen(catalogue("libvirt"));
    finds("box-file-gone", &three(), &host, &[]);
    host.catalogue = Probe::Unknown("the catalogue of the box says nothing".to_owned());
    finds("box-unknown", &three(), &host, &[]);
}

#[test]
fn host_that_cannot_be_inspected_is_skipped() {
    let why = || "`ip` exited with status 255".to_owned();
    let mut host = ready();
    host.network.routes = Probe::Unknown(why());
    host.network.addresses = Probe::Missing;
    host.memory = Probe::Unknown("/proc/meminfo cannot be read".to_owned());
    host.processors = Probe::Unknown("not told".to_owned());
    host.images = Probe::Unknown("`df` exited with status 1".to_owned());
    host.domains = Probe::Missing;
    host.libvirt_networks = Probe::Missing;
    finds("unseen", &three(), &host, &[]);
    let report = doctor::judge(&three(), &host);
    let unseen = [
        "subnet",
        "addresses",
        "processors",
        "memory",
        "disk",
        "leftovers",
    ];
    for one in &report.checks {
        let expected = if unseen.contains(&one.name) {
            Verdict::Skipped
        } else {
            one.judgement.verdict
        };
        assert_eq!(one.judgement.verdict, expected, "{}", one.name);
    }
}

/// This test checks that every finding has a golden file; the tests above check that each is right.
#[test]
fn every_finding_has_a_test() {
    let texts: Vec<String> = golden("")
        .read_dir_utf8()
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for finding in CHECKS {
        let complains = |line: &str| {
            let mut words = line.split_whitespace();
            matches!(words.next(), Some("ERROR" | "warning")) && words.next() == Some(finding.name)
        };
        assert!(
            texts.iter().any(|text| text.lines().any(complains)),
            "no golden file shows what `{}` complains of",
            finding.name
        );
    }
}

/// Consumers rely on these names; renaming one is a new format.
#[test]
fn json_matches_the_golden_file_and_the_help() {
    let mut host = ready();
    host.kvm = Probe::Missing;
    let report = doctor::judge(&three(), &host);
    let text = ui::doctor::json::render(&three(), &report, 0);
    expect_file![golden("kvm-missing.json")].assert_eq(&text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let help = crate::scratch::Scratch::new()
        .run(&["help", "doctor"])
        .expect(0)
        .stdout;
    let findings = document["findings"].as_array().unwrap();
    let warned = findings
        .iter()
        .find(|one| one["verdict"] == "warning")
        .unwrap();
    for object in [&document, warned, &warned["diagnostics"][0]] {
        for name in object.as_object().unwrap().keys() {
            let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(
                words.into_iter().any(|word| word == name),
                "{name} is not in the help"
            );
        }
    }
    assert_eq!(document["format"], 1);
}
