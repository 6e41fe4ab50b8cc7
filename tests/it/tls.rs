//! Real clusters with mutual TLS.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use test_attribute::test;

use crate::apply_support::{apply, count};
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::local_support::{etcdctl, is_healthy};
use crate::scratch::{Ran, Scratch};
use crate::tls_support::{pki, started, up, with_tls};

/// Asks the first member's port, with these arguments of curl. Returns the answer.
fn ask(scheme: &str, network: u8, port: u16, arguments: &[&str]) -> Option<String> {
    let url = format!("{scheme}://127.87.{network}.101:{port}/version");
    let mut curl = Command::new("curl");
    // etcd's peer port agrees to HTTP/2, and then does not answer.
    curl.args([
        "--disable",
        "--silent",
        "--noproxy",
        "*",
        "--max-time",
        "20",
        "--http1.1",
    ]);
    let output = curl.args(arguments).arg(url).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    output.status.success().then_some(answer)
}

/// Every file and folder with its mode.
fn modes(folder: &Utf8Path) -> Vec<(Utf8PathBuf, u32)> {
    let mut all = vec![(folder.to_owned(), mode(folder))];
    for entry in folder.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        match path.is_dir() {
            true => all.extend(modes(&path)),
            false => all.push((path.clone(), mode(&path))),
        }
    }
    all
}

fn mode(path: &Utf8Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[track_caller]
fn serves_who_has_a_certificate(name: &str, network: u8, etcd: &Utf8Path, what: &str) {
    // What machines would run does not matter here.
    let more = "version = \"3.5.16\"\n";
    let scratch = started(name, &with_tls(network, 3, more), etcd);
    let pki = pki(&scratch, name);
    for (path, mode) in modes(&pki) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{path}");
    }

    let authority = pki.join("ca/ca.crt");
    let (certificate, key) = (pki.join("client/client.crt"), pki.join("client/client.key"));
    let trusting = ["--cacert", authority.as_str()];
    let proving = ["--cert", certificate.as_str(), "--key", key.as_str()];
    for port in [2379, 2380] {
        let all = [&trusting[..], &proving].concat();
        let answer = ask("https", network, port, &all);
        assert!(answer.is_some_and(|answer| answer.contains("etcdserver")));
        // Nobody else is answered.
        assert_eq!(ask("https", network, port, &trusting), None);
        assert!(!ask("http", network, port, &[]).is_some_and(|text| text.contains("etcdserver")));
    }

    etcdctl(&scratch, name, &["put", "greeting", "hello"]).expect(0);
    let e = format!(
        "e=$('{0}' env {name}) && eval \"$e\" && etcdctl get greeting",
        xtask()
    );
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", &e]).current_dir(scratch.root());
    let got = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    assert_eq!(got, "greeting\nhello\n");
    let proven = scratch.run(&["backup", name, "--prove"]).expect(0).stdout;
    assert!(proven.contains("proven"), "{proven}");
    let drilled = scratch.run(&["drill", name, what]).expect(0).stdout;
    assert!(drilled.contains(" 0 lost"), "{drilled}");

    // Others get their certificates when they need them.
    let before = modes(&pki).len();
    scratch.define(name, &with_tls(network, 5, more));
    apply(&scratch, name);
    assert_eq!(modes(&pki).len(), before + 2 * 3);
    scratch
        .run(&["replace", "core-02", "--cluster", name, "--yes"])
        .expect(0);
    scratch.run(&["down", name]).expect(0);
    scratch.run(&["up", name]).expect(0);
    assert_eq!(modes(&pki).len(), before + 2 * 3);
    is_healthy(&scratch, name);

    // The files are named in command lines, and their content is in no other file that others can read.
    let key = fs::read_to_string(key).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let found = Command::new("grep")
        .args(["--recursive", "--files-with-matches", secret])
        .arg(scratch.root())
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found, format!("{pki}/client/client.key\n"));
    scratch.run(&["destroy", name, "--yes"]).expect(0);
    assert!(!pki.exists());
}

fn xtask() -> &'static str {
    env!("CARGO_BIN_EXE_xtask")
}

