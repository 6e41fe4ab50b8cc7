//! Backups of real clusters: what they hold, where they are, and what refuses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use test_attribute::test;
use xtask::download::sha256;
use xtask::state::backups;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::cli_cluster::{kill_member, status};
use crate::cli_completions::was_started_by;
use crate::etcd_binaries::packaged;
use crate::local_support::{etcdctl, put, up};
use crate::render::in_own_namespaces;
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;
use crate::terminal::on_terminal;

/// A definition of three members on this test's network.
fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.83.{network}.0/24\"\n")
}

/// A definition of one member on this test's network.
pub(crate) fn one(network: u8) -> String {
    three(network).replace("members = 3", "members = 1")
}

/// A workspace with a running cluster that has a key.
pub(crate) fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// The folder of a cluster's backups.
pub(crate) fn folder(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    scratch.root().join(format!(".state/{name}/backups"))
}

/// The names of the files there, sorted.
pub(crate) fn files(folder: &Utf8Path) -> Vec<String> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_owned()).collect();
    names.sort();
    names
}

/// Takes a backup with these words, and returns its JSON.
#[track_caller]
pub(crate) fn backup(scratch: &Scratch, name: &str, words: &[&str]) -> Value {
    let all = [&["backup", name, "--format", "json"][..], words].concat();
    serde_json::from_str(&scratch.run(&all).expect(0).stdout).unwrap()
}

/// Waits until every member has applied the last write: a follower may be a moment behind.
#[track_caller]
pub(crate) fn settles(scratch: &Scratch, name: &str) {
    let revisions = || -> Vec<Value> {
        let status = etcdctl(scratch, name, &["endpoint", "status", "-w", "json"]).expect(0);
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        let members = status.as_array().unwrap().iter();
        members
            .map(|one| one["Status"]["header"]["revision"].clone())
            .collect()
    };
    let are_equal = |all: &Vec<Value>| all.iter().all(|one| *one == all[0]);
    assert!(are_equal(&look_until(revisions, are_equal)));
}

fn mode(path: &Utf8Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn backup_says_what_is_in_it() {
    let scratch = started("full", &three(1));
    for key in 0..5 {
        put(&scratch, "full", &format!("key-{key}"), "value");
    }
    settles(&scratch, "full");
    let taken = backup(&scratch, "full", &[]);
    let file = Utf8Path::new(taken["file"].as_str().unwrap());
    assert_eq!(file.parent().unwrap(), folder(&scratch, "full"));
    let name = file.file_name().unwrap().to_owned();
    assert_eq!(
        files(file.parent().unwrap()),
        [name.clone(), name + ".json"]
    );

    let manifest = Utf8PathBuf::from(format!("{file}.json"));
    let modes = [mode(file), mode(&manifest), mode(file.parent().unwrap())];
    assert_eq!(modes, [0o600, 0o600, 0o700]);
    let read: Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    for (field, value) in read.as_object().unwrap() {
        assert_eq!(taken[field], *value, "{field}");
    }
    assert_eq!(read["sha256"], sha256(file).unwrap());
    assert_eq!(read["size"], fs::metadata(file).unwrap().len());
    let definition = scratch.root().join("cluster/full.toml");
    assert_eq!(read["definition_sha256"], sha256(&definition).unwrap());

    let get = ["get", "", "--prefix", "--keys-only", "--write-out=json"];
    let keys: Value =
        serde_json::from_str(&etcdctl(&scratch, "full", &get).expect(0).stdout).unwrap();
    assert_eq!(read["keys"], keys["count"]);
    assert_eq!(read["revision"], keys["header"]["revision"]);
    let identity = ["identity", "full", "--driver", "local", "--format", "json"];
    let identity: Value = serde_json::from_str(&scratch.run(&identity).expect(0).stdout).unwrap();
    assert_eq!(read["cluster_id"], identity["cluster_id"]);
    let members = read["members"].as_array().unwrap();
    let mut names: Vec<&str> = members
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["core-01", "core-02", "core-03"]);
    assert_eq!(
        (&read["quorum"], &read["proven"]),
        (&Value::Bool(true), &Value::Null)
    );
    assert!(
        read["hash"].is_u64() && read["compact_revision"] == -1,
        "{read:#}"
    );
}

