//! What the tests of machines stand on: a lab is apart from the host, and leaves nothing there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use camino::Utf8Path;

use crate::lab::Lab;

/// As small as a machine can be: it has no disk to boot from.
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

/// With everything that libvirt can do for a network: a bridge, addresses, a way out of it.
const NETWORK: &str = "<network>
  <name>network</name>
  <bridge name='lab-itself'/>
  <forward mode='nat'/>
  <ip address='192.168.56.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.56.2' end='192.168.56.9'/></dhcp>
  </ip>
</network>";

#[test]
fn nothing_is_left_of_a_lab_in_vms() {
    let lab = Lab::new();
    let folder = lab.folder().to_owned();
    let alone = lab.processes();
    for (name, text, verb) in [
        ("network.xml", NETWORK, "net-create"),
        ("machine.xml", MACHINE, "create"),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        lab.virsh(&[verb, path.as_str()]).unwrap();
    }
    assert_eq!((lab.domains(), lab.networks()), named("machine", "network"));
    let busy = lab.processes();
    for program in ["qemu-system-x86_64", "dnsmasq"] {
        assert!(busy.iter().any(|line| line.contains(program)), "{busy:#?}");
    }
    assert!(!has_link("lab-itself"), "this host has the lab's bridge");

    // A machine without power is gone, not merely dead: something waited for it.
    lab.pull_the_plug("machine");
    lab.virsh(&["net-destroy", "network"]).unwrap();
    assert_eq!((lab.domains(), lab.networks()), (vec![], vec![]));
    assert_eq!(lab.processes(), alone);

    for file in ["network.xml", "machine.xml"] {
        let verb = if file == "network.xml" {
            "net-create"
        } else {
            "create"
        };
        lab.virsh(&[verb, folder.join(file).as_str()]).unwrap();
    }
    let namespace = lab.namespace();
    assert!(processes_in(&namespace) > alone.len());
    drop(lab);
    assert_eq!(processes_in(&namespace), 0);
    assert!(!folder.exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(folder.as_str()), "{mounts}");
}

#[test]
fn what_a_killed_test_left_is_removed_by_the_next_in_vms() {
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let all = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
    let left = all.join(format!("vms-{}-0", ended.id()));
    fs::create_dir_all(left.join("libvirt/images")).unwrap();
    let (first, second) = (Lab::new(), Lab::new());
    assert!(!left.exists());
    assert!(first.folder().exists() && second.folder().exists());
}

fn named(domain: &str, network: &str) -> (Vec<String>, Vec<String>) {
    (vec![domain.to_owned()], vec![network.to_owned()])
}

fn has_link(name: &str) -> bool {
    Utf8Path::new("/sys/class/net").join(name).exists()
}

/// How many processes of this host are in a namespace of processes.
fn processes_in(namespace: &PathBuf) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            fs::read_link(process.path().join("ns/pid")).is_ok_and(|its| its == *namespace)
        })
        .count()
}
