//! What tests of local clusters have in common.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};

use crate::etcd_binaries::packaged;
use crate::scratch::{Ran, Scratch};

/// A definition of three members on a network that no other test uses.
pub(crate) fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.79.{network}.0/24\"\n")
}

/// The endpoints of [`three`] under the local driver.
pub(crate) fn endpoints(network: u8) -> String {
    let url = |host: u8| format!("http://127.79.{network}.{host}:2379");
    [101, 102, 103].map(url).join(",")
}

/// `up` with the distribution's etcd, which all these tests share.
pub(crate) fn up(scratch: &Scratch, name: &str) -> Ran {
    scratch.run(&["up", name, "--etcd-dir", packaged().as_str()])
}

/// The processes of a cluster's members, by the members' names, as the system lists them: whatever
/// the program believes.
pub(crate) fn processes(scratch: &Scratch, name: &str) -> BTreeMap<String, i32> {
    let members = scratch.root().join(format!(".state/{name}/members/"));
    let mut found = BTreeMap::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        let folder = format!("--data-dir={members}");
        let Some(member) = line.split('\0').find_map(|word| word.strip_prefix(&folder)) else {
            continue;
        };
        let member = member.strip_suffix("/data").unwrap().to_owned();
        let id: i32 = process.file_name().to_str().unwrap().parse().unwrap();
        let other = found.insert(member, id);
        assert_eq!(other, None, "two processes on one folder: {line:?}");
    }
    found
}

/// Whether a process is there and has not ended; one that merely was not waited for has no command
/// line any more.
pub(crate) fn runs(id: i32) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty())
}

pub(crate) fn put(scratch: &Scratch, name: &str, key: &str, value: &str) {
    scratch
        .run(&["etcdctl", "--cluster", name, "--", "put", key, value])
        .expect(0);
}

pub(crate) fn get(scratch: &Scratch, name: &str, key: &str) -> String {
    scratch
        .run(&[
            "etcdctl",
            "--cluster",
            name,
            "--",
            "get",
            key,
            "--print-value-only",
        ])
        .expect(0)
        .stdout
}

/// The cluster ID that the running members report, as decimal text.
pub(crate) fn running_cluster_id(scratch: &Scratch, name: &str) -> String {
    let status = scratch
        .run(&[
            "etcdctl",
            "--cluster",
            name,
            "--",
            "endpoint",
            "status",
            "-w",
            "json",
        ])
        .expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let ids: Vec<String> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Status"]["header"]["cluster_id"].to_string())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    ids[0].clone()
}

pub(crate) fn predicted_cluster_id(scratch: &Scratch, name: &str) -> String {
    let identity = scratch
        .run(&["identity", name, "--driver", "local", "--format", "json"])
        .expect(0);
    let identity: serde_json::Value = serde_json::from_str(&identity.stdout).unwrap();
    identity["cluster_id_decimal"].as_str().unwrap().to_owned()
}

/// `up`, begun and not waited for.
pub(crate) fn begin_up(scratch: &Scratch, name: &str) -> Child {
    begin(scratch, &["up", name, "--etcd-dir", packaged().as_str()])
}

/// The program with these arguments, begun and not waited for.
pub(crate) fn begin(scratch: &Scratch, arguments: &[&str]) -> Child {
    scratch
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The end of what was begun.
pub(crate) fn end(child: Child) -> Ran {
    Ran::from(child.wait_with_output().unwrap())
}
