//! The program that installs etcd on a machine, run for real: against a mirror on loopback, with
//! `/usr/local` a file system of its own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use test_attribute::test;

use crate::render::{in_own_namespaces, read};
use crate::scratch::{Ran, Scratch};
use crate::support::{read_yaml_1_1, require_tool};

/// A mirror that answers its first requests with these bodies, and then with the last of them.
struct Mirror {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Mirror {
    /// It ends with the test's process: a thread that waits for a connection cannot be told.
    fn new(bodies: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(&stream).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let expected = "/v3.6.14/etcd-v3.6.14-linux-";
                let (status, body) = if request.starts_with(&format!("GET {expected}")) {
                    let index = count.fetch_add(1, Ordering::SeqCst);
                    ("200 OK", bodies[index.min(bodies.len() - 1)].as_slice())
                } else {
                    ("404 Not Found", request.as_bytes())
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let mut stream = &stream;
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A tarball with the shape of a release.
fn release(scratch: &Scratch) -> Vec<u8> {
    let folder = scratch.root().join("etcd-v3.6.14-linux");
    fs::create_dir(&folder).unwrap();
    for program in ["etcd", "etcdctl", "etcdutl"] {
        fs::write(
            folder.join(program),
            format!("#!/bin/sh\necho {program} 3.6.14\n"),
        )
        .unwrap();
    }
    let packed = Command::new("sh")
        .args([
            "-c",
            "chmod +x etcd-v3.6.14-linux/* && tar -czf release.tar.gz etcd-v3.6.14-linux",
        ])
        .current_dir(scratch.root())
        .status()
        .unwrap();
    assert!(packed.success());
    fs::read(scratch.root().join("release.tar.gz")).unwrap()
}

/// Runs a script in which `install` is the rendered program.
fn run(scratch: &Scratch, mirror: &Mirror, right: &[u8], script: &str) -> Ran {
    require_tool("curl", "curl");
    let sha256: String = Sha256::digest(right)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let url = &mirror.url;
    scratch.define(
        "default",
        &format!(
            "[etcd]\nversion = \"3.6.14\"\nruntime = \"release\"\nrelease_url = \"{url}\"\n\
             sha256 = {{ amd64 = \"{sha256}\", arm64 = \"{sha256}\" }}\n"
        ),
    );
    scratch.run(&["render"]).expect(0);
    let document = &read_yaml_1_1(&[&read(scratch, "vagrant/user-data")])[0];
    let files = document["write_files"].as_array().unwrap();
    let install = files
        .iter()
        .find(|file| file["path"] == "/usr/local/sbin/etcd-install")
        .unwrap();
    fs::write(
        scratch.root().join("etcd-install"),
        install["content"].as_str().unwrap(),
    )
    .unwrap();
    let script = format!(
        "mount -t tmpfs tmpfs /usr/local && mkdir /usr/local/bin /usr/local/lib || exit 99
        install() {{ sh ./etcd-install; }}
        {script}"
    );
    let mut command = scratch.command(&[]);
    let ran = Ran::from(
        in_own_namespaces(&mut command, &script)
            .current_dir(scratch.root())
            .env("no_proxy", "127.0.0.1")
            .output()
            .unwrap(),
    );
    assert_ne!(ran.status, Some(99), "{}", ran.stderr);
    ran
}

#[test]
fn etcd_is_installed_once_whole_and_for_everyone_in_namespaces() {
    let scratch = Scratch::new();
    let right = release(&scratch);
    let mut wrong = right.clone();
    wrong[20] ^= 1;
    let half = right[..right.len() / 2].to_vec();
    for (case, bodies, script, prints, complaint) in [
        (
            "twice",
            vec![right.clone()],
            "install && install && etcd && etcdctl && etcdutl && ls /usr/local/lib",
            "etcd 3.6.14\netcdctl 3.6.14\netcdutl 3.6.14\netcd-3.6.14\n",
            "",
        ),
        (
            // The unit that runs it has `UMask=0077`, and etcd runs as a user of its own.
            "with the umask of the unit",
            vec![right.clone()],
            "umask 077; install && stat -L -c %a /usr/local/lib/etcd-3.6.14 /usr/local/bin/etcd",
            "755\n755\n",
            "",
        ),
        (
            "from a wrong tarball, then from the right one",
            vec![wrong, right.clone()],
            "install; echo \"$?\"; ls /usr/local/bin; test -e /usr/local/lib/etcd-3.6.14 || echo none
            install && etcd",
            "1\nnone\netcd 3.6.14\n",
            "does not have the SHA-256",
        ),
        (
            "from a truncated tarball",
            vec![half],
            "install; echo \"$?\"; ls /usr/local/bin",
            "1\n",
            "does not have the SHA-256",
        ),
        (
            "after an interrupted try",
            vec![right.clone()],
            "mkdir -p /usr/local/lib/etcd-3.6.14.part/etcd
            echo half >/usr/local/lib/etcd-3.6.14.part/etcd/etcd
            install && etcd && ls /usr/local/lib",
            "etcd 3.6.14\netcd-3.6.14\n",
            "",
        ),
    ] {
        let requests = bodies.len();
        let mirror = Mirror::new(bodies);
        let ran = run(&scratch, &mirror, &right, script);
        assert_eq!(ran.status, Some(0), "{case}: {}", ran.stderr);
        assert_eq!(ran.stdout, prints, "{case}: {}", ran.stderr);
        assert!(ran.stderr.contains(complaint), "{case}: {}", ran.stderr);
        // What is installed is not fetched again.
        assert_eq!(mirror.asked(), requests, "{case}");
    }
}
