//! The real `doctor`, on this host as it is and in environments where things are really missing.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use test_attribute::test;
use xtask::doctor::CHECKS;
use xtask::host_probe::{self, HostQuery};
use xtask::workspace::Workspace;

use crate::scratch::{Ran, Scratch};
use crate::support::{require_tool, write_program};
use crate::verify_support::three;

const VERDICTS: &[&str] = &["ok", "not-applicable", "skipped", "warning", "error"];

/// A workspace with the file that Vagrant needs.
fn workspace() -> Scratch {
    let scratch = Scratch::with("default", "members = 3\n");
    fs::create_dir(scratch.root().join("vagrant")).unwrap();
    fs::write(scratch.root().join("vagrant/Vagrantfile"), "").unwrap();
    scratch
}

/// Runs `doctor` with these arguments, in an environment with only these settings.
fn doctor(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = scratch.command(&[&["doctor"], arguments].concat());
    command.env_remove("VAGRANT_DEFAULT_PROVIDER");
    command.env("VAGRANT_HOME", scratch.root().join("vagrant.d"));
    command
}

fn run(mut command: Command) -> Ran {
    Ran::from(command.output().unwrap())
}

/// The rows of the table: label, name, evidence.
fn rows(ran: &Ran) -> Vec<(String, String, String)> {
    // An indented line continues the one above.
    let mut lines: Vec<String> = Vec::new();
    for line in ran.stdout.lines().skip(2) {
        match (line.strip_prefix("  "), lines.last_mut()) {
            (Some(more), Some(begun)) => *begun = format!("{begun} {}", more.trim()),
            _ => lines.push(line.to_owned()),
        }
    }
    let rows = lines.iter().map(|line| {
        let (label, rest) = line.split_at(9);
        let (name, evidence) = rest.split_once(' ').unwrap();
        let words = [label, name, evidence].map(|word| word.trim().to_owned());
        <(String, String, String)>::from(words)
    });
    rows.collect()
}

#[track_caller]
fn row<'a>(rows: &'a [(String, String, String)], name: &str) -> (&'a str, &'a str) {
    let row = rows.iter().find(|row| row.1 == name);
    let (label, _, evidence) = row.unwrap_or_else(|| panic!("{name} is not in {rows:?}"));
    (label, evidence)
}

#[test]
fn exit_status_matches_the_findings_on_this_host() {
    let scratch = workspace();
    let ran = run(doctor(&scratch, &[]));
    let rows = rows(&ran);
    let names: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
    let all: Vec<&str> = CHECKS.iter().map(|finding| finding.name).collect();
    assert_eq!(names, all, "{}", ran.stdout);
    let errors = rows.iter().filter(|row| row.0 == "ERROR").count();
    let expected = if errors == 0 { 0 } else { 5 };
    assert_eq!(ran.status, Some(expected), "{ran:?}");
    assert!(ran.stderr.matches("\nerror: ").count() >= errors, "{ran:?}");
    assert_eq!(errors > 0, ran.stderr.contains("--driver local"), "{ran:?}");
    // The probe leaves nothing behind, except for what Vagrant itself creates when it is called.
    assert_eq!(scratch.left_in_state(), Vec::<String>::new());

    let ran = run(doctor(&scratch, &["--format", "json"]));
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (Some(expected), ""),
        "{ran:?}"
    );
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["exit_status"], expected);
    assert_eq!(document["usable"], errors == 0);
    for finding in document["findings"].as_array().unwrap() {
        let verdict = finding["verdict"].as_str().unwrap();
        assert!(VERDICTS.contains(&verdict), "{finding}");
    }
}

#[test]
fn checks_without_programs_do_not_pass() {
    let scratch = workspace();
    let empty = folder(&scratch, "empty");
    let mut command = doctor(&scratch, &[]);
    command.env("PATH", empty);
    let ran = run(command).expect(5);
    let rows = rows(&ran);
    assert_eq!(row(&rows, "vagrant"), ("ERROR", "not on PATH"));
    assert_eq!(row(&rows, "subnet").0, "partly", "{}", ran.stdout);
    assert_eq!(row(&rows, "addresses").0, "partly", "{}", ran.stdout);
    assert_eq!(row(&rows, "disk").0, "skipped", "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("error: `vagrant` is not on your PATH\n")
    );
    let makers = "https://developer.hashicorp.com/vagrant/install";
    assert!(ran.stderr.contains(makers), "{}", ran.stderr);
    let last = "hint: run local processes instead, which need none of this: `cargo xtask up --driver local`\n";
    assert!(ran.stderr.ends_with(last), "{}", ran.stderr);
}