#[test]
fn backup_is_taken_from_a_follower() {
    let scratch = started("led", &three(2));
    let leader = || status(&scratch, "led")["leader"].clone();
    // An election may come between.
    let (before, ran, after) = look_until(
        || {
            (
                leader(),
                scratch.run(&["backup", "led"]).expect(0),
                leader(),
            )
        },
        |(before, _, after)| before == after,
    );
    assert_eq!(before, after);
    let from = ran.stderr.lines().next().unwrap();
    assert!(from.ends_with(", a follower"), "{from}");
    assert!(!from.contains(before.as_str().unwrap()), "{from}");
}

#[test]
fn backup_is_proven_while_clients_write() {
    let scratch = started("busy", &three(3));
    let is_over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::SeqCst) {
                put(
                    &scratch,
                    "busy",
                    &format!("key-{}", count % 7),
                    &format!("value-{count}"),
                );
                count += 1;
            }
            count
        });
        for _ in 0..3 {
            let taken = backup(&scratch, "busy", &["--prove"]);
            assert!(taken["proven"].is_string(), "{taken:#}");
        }
        is_over.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    assert!(written > 0);
    let list = scratch.run(&["backup", "busy", "--list"]).expect(0);
    let proven = list
        .stdout
        .lines()
        .filter(|line| line.ends_with("  proven"));
    assert_eq!(proven.count(), 3, "{}", list.stdout);
}

