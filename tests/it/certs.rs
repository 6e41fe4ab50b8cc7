//! Renews the certificates of real clusters, and replaces their authority.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use test_attribute::test;

use crate::apply_support::{Writer, count};
use crate::etcd_binaries::packaged;
use crate::local_support::{etcdctl, is_healthy};
use crate::scratch::Scratch;
use crate::tls_support::{pki, started, with_tls};

fn listed(scratch: &Scratch, name: &str) -> Value {
    let listed = scratch.run(&["certs", name, "--format", "json"]).expect(0);
    serde_json::from_str(&listed.stdout).unwrap()
}

/// The process of each member.
fn processes(scratch: &Scratch, name: &str) -> Vec<String> {
    let members = scratch.root().join(".state").join(name).join("members");
    let mut files: Vec<Utf8PathBuf> = members
        .read_dir_utf8()
        .unwrap()
        .map(|member| member.unwrap().path().join("pid"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// The file of two trusted authorities.
fn both(pki: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut files = pki
        .read_dir_utf8()
        .unwrap()
        .map(|file| file.unwrap().into_path());
    files.find(|file| file.file_name().unwrap().starts_with("both-"))
}

fn content(file: &Utf8Path) -> String {
    fs::read_to_string(file).unwrap()
}

#[test]
fn certificates_are_renewed_without_a_restart() {
    let name = "renewed";
    let scratch = started(name, &with_tls(71, 3, ""), packaged());
    let before = listed(&scratch, name);
    let owners: Vec<&str> = before["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["owner"].as_str().unwrap())
        .collect();
    assert_eq!(
        owners,
        ["authority", "client", "core-01", "core-02", "core-03"]
    );
    let member = pki(&scratch, name).join("members/core-01-127.87.71.101");
    let (key, certificate) = (member.join("member.key"), member.join("member.crt"));
    let (old_key, old_certificate) = (content(&key), content(&certificate));
    let running = processes(&scratch, name);

    scratch.run(&["certs", name, "--renew"]).expect(0);
    assert_eq!(content(&key), old_key);
    assert_ne!(content(&certificate), old_certificate);
    for one in &listed(&scratch, name)["certificates"].as_array().unwrap()[2..] {
        assert_eq!(one["is_served"], true, "{one}");
    }
    assert_eq!(processes(&scratch, name), running);
    is_healthy(&scratch, name);

    // A certificate that nobody serves is noticed.
    fs::write(&certificate, &old_certificate).unwrap();
    fs::rename(&certificate, member.join("aside")).unwrap();
    let unread = scratch.run(&["certs", name]).expect(1).stdout;
    assert!(unread.contains("No such file"), "{unread}");
    fs::rename(member.join("aside"), &certificate).unwrap();
    scratch.run(&["certs", name]).expect(0);
    scratch
        .run(&["certs", name, "--renew", "--replace-authority"])
        .expect(2);
}

#[test]
fn authority_is_replaced_without_a_failed_write() {
    let name = "succeeded";
    let scratch = started(name, &with_tls(72, 3, ""), packaged());
    let pki = pki(&scratch, name);
    let old = content(&pki.join("ca/ca.crt"));
    let begun = scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    let hint = format!("`cargo xtask apply {name}`");
    assert!(begun.stderr.contains(&hint), "{}", begun.stderr);
    // Repeating it changes nothing.
    let made = both(&pki);
    assert!(made.is_some());
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    assert_eq!(both(&pki), made);
    let planned = scratch.run(&["plan", name]).expect(1).stdout;
    let why = "it runs with a former certificate authority";
    assert_eq!(planned.matches(why).count(), 3, "{planned}");
    let then = "4. let the new certificate authority sign all certificates";
    assert!(planned.contains(then), "{planned}");
    // Restarts alone do not complete it.
    scratch.run(&["restart", "--cluster", name]).expect(0);
    let verified = scratch.run(&["verify", name]).expect(0).stdout;
    let warning = "two certificate authorities are trusted";
    assert!(
        verified.contains(warning) && verified.contains(&hint),
        "{verified}"
    );

    let applied = scratch
        .run(&["apply", name, "--yes", "--under-load"])
        .expect(0)
        .stdout;
    assert!(applied.contains(", 0 lost,"), "{applied}");
    let new = content(&pki.join("ca/ca.crt"));
    assert_ne!(new, old);
    assert_eq!(content(&pki.join("trusted.crt")), new);
    assert!(both(&pki).is_none() && !pki.join("new-ca").exists());
    scratch.run(&["plan", name]).expect(0);
    let healthy = is_healthy(&scratch, name).stdout;
    assert!(!healthy.contains(warning), "{healthy}");
}

#[test]
fn killed_replacement_of_an_authority_is_continued() {
    let name = "killed";
    let scratch = started(name, &with_tls(73, 3, ""), packaged());
    let pki = pki(&scratch, name);
    let old = content(&pki.join("ca/ca.crt"));
    let writer = Writer::start_with(73, &[101, 102, 103], Some(&pki));
    for after in [5, 20, 40] {
        let mut certs = scratch.command(&["certs", name, "--replace-authority"]);
        kill_after(&mut certs, after);
    }
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    for after in [400, 900, 1400, 1900, 2400, 2900] {
        let mut apply = scratch.command(&["apply", name, "--yes"]);
        kill_after(&mut apply, after);
    }
    scratch.run(&["apply", name, "--yes"]).expect(0);
    writer.lost_nothing(&scratch, name);
    assert_ne!(content(&pki.join("ca/ca.crt")), old);
    assert!(both(&pki).is_none() && !pki.join("new-ca").exists());
    is_healthy(&scratch, name);
    scratch.run(&["plan", name]).expect(0);
}

fn kill_after(command: &mut Command, milliseconds: u64) {
    let mut child = command.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn authority_of_a_stopped_cluster_is_replaced_at_once() {
    let name = "asleep";
    let scratch = started(name, &with_tls(74, 1, ""), packaged());
    etcdctl(&scratch, name, &["put", "greeting", "hello"]).expect(0);
    let authority = pki(&scratch, name).join("ca/ca.crt");
    let old = content(&authority);
    scratch.run(&["down", name]).expect(0);
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    assert_ne!(content(&authority), old);
    scratch.run(&["up", name]).expect(0);
    let got = etcdctl(&scratch, name, &["get", "greeting"])
        .expect(0)
        .stdout;
    assert_eq!(got, "greeting\nhello\n");

    // The definition names another one.
    let team = scratch.root().join("team");
    fs::create_dir(&team).unwrap();
    let new = "req -x509 -nodes -days 300 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /O=team -keyout ca.key -out ca.crt";
    let mut openssl = Command::new("openssl");
    let made = openssl
        .args(new.split(' '))
        .current_dir(&team)
        .output()
        .unwrap();
    assert!(made.status.success());
    scratch.define(name, &with_tls(74, 1, "authority = \"../team\"\n"));
    is_healthy(&scratch, name);
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    scratch
        .run(&["apply", name, "--yes", "--allow-interruption"])
        .expect(0);
    assert_eq!(content(&authority), content(&team.join("ca.crt")));
    is_healthy(&scratch, name);
    scratch.run(&["certs", name, "--renew"]).expect(0);

    // One that can no longer sign is given up.
    let key = fs::read(team.join("ca.key")).unwrap();
    let other = new.replace("/O=team", "/O=other");
    let mut openssl = Command::new("openssl");
    let made = openssl.args(other.split(' ')).current_dir(&team).output();
    assert!(made.unwrap().status.success());
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    fs::write(team.join("ca.key"), key).unwrap();
    let apply = ["apply", name, "--yes", "--allow-interruption"];
    let said = scratch.run(&apply).expect(5).stderr;
    assert!(said.contains("is not the key of"), "{said}");
    scratch.define(name, &with_tls(74, 1, ""));
    scratch
        .run(&["certs", name, "--replace-authority"])
        .expect(0);
    scratch.run(&apply).expect(0);
    is_healthy(&scratch, name);
    scratch.run(&["certs", name, "--renew"]).expect(0);
}

#[test]
fn clusters_without_tls_have_no_certificates() {
    let name = "plain-text";
    let scratch = started(name, &count(75, 1, ""), packaged());
    for words in [&["certs", name][..], &["certs", name, "--renew"]] {
        let said = scratch.run(words).expect(2).stderr;
        assert!(said.contains("runs without TLS"), "{said}");
    }
    scratch.run(&["certs", "never"]).expect(4);
}