#[test]
fn tls_of_3_4_serves_only_who_has_a_certificate() {
    serves_who_has_a_certificate("old-tls", 61, packaged(), "member-killed");
}

#[test]
fn tls_of_3_5_serves_only_who_has_a_certificate() {
    serves_who_has_a_certificate("tls", 62, of_debian_13(), "address-change");
}

#[test]
fn tls_is_turned_on_over_a_backup() {
    let (name, etcd) = ("plain", packaged());
    let scratch = started(name, &count(63, 3, ""), etcd);
    etcdctl(&scratch, name, &["put", "greeting", "hello"]).expect(0);
    scratch.define(name, &with_tls(63, 3, ""));
    let difference = "the URLs began with http:// and now with https://";
    for task in [
        &["plan", name][..],
        &["apply", name, "--yes"],
        &["up", name],
        &["restart", "--cluster", name],
        &["replace", "core-01", "--cluster", name],
    ] {
        let refused = scratch.run(task).expect(7).stderr;
        assert!(refused.contains(difference), "{task:?}: {refused}");
        assert!(refused.contains(&format!("`cargo xtask backup {name}")));
    }
    let unhealthy = scratch.run(&["verify", name]).expect(1).stdout;
    assert!(unhealthy.contains(difference), "{unhealthy}");

    scratch.run(&["backup", name, "--prove"]).expect(0);
    scratch.run(&["destroy", name, "--yes"]).expect(0);
    up(&scratch, name, etcd).expect(0);
    let listed = scratch.run(&["backup", name, "--list"]).expect(0).stdout;
    let file = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    scratch
        .run(&["restore", name, "--from", file, "--yes"])
        .expect(0);
    let got = etcdctl(&scratch, name, &["get", "greeting"])
        .expect(0)
        .stdout;
    assert_eq!(got, "greeting\nhello\n");
    is_healthy(&scratch, name);
}

#[test]
fn lost_certificates_are_no_lost_members() {
    let (name, etcd) = ("bare", packaged());
    let scratch = started(name, &with_tls(64, 1, ""), etcd);
    let pki = pki(&scratch, name);
    fs::rename(&pki, pki.with_extension("gone")).unwrap();
    for task in [
        &["verify", name][..],
        &["status", name],
        &["plan", name],
        &["backup", name],
        &["env", name],
        &["etcdctl", "--cluster", name, "--", "get", "greeting"],
        &["up", name],
    ] {
        let said = scratch.run(task).expect(4).stderr;
        assert!(
            said.contains("error: the certificate of this host cannot be used: "),
            "{said}"
        );
    }
    // As the hint says.
    scratch.run(&["down", name]).expect(0);
    up(&scratch, name, etcd).expect(0);
    is_healthy(&scratch, name);
}

#[test]
fn damaged_files_of_certificates_are_mended_or_named() {
    let (name, etcd) = ("damaged", packaged());
    let scratch = started(name, &with_tls(68, 1, ""), etcd);
    let pki = pki(&scratch, name);
    let keep = |file: &str| fs::read_to_string(pki.join(file)).unwrap();
    let (authority, trusted) = (keep("ca/ca.crt"), keep("trusted.crt"));

    // Those of this host are made again, while the member runs.
    for file in ["client/client.key", "client/client.crt", "trusted.crt"] {
        for damage in ["missing", "empty", "folder"] {
            let path = pki.join(file);
            fs::remove_file(&path).unwrap();
            match damage {
                "empty" => fs::write(&path, "").unwrap(),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => {}
            }
            let said = scratch.run(&["verify", name]).expect(4).stderr;
            assert!(
                said.contains(&format!("{file}`")) && said.contains("`cargo xtask up damaged`"),
                "{said}"
            );
            if damage == "folder" {
                fs::remove_dir(&path).unwrap();
            }
            scratch.run(&["up", name]).expect(0);
        }
    }

    // Another authority would be trusted by nobody.
    for damage in ["", "no certificate"] {
        fs::write(pki.join("ca/ca.crt"), damage).unwrap();
        let said = scratch.run(&["certs", name, "--renew"]).expect(4).stderr;
        assert!(
            said.contains("ca/ca.crt` is gone, or holds no certificate"),
            "{said}"
        );
        assert_eq!(keep("trusted.crt"), trusted);
        is_healthy(&scratch, name);
    }
    fs::rename(pki.join("ca"), pki.join("aside")).unwrap();
    for task in [&["certs", name, "--renew"][..], &["up", name]] {
        scratch.run(task).expect(4);
        assert!(!pki.join("ca").exists());
    }
    fs::rename(pki.join("aside"), pki.join("ca")).unwrap();
    fs::write(pki.join("ca/ca.crt"), authority).unwrap();

    // A key that cannot be used is replaced.
    let member = pki.join("members/core-01-127.87.68.101");
    for damage in ["", "no key"] {
        scratch.run(&["down", name]).expect(0);
        fs::write(member.join("member.key"), damage).unwrap();
        if !damage.is_empty() {
            scratch.run(&["up", name, "--timeout", "2s"]).expect(6);
            scratch.run(&["certs", name, "--renew"]).expect(0);
        }
        scratch.run(&["up", name]).expect(0);
        is_healthy(&scratch, name);
    }
}

