//! Drills that lose data for good and restore it, with real etcd: what they lose is what they announce, and
//! whenever one is killed, the members come back with the old data or all of them with the restored data.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use camino::Utf8PathBuf;
use serde_json::Value;
use test_attribute::test;
use xtask::driver::{self, Driver};
use xtask::etcd::snapshot;
use xtask::etcd::tools::Tools;
use xtask::fault;
use xtask::state::{RESTORATION_FORMAT, Record, Restoration, high_water_mark};
use xtask::values::{DriverName, HostName};
use xtask::workspace::{Home, Workspace};

use crate::drilled_cluster::{Cluster, UnderWay, begin, held};
use crate::etcd_binaries::of_debian_13;
use crate::local_support::{get, put};
use crate::scratch::Scratch;

const DISASTERS: [&str; 3] = [
    "majority-lost-for-good",
    "majority-lost-survivor",
    "all-data-lost",
];

/// Runs all of them, and returns what was restored by each.
fn restored_by_all(scratch: &Scratch, name: &str) -> Vec<Value> {
    let how = ["--yes", "--hold", "1s", "--format", "json"];
    let drill = [&["drill", name], &DISASTERS[..], &how].concat();
    let ran = scratch.run(&drill).expect(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let drills = told["drills"].as_array().unwrap();
    let restored = drills.iter().map(|drill| {
        assert_eq!(drill["passed"], true, "{}\n{drill:#}", ran.stderr);
        assert_eq!(drill["reported"], drill["expected"], "{drill:#}");
        assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
        assert!(drill["new_leader"]["term"].is_number(), "{drill:#}");
        let restored = &drill["restored"];
        assert_eq!(restored["lost_beyond"], 0, "{drill:#}");
        // Nobody can write before the restoration.
        let [next, served] = [
            &drill["written_after_milliseconds"],
            &restored["served_after_milliseconds"],
        ]
        .map(|time| time.as_u64().unwrap());
        assert!(next >= served, "{drill:#}");
        restored.clone()
    });
    let restored: Vec<Value> = restored.collect();
    assert_eq!(restored.len(), DISASTERS.len());
    let [backup, survivor, all] = restored.as_slice() else {
        unreachable!()
    };
    for restored in [backup, all] {
        assert!(
            restored["lost_as_announced"].as_u64() > Some(0),
            "{restored}"
        );
        assert_eq!(restored["survivor"], Value::Null);
    }
    assert!(survivor["survivor"].is_string(), "{survivor}");
    restored
}

/// What `verify` says about the history.
fn history(scratch: &Scratch, name: &str) -> String {
    let verify = ["verify", name, "--wait", "60s", "--format", "json"];
    let verified = scratch.run(&verify).expect(0).stdout;
    let verified: Value = serde_json::from_str(&verified).unwrap();
    let checks = verified["checks"].as_array().unwrap();
    let history = checks.iter().find(|check| check["name"] == "history");
    history.unwrap()["evidence"].as_str().unwrap().to_owned()
}

#[test]
fn disasters_lose_what_they_announce() {
    let cluster = Cluster::start("disaster", 30);
    let (scratch, name) = (&cluster.scratch, cluster.name);
    put(scratch, name, "survivor", "yes");
    let own = scratch.run(&["backup", name]).expect(0);
    let restored = restored_by_all(scratch, name);
    for one in &restored {
        assert_eq!(one["revision"], one["snapshot_revision"], "3.4 raises none");
    }
    cluster.is_as_it_was();
    let of = format!(
        "a backup of revision {} was restored",
        restored[2]["snapshot_revision"]
    );
    let told = history(scratch, name);
    assert!(told.ends_with(&of), "{told}");
    // The drills' own backups are gone, and the user's is not.
    let backups = fs::read_dir(cluster.state("backups")).unwrap();
    assert_eq!(backups.count(), 2, "{}", own.stdout);
}

#[test]
fn revisions_go_on_after_disasters_of_3_5() {
    let definition =
        "members = 3\n[network]\nsubnet = \"10.92.31.0/24\"\n[etcd]\nversion = \"3.5.16\"\n";
    let scratch = Scratch::with("newer", definition);
    let up = ["up", "newer", "--etcd-dir", of_debian_13().as_str()];
    scratch.run(&up).expect(0);
    put(&scratch, "newer", "survivor", "yes");
    let mut before = 0;
    for one in restored_by_all(&scratch, "newer") {
        let [snapshot, revision] = ["snapshot_revision", "revision"].map(|name| one[name].as_u64());
        assert!(snapshot > Some(before), "{one}");
        assert!(
            revision >= snapshot.map(|snapshot| snapshot + 1_000_000_000),
            "{one}"
        );
        before = revision.unwrap();
    }
    assert!(history(&scratch, "newer").contains("was restored"));
    assert_eq!(get(&scratch, "newer", "survivor"), "yes\n");
    assert!(!scratch.root().join(".state/newer/backups").exists());
}

#[test]
fn disasters_need_a_yes_and_can_be_called_off() {
    let cluster = Cluster::start("careful", 32);
    let refused = cluster.drill(&["all-data-lost"]).expect(2);
    let said = "\
error: `all-data-lost` loses the latest writes of all clients
note: it restores the cluster from older data, and counts what its own clients lose
note: from etcd 3.5.10 on, older revisions can no longer be read or watched either
hint: if no other client writes, add `--yes`
";
    assert!(refused.stderr.ends_with(said), "{}", refused.stderr);

    // A restoration that cannot be prepared: the old data is put back.
    let before = identities(&cluster, "data");
    fs::write(cluster.state("members/core-02/data-restored"), "in the way").unwrap();
    let failed = cluster
        .drill(&["all-data-lost", "--yes", "--hold", "1s"])
        .expect(5);
    let said = "\nerror: `careful` was not restored\nnote: all members have their old data again\n";
    assert!(failed.stderr.ends_with(said), "{}", failed.stderr);
    fs::remove_file(cluster.state("members/core-02/data-restored")).unwrap();
    assert_eq!(identities(&cluster, "data"), before);
    assert!(!cluster.state("drill.json").exists());
    cluster.comes_to_be_healthy();

    // Whoever interrupts it loses nothing.
    let drill = begin(&cluster, "all-data-lost", "put-data-back");
    let ended = drill.interrupt().expect(130);
    assert!(ended.stderr.contains("has been healed"), "{}", ended.stderr);
    assert_eq!(identities(&cluster, "data"), before);
    cluster.comes_to_be_healthy();

    // Once the restoration has begun, it is completed, and what it replaces is kept.
    let words = ["drill", "careful", "all-data-lost", "--yes", "--hold", "1s"];
    let drill = UnderWay::start(&mut cluster.scratch.command(&words));
    let ended = drill.interrupt_once_it_says("restoring the data of core-01");
    let said = "interrupted; `all-data-lost` has been healed by a restoration\nnote: writes from revision ";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(ended.status, Some(130));
    let is_kept = |identity: &u64| {
        let mut folders = fs::read_dir(cluster.state("members/core-01")).unwrap();
        folders.any(|folder| folder.unwrap().metadata().unwrap().ino() == *identity)
    };
    assert!(before["core-01"].iter().all(is_kept));
    assert_ne!(identities(&cluster, "data"), before);
    assert!(!cluster.state("drill.json").exists());
    cluster.comes_to_be_healthy();
}

/// The identities of the members' folders of this name.
fn identities(cluster: &Cluster, folder: &str) -> BTreeMap<String, Option<u64>> {
    let members = ["core-01", "core-02", "core-03"].map(|member| {
        let folder = cluster.state(&format!("members/{member}/{folder}"));
        let identity = fs::metadata(folder).ok().map(|folder| folder.ino());
        (member.to_owned(), identity)
    });
    members.into()
}

/// Injects a disaster with a drill, and kills it when `verify` has found the disaster.
fn brought_about(cluster: &Cluster, fault: &str) {
    let mut drill = UnderWay::start(&mut held(cluster, fault));
    drill.wait_until_it_says("verify reports ");
    drill.wait_until_it_says("\n");
}

#[test]
fn killed_disaster_loses_nothing_until_it_restores() {
    let cluster = Cluster::start("undecided", 33);
    put(&cluster.scratch, cluster.name, "survivor", "yes");
    for fault in DISASTERS {
        let before = identities(&cluster, "data");
        brought_about(&cluster, fault);
        assert_ne!(identities(&cluster, "data"), before);
        let up = cluster.up().expect(0);
        let said = format!("`{fault}` is undone");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
        assert_eq!(identities(&cluster, "data"), before);
        cluster.is_mended();
        let told = history(&cluster.scratch, cluster.name);
        assert!(!told.contains("was restored"), "{told}");
    }
}

/// A restoration that is carried out step by step, as the program does it.
struct Stepwise {
    home: Home,
    driver: &'static dyn Driver,
    restoration: Restoration,
}

/// How often a restoration can be killed: after each of its steps.
const STEPS: usize = 9;

impl Stepwise {
    /// Prepares the data of all members from the latest backup.
    fn prepared(cluster: &Cluster, time: &str) -> Self {
        let home = Workspace::at(cluster.scratch.root()).home(&cluster.name.parse().unwrap());
        let driver = driver::named(DriverName::Local);
        let record = Record::read(&home).unwrap().unwrap();
        let tools: Tools = record.tools(&home).unwrap();
        let backups = cluster.state("backups").read_dir_utf8().unwrap();
        let backups = backups.map(|file| file.unwrap().into_path());
        let backups = backups.filter(|file| file.extension() == Some("db"));
        let backup: Utf8PathBuf = backups.max().unwrap();
        let plan = cluster.plan();
        for member in &plan.members {
            let staged = driver.data().staged(&home, &member.name);
            snapshot::restore(&tools, &backup, &plan, member, &staged, None).unwrap();
        }
        let revision = snapshot::revision(&tools, &backup).unwrap();
        Self {
            restoration: Restoration {
                format: RESTORATION_FORMAT,
                time: time.to_owned(),
                backup: backup.to_string(),
                backup_revision: revision,
                revision,
                members: record.names(),
                is_begun: false,
                created: Vec::new(),
                is_set_aside: false,
                record,
            },
            home,
            driver,
        }
    }

    /// Does a step.
    fn step(&mut self, number: usize) {
        let Self {
            home,
            driver,
            restoration,
        } = self;
        let members = restoration.members.clone();
        let first: &[HostName] = &members[..1];
        let data = driver.data();
        match number {
            0 => restoration.write(home),
            1 => data.halt(home, &members, &|_| {}),
            2 => fault::return_data(home, *driver),
            3 => data.set_aside(home, first, &restoration.time),
            4 => data.set_aside(home, &members, &restoration.time),
            5 => {
                restoration.is_set_aside = true;
                restoration.write(home)
            }
            6 => data.place(home, first),
            7 => {
                data.place(home, &members).unwrap();
                let ids = restoration.record.members().into_iter();
                let cluster = xtask::plan::identity::cluster_id(ids.map(|member| member.id));
                let revision = restoration.revision;
                high_water_mark::restored(home, cluster, revision, revision)
            }
            _ => Restoration::remove(home),
        }
        .unwrap();
    }
}

/// Asserts that `up` completes a restoration that was killed after this many steps.
#[track_caller]
fn is_completed(cluster: &Cluster, fault: &str, steps: usize) {
    let before = identities(cluster, "data");
    brought_about(cluster, fault);
    let mut stepwise = Stepwise::prepared(cluster, &format!("{fault}-{steps}"));
    for number in 0..steps {
        stepwise.step(number);
    }
    let up = cluster.up().expect(0);
    let said = format!("`{fault}` is undone");
    assert!(up.stderr.contains(&said), "{steps}: {}", up.stderr);
    // The old data of all members is kept, and none of it is used.
    let replaced = format!("data-replaced-{}", stepwise.restoration.time);
    assert_eq!(identities(cluster, &replaced), before, "{steps}");
    for left in ["data-restored", "data-before-drill"] {
        let left = identities(cluster, left);
        assert!(left.values().all(Option::is_none), "{steps}: {left:?}");
    }
    for left in ["drill.json", "restore.json"] {
        assert!(!cluster.state(left).exists(), "{steps}: {left}");
    }
    let told = history(&cluster.scratch, cluster.name);
    assert!(told.contains("was restored"), "{steps}: {told}");
    assert_eq!(get(&cluster.scratch, cluster.name, "survivor"), "yes\n");
}

#[test]
fn up_completes_the_restoration_of_a_killed_disaster() {
    let cluster = Cluster::start("decided", 34);
    put(&cluster.scratch, cluster.name, "survivor", "yes");
    // The soak kills drills at any moment.
    is_completed(&cluster, "majority-lost-for-good", 1);
    for steps in [3, 4, 7, STEPS] {
        is_completed(&cluster, "all-data-lost", steps);
    }
}
