//! The labs for tests of machines are isolated from the host, and leave nothing there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use camino::Utf8Path;

use test_attribute::test;

use crate::lab::{Lab, wait_for};

/// A minimal machine without a disk.
const MACHINE: &str = "<domain type='qemu'>
  <name>machine</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <interface type='network'><source network='network'/></interface>
    <console type='pty'/>
  </devices>
</domain>";

/// A network with all that libvirt offers: a bridge, addresses and forwarding.
const NETWORK: &str = "<network>
  <name>network</name>
  <bridge name='lab-itself'/>
  <forward mode='nat'/>
  <ip address='192.168.56.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.56.2' end='192.168.56.9'/></dhcp>
  </ip>
</network>";

#[test]
fn lab_is_removed_completely_in_vms() {
    let lab = Lab::new();
    let folder = lab.folder().to_owned();
    let alone = lab.processes();
    let mut has_kvm = lab.command("test", Duration::from_secs(60));
    let has_kvm = has_kvm.args(["-e", "/dev/kvm"]).status().unwrap();
    assert_eq!(has_kvm.code(), Some(1), "the lab has this host's KVM");
    boot(&lab);
    assert_eq!((lab.domains(), lab.networks()), named("machine", "network"));
    let busy = lab.processes();
    for program in ["qemu-system-x86_64", "dnsmasq"] {
        assert!(busy.iter().any(|line| line.contains(program)), "{busy:#?}");
    }
    assert!(!has_link("lab-itself"), "this host has the lab's bridge");

    // A machine without power has no zombie: something waited for its process.
    lab.pull_the_plug("machine");
    lab.virsh(&["net-destroy", "network"]).unwrap();
    assert_eq!((lab.domains(), lab.networks()), (vec![], vec![]));
    // libvirt ends a network's programs shortly after it reports the network as gone.
    wait_for("their processes to end", || {
        (lab.processes() == alone).then_some(())
    });

    boot(&lab);
    let namespace = lab.namespace();
    assert!(processes_in(&namespace) > alone.len(), "none were seen");
    drop(lab);
    assert_eq!(processes_in(&namespace), 0);
    assert!(!folder.exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(folder.as_str()), "{mounts}");
}

#[test]
fn next_test_removes_the_lab_of_a_killed_one_in_vms() {
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let all = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
    let left = all.join(format!("vms-{}-0", ended.id()));
    fs::create_dir_all(left.join("libvirt/images")).unwrap();
    let (first, second) = (Lab::new(), Lab::new());
    assert!(!left.exists());
    assert!(first.folder().exists() && second.folder().exists());
}

fn boot(lab: &Lab) {
    for (verb, text) in [("net-create", NETWORK), ("create", MACHINE)] {
        let path = lab.folder().join(format!("{verb}.xml"));
        fs::write(&path, text).unwrap();
        lab.virsh(&[verb, path.as_str()]).unwrap();
    }
}

fn named(domain: &str, network: &str) -> (Vec<String>, Vec<String>) {
    (vec![domain.to_owned()], vec![network.to_owned()])
}

fn has_link(name: &str) -> bool {
    Utf8Path::new("/sys/class/net").join(name).exists()
}

/// The number of this host's processes in a PID namespace.
fn processes_in(namespace: &PathBuf) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            fs::read_link(process.path().join("ns/pid")).is_ok_and(|its| its == *namespace)
        })
        .count()
}