#[test]
fn recipe_of_2015_gets_alternatives() {
    let scratch = workspace();
    let shipped = crate::support::project().join("cluster/coreos-2015.toml");
    scratch.define("coreos-2015", &fs::read_to_string(shipped).unwrap());
    let ran = run(doctor(&scratch, &["coreos-2015"])).expect(5);
    for said in [
        "error: the box of CoreOS Container Linux is no longer available\n",
        "`cargo xtask up coreos-2015 --driver local`",
        "`cargo xtask up flatcar`",
    ] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    assert_eq!(
        ran.stderr.matches("--driver local").count(),
        1,
        "{}",
        ran.stderr
    );
}

#[test]
fn definition_errors_come_first() {
    let scratch = Scratch::with("default", "members = 4\n");
    let ran = run(doctor(&scratch, &[])).expect(3);
    assert_eq!(ran.stdout, "");
}

/// Programs that answer after three seconds, as if each had to be read from a slow disk.
#[test]
fn probe_takes_no_longer_than_the_slowest_program() {
    let scratch = workspace();
    let programs = folder(&scratch, "programs");
    let slow = [
        ("vagrant", "echo Vagrant 2.3.4"),
        (
            "VBoxManage",
            "echo 'Default machine folder: /srv'; echo 7.0.20r163906",
        ),
        ("ip", "echo []"),
        ("df", "echo head; echo '/dev/x 9 1 99999999 1% /'"),
    ];
    for (name, answer) in slow {
        program(&programs, name, &format!("/bin/sleep 3; {answer}"));
    }
    program(&programs, "id", "echo ada");
    let mut command = doctor(&scratch, &[]);
    command.env("PATH", &programs);
    let begun = Instant::now();
    let ran = run(command);
    let took = begun.elapsed();
    let rows = rows(&ran);
    assert_eq!(row(&rows, "vagrant"), ("ok", "Vagrant 2.3.4"));
    // Only `df` waits for another program: for VirtualBox, which says where it keeps disks.
    let most = Duration::from_secs(15);
    assert!(
        took < most,
        "{took:?}, where one after the other takes 27 s"
    );
}

/// Files and sockets show whether Vagrant can be used, before it is ever started.
#[test]
fn quick_probe_starts_no_program() {
    let scratch = workspace();
    let plan = three();
    let sought = HostQuery::of(&Workspace::at(scratch.root()), &plan);
    // Other load on this host does not delay each of them.
    let glances = (0..20).map(|_| {
        let begun = Instant::now();
        let why_not = host_probe::why_not_at_a_glance(&sought, &plan);
        (begun.elapsed(), why_not)
    });
    let (took, why_not) = glances.min_by_key(|(took, _)| *took).unwrap();
    assert!(
        took < Duration::from_millis(100),
        "{why_not:?} after {took:?}"
    );
}

/// In its own network and with its own `/run`: another network card has the subnet, Docker's bridge is
/// present, and there is a libvirt socket that nothing listens on.
#[test]
fn real_obstacles_are_seen_in_namespaces() {
    require_tool("ip", "iproute2");
    let scratch = workspace();
    scratch.define("docker", "[network]\nsubnet = \"172.17.8.0/24\"\n[machine]\nprofile = \"coreos\"\nchannel = \"alpha\"\n");
    let plugins = folder(&scratch, "vagrant.d");
    let installed =
        r#"{"version":"1","installed":{"vagrant-libvirt":{"installed_gem_version":"0.12.2"}}}"#;
    fs::write(plugins.join("plugins.json"), installed).unwrap();
    let script = "\
set -eu
mount -t tmpfs none /run
mkdir /run/libvirt
/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/libvirt/libvirt-sock\")'
ip link add br-lan type bridge
ip addr add 192.168.56.101/24 dev br-lan
ip link set br-lan up
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
set +e
\"$@\" default; one=$?
\"$@\" docker; two=$?
echo \"$one $two\"";
    let xtask = env!("CARGO_BIN_EXE_xtask");
    let mut command = Command::new("unshare");
    command
        .args([
            "--map-root-user",
            "--mount",
            "--net",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .args([xtask, "doctor"])
        .current_dir(scratch.root())
        .env_remove("VAGRANT_DEFAULT_PROVIDER")
        .env("VAGRANT_HOME", &plugins);
    let ran = run(command).expect(0);
    assert!(ran.stdout.ends_with("\n5 5\n"), "{ran:?}");
    for said in [
        "note: libvirt's daemon is not running\n",
        "error: `br-lan` on this host already has the network `192.168.56.0/24`\n",
        "error: `192.168.56.101`, the address of core-01, belongs to `br-lan` on this host\n",
        "warning: the subnet `172.17.8.0/24` is part of `172.17.0.0/16`, which Docker's default bridge has\n",
    ] {
        assert!(ran.stderr.contains(said), "{said}\n{ran:?}");
    }
    assert!(!ran.stderr.contains("does not have the plugin"), "{ran:?}");
}

fn folder(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    let folder = scratch.root().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Creates a program with this name and script.
fn program(folder: &Utf8Path, name: &str, script: &str) {
    write_program(&folder.join(name), &format!("#!/bin/sh\n{script}\n"));
}
