//! Real clusters that ask their clients who they are.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use test_attribute::test;

use crate::apply_support::count;
use crate::cluster_on_machines::Cluster;
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::local_support::{etcdctl, three};
use crate::scratch::{Ran, Scratch};

const PASSWORD: &str = "s3cr:et";

/// A cluster with the users `root`, who may do everything, and `reader`, who may do nothing.
fn started(name: &str, definition: &str, etcd: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    scratch.run(&["up", name, "--etcd-dir", etcd]).expect(0);
    let root = format!("root:{PASSWORD}");
    let reader = format!("reader:{PASSWORD}");
    for words in [
        &["user", "add", &root][..],
        &["user", "grant-role", "root", "root"],
        &["user", "add", &reader],
        &["auth", "enable"],
    ] {
        etcdctl(&scratch, name, words).expect(0);
    }
    scratch
}

fn run_as(user: &str, password: &str, scratch: &Scratch, arguments: &[&str]) -> Ran {
    let mut command = scratch.command(arguments);
    command.env("ETCDCTL_USER", user);
    command.env("ETCDCTL_PASSWORD", password);
    let ran = Ran::from(command.output().unwrap());
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(password), "{text}");
    }
    ran
}

#[track_caller]
fn wants_a_user(ran: &Ran) {
    let hint = "as `ETCDCTL_USER` and `ETCDCTL_PASSWORD`\n";
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains(hint), "{said}");
}

#[track_caller]
fn serves_its_user(name: &str, network: u8, etcd: &str) {
    let etcd_section = match etcd == packaged() {
        true => "version = \"3.4.23\"\nruntime = \"container\"\n",
        false => "version = \"3.5.16\"\n",
    };
    let scratch = started(name, &count(network, 3, etcd_section), etcd);
    // Nothing is called broken that could not be looked at.
    for ran in [
        scratch.run(&["verify", name]),
        run_as("root", "other", &scratch, &["verify", name]),
        run_as("reader", PASSWORD, &scratch, &["verify", name]),
    ] {
        wants_a_user(&ran.expect(4));
    }
    wants_a_user(&scratch.run(&["backup", name]).expect(4));

    let as_root = |arguments: &[&str]| run_as("root", PASSWORD, &scratch, arguments);
    as_root(&["verify", name]).expect(0);
    as_root(&[
        "etcdctl",
        "--cluster",
        name,
        "--",
        "put",
        "greeting",
        "hello",
    ])
    .expect(0);
    let proven = as_root(&["backup", name, "--prove"]).expect(0).stdout;
    assert!(proven.contains("proven"), "{proven}");
    let drilled = as_root(&["drill", name, "member-killed"]).expect(0).stdout;
    assert!(drilled.contains(" 0 lost"), "{drilled}");
    // Both in one variable, as older versions of etcdctl read it.
    let mut status = scratch.command(&["status", name]);
    status.env("ETCDCTL_USER", format!("root:{PASSWORD}"));
    Ran::from(status.output().unwrap()).expect(0);
    as_root(&["restart", "--cluster", name]).expect(0);
}

#[test]
fn authentication_of_3_4_is_served() {
    serves_its_user("users-3-4", 77, packaged().as_str());
}

#[test]
fn authentication_of_3_5_is_served() {
    serves_its_user("users-3-5", 78, of_debian_13().as_str());
}

/// A user of another cluster may be left in the environment.
#[test]
fn user_is_no_obstacle_without_authentication() {
    let scratch = Scratch::with("open", &three(79));
    let up = ["up", "open", "--etcd-dir", packaged().as_str()];
    run_as("root", PASSWORD, &scratch, &up).expect(0);
    run_as("root", PASSWORD, &scratch, &["verify", "open"]).expect(0);
}

/// The members are changed by their user, but not over the border of 3.5.
#[test]
fn cluster_with_authentication_is_changed_by_its_user() {
    let old = "version = \"3.4.23\"\nruntime = \"container\"\n";
    let scratch = started("grows", &count(80, 1, old), packaged().as_str());
    scratch.define("grows", &count(80, 3, old));
    let as_root = |arguments: &[&str]| run_as("root", PASSWORD, &scratch, arguments);
    as_root(&["apply", "grows", "--yes"]).expect(0);
    scratch.define("grows", &count(80, 3, &old.replace("3.4.23", "3.5.16")));
    let refused = as_root(&["plan", "grows"]).expect(7).stderr;
    let fact = "cannot be upgraded to 3.5 while authentication is enabled\n";
    assert!(refused.contains(fact), "{refused}");
}

/// etcdctl runs inside a machine, where the environment of this host does not reach.
#[test]
fn unreached_machines_serve_their_user_in_containers() {
    let mut cluster = Cluster::started();
    let root = format!("root:{PASSWORD}");
    for words in [
        &["user", "add", &root][..],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        cluster.etcdctl(words);
    }
    cluster.cut_off();
    wants_a_user(&cluster.run(&["verify"]).expect(4));
    let user = [("ETCDCTL_USER", "root"), ("ETCDCTL_PASSWORD", PASSWORD)];
    cluster.run_with(&user, &["verify"]).expect(0);
}

#[test]
fn user_in_a_private_file_is_used() {
    let (name, etcd) = ("filed", packaged().as_str());
    let scratch = started(name, &count(96, 1, ""), etcd);
    wants_a_user(&scratch.run(&["verify", name]).expect(4));
    let definition = count(96, 1, "credentials = \"../root\"\n");
    scratch.define(name, &definition);
    let file = scratch.root().join("root");
    let write = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |why: &str| {
        for task in ["verify", "status", "backup"] {
            let said = scratch.run(&[task, name]).expect(5).stderr;
            assert!(said.contains(why), "{task}: {said}");
        }
    };
    refused("No such file");
    write(&format!("root:{PASSWORD}\n"), 0o640);
    refused("others can read it");
    write("root\n", 0o600);
    refused("its first line is not `name:password`");

    write(&format!("root:{PASSWORD}\n"), 0o600);
    scratch.run(&["verify", name]).expect(0);
    etcdctl(&scratch, name, &["put", "greeting", "hello"]).expect(0);
    scratch.run(&["backup", name, "--prove"]).expect(0);
    scratch.run(&["defrag", name, "--compact"]).expect(0);
    scratch.run(&["down", name]).expect(0);
    scratch.run(&["up", name]).expect(0);
    // The environment comes first.
    wants_a_user(&run_as("root", "unknown-word", &scratch, &["verify", name]).expect(4));
}