#[test]
fn authority_of_the_team_signs() {
    let (name, etcd) = ("team", packaged());
    let definition = with_tls(65, 1, "authority = \"../team\"\n");
    let scratch = Scratch::with(name, &definition);
    let team = scratch.root().join("team");

    let refused = |why: &str| {
        let said = up(&scratch, name, etcd).expect(5).stderr;
        let fact = "error: the certificate authority of `team` cannot be used: ";
        let because = said.split_once(fact).unwrap_or_else(|| panic!("{said}")).1;
        assert!(because.lines().next().unwrap().contains(why), "{said}");
    };
    refused("Could not");
    fs::create_dir(&team).unwrap();
    let openssl = |words: &str| {
        let mut openssl = Command::new("openssl");
        let openssl = openssl.args(words.split(' ')).current_dir(&team);
        assert!(openssl.output().unwrap().status.success(), "{words}");
    };
    let new = "req -x509 -nodes -days 30 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj";
    openssl(&format!("{new} /O=team -keyout ca.key -out ca.crt"));
    openssl(&format!("{new} /O=other -keyout other.key -out other.crt"));
    let key = fs::read(team.join("ca.key")).unwrap();
    for (wrong, why) in [
        (
            fs::read(team.join("other.key")).unwrap(),
            "is not the key of",
        ),
        (b"no key".to_vec(), "Could not read"),
    ] {
        fs::write(team.join("ca.key"), wrong).unwrap();
        refused(why);
    }
    openssl("ec -in other.key -aes256 -passout pass:secret -out ca.key");
    refused("Could not read");
    fs::write(team.join("ca.key"), key).unwrap();

    up(&scratch, name, etcd).expect(0);
    is_healthy(&scratch, name);
    let pki = pki(&scratch, name);
    assert_eq!(
        fs::read(pki.join("ca/ca.crt")).unwrap(),
        fs::read(team.join("ca.crt")).unwrap()
    );
    // Its key is used where it is.
    assert!(!pki.join("ca/ca.key").exists());
}

#[test]
fn openssl_is_needed_for_tls_only() {
    let etcd = packaged();
    let scratch = Scratch::with("bare-host", &with_tls(66, 1, ""));
    scratch.define("plain-host", &count(67, 1, ""));
    let folder = scratch.root().join("programs");
    fs::create_dir(&folder).unwrap();
    for program in ["sh", "stty", "nice", "uname", "df", "stat"] {
        let path = Utf8Path::new("/usr/bin").join(program);
        std::os::unix::fs::symlink(path, folder.join(program)).unwrap();
    }
    let up = |name: &str| {
        let up = ["up", name, "--driver", "local", "--etcd-dir", etcd.as_str()];
        Ran::from(scratch.command(&up).env("PATH", &folder).output().unwrap())
    };
    let said = up("bare-host").expect(5).stderr;
    assert!(
        said.contains("error: openssl was not found on this host"),
        "{said}"
    );
    assert!(said.contains("`sudo apt-get install openssl`"), "{said}");
    up("plain-host").expect(0);
}