#[test]
fn older_backups_are_removed_after_the_new_one_is_complete() {
    let scratch = started("kept", &one(4));
    let taken: Vec<String> = (0..4)
        .map(|_| {
            backup(&scratch, "kept", &[])["file"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let newest = backup(&scratch, "kept", &["--keep", "2"]);
    let kept = [taken[3].as_str(), newest["file"].as_str().unwrap()];
    let list = ["backup", "kept", "--list", "--format", "json"];
    let list: Value = serde_json::from_str(&scratch.run(&list).expect(0).stdout).unwrap();
    let listed = list["backups"].as_array().unwrap().iter();
    let listed: Vec<&str> = listed.map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(listed, kept);
    assert_eq!(files(&folder(&scratch, "kept")).len(), 4);

    scratch.run(&["down", "kept"]).expect(0);
    let failed = scratch.run(&["backup", "kept", "--keep", "1"]).expect(4);
    assert!(
        failed.stderr.contains("core-01 does not answer"),
        "{}",
        failed.stderr
    );
    assert_eq!(files(&folder(&scratch, "kept")).len(), 4);
    scratch.run(&["backup", "kept", "--keep", "0"]).expect(2);
}

#[test]
fn backups_are_in_the_order_of_their_times() {
    let scratch = Scratch::new();
    let folder = folder(&scratch, "many");
    fs::create_dir_all(&folder).unwrap();
    let names = [
        "2026-11-30T20-49-05Z",
        "2026-11-30T20-49-05Z-2",
        "2026-11-30T20-49-05Z-10",
        "2026-11-30T20-49-06Z",
    ];
    for name in names {
        fs::write(folder.join(format!("{name}.db")), "").unwrap();
        fs::write(folder.join(format!("{name}.db.json")), "").unwrap();
    }
    // A snapshot without a manifest is not a backup of this program.
    fs::write(folder.join("other.db"), "").unwrap();
    let home = Workspace::at(scratch.root()).home(&"many".parse().unwrap());
    let files = backups::files(&home);
    let stems: Vec<&str> = files.iter().filter_map(|file| file.file_stem()).collect();
    assert_eq!(stems, names);
}

#[test]
fn damaged_backups_are_listed_as_unusable() {
    let scratch = started("torn", &one(5));
    let [whole, short, forged, bare] = [(); 4].map(|()| {
        let taken = backup(&scratch, "torn", &[]);
        Utf8PathBuf::from(taken["file"].as_str().unwrap())
    });
    let bytes = fs::read(&short).unwrap();
    fs::write(&short, &bytes[..bytes.len() - 512]).unwrap();
    let mut bytes = fs::read(&forged).unwrap();
    bytes[9000] ^= 1;
    fs::write(&forged, bytes).unwrap();
    fs::write(format!("{bare}.json"), "{\"format\": 2}").unwrap();

    let list = scratch.run(&["backup", "torn", "--list"]).expect(1);
    let states: Vec<&str> = list
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.rsplit("  ").next().unwrap().trim())
        .collect();
    assert_eq!(states, ["not proven", "unusable", "unusable", "unusable"]);
    for (file, why) in [
        (&short, "its size is "),
        (&forged, "its SHA-256 is not the one in its manifest"),
        (&bare, "its manifest cannot be read: its format is 2"),
    ] {
        let error = format!("error: `{file}` cannot be used: {why}");
        assert!(list.stderr.contains(&error), "{error}\n{}", list.stderr);
        let name = file.file_name().unwrap();
        let prove = scratch
            .run(&["backup", "torn", &format!("--prove={name}")])
            .expect(1);
        let error = format!("error: `{file}` is not proven: {why}");
        assert!(prove.stderr.contains(&error), "{error}\n{}", prove.stderr);
    }
    let prove = format!("--prove={}", whole.file_name().unwrap());
    scratch.run(&["backup", "torn", &prove]).expect(0);
    let none = scratch
        .run(&["backup", "torn", "--prove=none.db"])
        .expect(2);
    assert!(
        none.stderr.contains("error: there is no backup `"),
        "{}",
        none.stderr
    );
}

#[test]
fn destroy_keeps_backups() {
    let scratch = started("gone", &one(6));
    let file = backup(&scratch, "gone", &[])["file"]
        .as_str()
        .unwrap()
        .to_owned();
    let kept = folder(&scratch, "gone");
    let asked = on_terminal(&scratch.command(&["destroy", "gone"]), 80, "n\n").expect(1);
    let question = "destroy cluster `gone` with all its data (not its 1 backup)? [y/N] ";
    assert!(asked.stdout.starts_with(question), "{}", asked.stdout);
    let destroy = scratch.run(&["destroy", "gone", "--yes"]).expect(0);
    let said = format!("gone is destroyed; its backup is kept in {kept}\n");
    assert!(destroy.stderr.ends_with(&said), "{}", destroy.stderr);
    assert_eq!(files(kept.parent().unwrap()), ["backups"]);

    // Nothing takes the rest for a cluster.
    let list = scratch.run(&["list"]).expect(0).stdout;
    assert!(list.contains("gone     not started"), "{list}");
    let status = scratch.run(&["status", "gone"]).expect(4).stderr;
    assert!(
        status.contains("cluster `gone` has not been started"),
        "{status}"
    );
    scratch.run(&["down", "gone"]).expect(4);
    let again = scratch.run(&["destroy", "gone", "--yes"]).expect(0).stderr;
    assert!(again.starts_with("nothing to destroy"), "{again}");
    scratch.run(&["backup", "gone", "--list"]).expect(0);

    // The next cluster finds the earlier backup, and an interrupted removal loses none.
    up(&scratch, "gone").expect(0);
    let other = scratch.root().join(".state/.destroyed-gone/backups");
    fs::create_dir_all(&other).unwrap();
    fs::copy(&file, other.join("other.db")).unwrap();
    fs::copy(format!("{file}.json"), other.join("other.db.json")).unwrap();
    let listed = scratch.run(&["backup", "gone", "--list"]).expect(0);
    let hint =
        "hint: a killed `destroy` moved backups away; move them back: `cargo xtask backup gone`\n";
    assert!(listed.stderr.ends_with(hint), "{}", listed.stderr);
    backup(&scratch, "gone", &[]);
    let list = scratch.run(&["backup", "gone", "--list"]).expect(0).stdout;
    assert_eq!(list.lines().count(), 4, "{list}");
    scratch.run(&["destroy", "gone", "--yes"]).expect(0);
    let list = scratch.run(&["backup", "gone", "--list"]).expect(0).stdout;
    assert_eq!(list.lines().count(), 4, "{list}");
    assert_eq!(files(&scratch.root().join(".state")), ["gone"]);
}

#[test]
fn etcd_2_is_refused_with_the_way_by_hand() {
    let scratch = Scratch::with("old", &one(7));
    was_started_by(&scratch, "old", &one(7), DriverName::Local, "2.3.8");
    let refused = scratch.run(&["backup", "old"]).expect(2);
    for part in [
        "error: etcd 2.3.8 has no snapshots, which a backup consists of\n",
        "`etcdctl backup --data-dir DATA --backup-dir COPY`",
        "`etcd --force-new-cluster`",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(!folder(&scratch, "old").exists());
}

/// An etcd 3.6 of which only the record tells.
#[test]
fn etcd_3_6_without_etcdutl_is_refused() {
    let scratch = started("newer", &one(15));
    let record = scratch.root().join(".state/newer/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    let mut newer: Value = serde_json::from_str(&text).unwrap();
    newer["etcd"]["version"] = "3.6.14".into();
    fs::write(&record, newer.to_string()).unwrap();
    let refused = scratch.run(&["backup", "newer"]).expect(5);
    let etcdctl = packaged().join("etcdctl");
    assert_eq!(
        refused.stderr,
        format!(
            "error: there is no `etcdutl` beside `{etcdctl}`\n\
             note: it checks and restores the snapshots of etcd 3.6.14; etcdctl no longer does\n\
             hint: copy that program of the same release there\n"
        )
    );
    fs::write(&record, text).unwrap();
}

#[test]
fn cluster_without_quorum_is_backed_up_with_a_warning() {
    let scratch = started("few", &three(8));
    settles(&scratch, "few");
    let before = backup(&scratch, "few", &[]);
    for member in ["core-01", "core-03"] {
        kill_member(&scratch, "few", member);
    }
    let ran = look_until(
        || scratch.run(&["backup", "few", "--prove"]).expect(0),
        |ran| ran.stderr.contains("no quorum"),
    );
    for part in [
        "taking a snapshot from core-02, ",
        "warning: the cluster has no quorum\n\
         note: writes that core-02 has not received are missing in its snapshot\n",
    ] {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    assert!(
        ran.stdout.ends_with("  proven, no quorum\n"),
        "{}",
        ran.stdout
    );
    let list = ["backup", "few", "--list", "--format", "json"];
    let list: Value = serde_json::from_str(&scratch.run(&list).expect(0).stdout).unwrap();
    let last = &list["backups"].as_array().unwrap().last().unwrap()["manifest"];
    assert_eq!(last["quorum"], false);
    for field in ["revision", "hash", "keys", "cluster_id"] {
        assert_eq!(last[field], before[field], "{field}");
    }
}

#[test]
fn another_cluster_is_not_backed_up() {
    let scratch = started("mine", &one(9));
    let record = scratch.root().join(".state/mine/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    let other = text.replace("\"mine-1\"", "\"mine-2\"");
    assert_ne!(text, other);
    fs::write(&record, other).unwrap();
    let refused = scratch.run(&["backup", "mine"]).expect(7);
    assert!(
        refused
            .stderr
            .starts_with("error: `core-01` belongs to cluster "),
        "{}",
        refused.stderr
    );
    assert_eq!(files(&folder(&scratch, "mine")), Vec::<String>::new());
}

#[test]
fn backup_needs_a_user_if_authentication_is_enabled() {
    let scratch = started("secret", &one(12));
    etcdctl(&scratch, "secret", &["user", "add", "root:password"]).expect(0);
    etcdctl(&scratch, "secret", &["user", "grant-role", "root", "root"]);
    etcdctl(&scratch, "secret", &["auth", "enable"]).expect(0);
    let refused = scratch.run(&["backup", "secret"]).expect(4);
    let error = "error: `core-01` has authentication enabled, and no user was given\n";
    assert!(refused.stderr.contains(error), "{}", refused.stderr);
    assert_eq!(files(&folder(&scratch, "secret")), Vec::<String>::new());
}

#[test]
fn cluster_with_an_alarm_and_without_a_definition_is_backed_up() {
    let scratch = started("alarmed", &one(13));
    let definition = scratch.root().join("cluster/alarmed.toml");
    let text = fs::read_to_string(&definition).unwrap();
    let members: Value = serde_json::from_str(
        &etcdctl(&scratch, "alarmed", &["member", "list", "-w", "json"]).stdout,
    )
    .unwrap();
    let member = &members["members"][0]["ID"];
    let alarm = format!(r#"{{"action":"ACTIVATE","memberID":"{member}","alarm":"NOSPACE"}}"#);
    let raised = minreq::post("http://127.83.13.101:2379/v3/maintenance/alarm")
        .with_body(alarm)
        .send();
    assert_eq!(raised.unwrap().status_code, 200);
    fs::remove_file(&definition).unwrap();
    let ran = scratch.run(&["backup", "alarmed", "--prove"]).expect(0);
    let warning = format!("warning: `core-01` reports: memberID:{member} alarm:NOSPACE\n");
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    // The workspace is cleaned up by its definitions.
    fs::write(&definition, text).unwrap();
}

/// Members on machines are played by local ones: a backup sees only their addresses.
#[test]
fn backup_of_machines_is_proven_on_this_host() {
    let scratch = started("machines", &three(14));
    let record = scratch.root().join(".state/machines/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"local\"", "\"vagrant\"")).unwrap();
    let taken = backup(&scratch, "machines", &["--prove"]);
    assert!(taken["proven"].is_string(), "{taken:#}");
    fs::write(&record, text).unwrap();
}

#[test]
fn backup_is_written_to_a_new_file_that_the_user_names() {
    let scratch = started("named", &one(10));
    let taken = backup(&scratch, "named", &["--to", "copy.db", "--prove"]);
    let file = scratch.root().join("copy.db");
    assert_eq!(taken["file"], file.as_str());
    assert_eq!(
        (mode(&file), mode(&scratch.root().join("copy.db.json"))),
        (0o600, 0o600)
    );
    assert!(!folder(&scratch, "named").exists());
    scratch
        .run(&["backup", "named", "--prove=copy.db"])
        .expect(0);

    let before = fs::read(&file).unwrap();
    let refused = scratch
        .run(&["backup", "named", "--to", "copy.db"])
        .expect(7);
    assert_eq!(
        refused.stderr,
        format!(
            "error: `{file}` exists\nnote: a backup replaces no file\n\
             hint: choose another name\n"
        )
    );
    assert_eq!(fs::read(&file).unwrap(), before);
    let nowhere = scratch
        .run(&["backup", "named", "--to", "none/copy.db"])
        .expect(5);
    assert!(
        nowhere.stderr.contains("none/copy.db`: No such file"),
        "{}",
        nowhere.stderr
    );
    for words in [
        ["--to", "x.db", "--keep", "2"],
        ["--list", "--to", "x.db", "--prove"],
    ] {
        scratch
            .run(&[&["backup", "named"][..], &words].concat())
            .expect(2);
    }
}

#[test]
fn full_disk_leaves_nothing_of_a_backup_in_namespaces() {
    let scratch = Scratch::with("tight", &one(11));
    let xtask = format!("'{}'", env!("CARGO_BIN_EXE_xtask"));
    let value = "x".repeat(100_000);
    // The snapshot of about 200 KiB does not fit; later it does, but its manifest does not.
    let script = format!(
        "mkdir disk; mount -t tmpfs -o size=64k none disk || exit 99
        {xtask} up tight --etcd-dir '{}' --timeout 5m >/dev/null 2>&1 || exit 98
        {xtask} etcdctl --cluster tight put key {value}
        {xtask} backup tight --to disk/a.db; echo full $?; ls -A disk | wc -l
        mount -o remount,size=1m disk
        {xtask} backup tight --to disk/a.db >/dev/null; echo room $?; ls -A disk | wc -l
        {xtask} destroy tight --yes 2>/dev/null",
        packaged()
    );
    let mut command = in_own_namespaces(&mut scratch.command(&[]), &script);
    let ran = Ran::from(command.current_dir(scratch.root()).output().unwrap());
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("full 6\n0\nroom 0\n2\n"), "{said}");
    let error = "error: the snapshot of `core-01` cannot be saved: ";
    assert!(ran.stderr.contains(error), "{said}");
    let note = "no space left on device";
    assert!(ran.stderr.contains(note), "{said}");
}
