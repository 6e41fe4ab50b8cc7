//! Clusters whose majority has lost its data: every task names the same way back, and following it as
//! printed makes the cluster healthy.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use test_attribute::test;
use xtask::advice::Unusable;
use xtask::backup::Restorable;
use xtask::observation::log::Cause;
use xtask::way_back::Remains::{self, New, Serves, Silent, Stopped};
use xtask::way_back::WayBack;

use crate::backup::{backup, files, folder};
use crate::etcd_binaries::{of_debian_13, packaged, tools};
use crate::local_support::{get, is_healthy, processes, put, up};
use crate::scratch::Scratch;
use crate::support::look_until;
use crate::typed::typed;

const LOST: Remains = Remains::Unusable(Unusable::Lost);
const DAMAGED: Remains = Remains::Unusable(Unusable::Ends(Cause::Database));
const REMOVED: Remains = Remains::Unusable(Unusable::Ends(Cause::Removed));

const fn at(revision: u64, applied: u64) -> Remains {
    Serves {
        revision: Some(revision),
        applied: Some(applied),
    }
}

#[test]
fn best_survivor_is_chosen() {
    let backup = Restorable {
        file: "new.db".to_owned(),
        revision: 7,
    };
    let mut told = String::new();
    for members in [
        // `up` starts a majority.
        &[LOST, Stopped, Stopped][..],
        &[LOST, Silent, New],
        &[Stopped, REMOVED, REMOVED],
        &[LOST, LOST, Stopped],
        &[LOST, DAMAGED, Silent],
        &[DAMAGED, Stopped, REMOVED],
        &[LOST, LOST, LOST, Stopped, Stopped],
        &[LOST, LOST, LOST, Silent, Stopped],
        &[LOST, LOST, LOST, Stopped, at(3, 9)],
        &[LOST, LOST, at(4, 9), at(5, 8)],
        &[LOST, LOST, at(5, 8), at(5, 9)],
        &[LOST, LOST, at(5, 9), at(5, 9)],
        &[LOST, LOST, New],
        &[DAMAGED],
        &[LOST, LOST, LOST],
    ] {
        let named = (1..).zip(members);
        let named = named.map(|(number, one)| (format!("m{number}").parse().unwrap(), *one));
        let way_back = WayBack::find(&named.collect::<Vec<_>>(), false);
        let hint = way_back.map(|way_back| {
            let hint = way_back.hint(&"one".parse().unwrap(), Some(&backup));
            hint.unwrap().to_string()
        });
        told += &hint.unwrap_or_else(|| "up".to_owned());
        told += "\n";
    }
    expect![[r#"
        up
        up
        up
        the data of m1 and m2 is lost; rebuild the cluster from the data of m3: `cargo xtask restore one --from-member m3`
        the data of m1 and m2 is lost or damaged; stop m3, then rebuild the cluster from its data: `cargo xtask down one`, then `cargo xtask restore one --from-member m3`
        the data of m1 and m3 cannot be used; rebuild the cluster from the data of m2: `cargo xtask restore one --from-member m2`
        the data of m1, m2 and m3 is lost; rebuild the cluster from the data of m4: `cargo xtask restore one --from-member m4`
        the data of m1, m2 and m3 is lost; rebuild the cluster from the data of m5: `cargo xtask restore one --from-member m5`
        the data of m1, m2 and m3 is lost; rebuild the cluster from the data of m5: `cargo xtask restore one --from-member m5`
        the data of m1 and m2 is lost; rebuild the cluster from the data of m4: `cargo xtask restore one --from-member m4`
        the data of m1 and m2 is lost; rebuild the cluster from the data of m4: `cargo xtask restore one --from-member m4`
        the data of m1 and m2 is lost; rebuild the cluster from the data of m3: `cargo xtask restore one --from-member m3`
        the data of m1 and m2 is lost; restore the newest backup: `cargo xtask restore one --from new.db`
        the data of m1 is damaged; restore the newest backup: `cargo xtask restore one --from new.db`
        the data of m1, m2 and m3 is lost; restore the newest backup: `cargo xtask restore one --from new.db`
    "#]]
    .assert_eq(&told);
}

#[test]
fn machines_need_not_be_stopped_before() {
    let members = [LOST, LOST, Silent];
    let named = (1..).zip(members);
    let named = named.map(|(number, one)| (format!("m{number}").parse().unwrap(), one));
    let way_back = WayBack::find(&named.collect::<Vec<_>>(), true).unwrap();
    let hint = way_back.hint(&"one".parse().unwrap(), None).unwrap();
    assert_eq!(hint.commands, ["cargo xtask restore one --from-member m3"]);
    let lost = [("m1".parse().unwrap(), LOST)];
    let way_back = WayBack::find(&lost, true).unwrap();
    assert!(way_back.needs_backup());
    assert_eq!(way_back.hint(&"one".parse().unwrap(), None), None);
}

fn definition(members: u8) -> String {
    format!("members = {members}\n[network]\nsubnet = \"10.98.2.0/24\"\n")
}

fn started(name: &str, members: u8) -> Scratch {
    let scratch = Scratch::with(name, &definition(members));
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

fn state(scratch: &Scratch, name: &str, file: &str) -> Utf8PathBuf {
    scratch.root().join(format!(".state/{name}/{file}"))
}

/// Kills a member and removes its folder.
fn lose(scratch: &Scratch, name: &str, member: &str) {
    if let Some(id) = processes(scratch, name).get(member) {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
        look_until(
            || !processes(scratch, name).contains_key(member),
            |is_gone| *is_gone,
        );
    }
    fs::remove_dir_all(state(scratch, name, &format!("members/{member}"))).unwrap();
}

/// The commands of all hints of `verify`, each list once.
fn verified(scratch: &Scratch, name: &str) -> Vec<(String, Value)> {
    let ran = scratch.run(&["verify", name, "--format", "json"]);
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let checks = seen["checks"].as_array().unwrap().iter();
    let findings = checks.flat_map(|check| {
        let name = check["name"].as_str().unwrap();
        let findings = check["findings"].as_array().unwrap().iter();
        findings.map(move |finding| (name.to_owned(), finding["commands"].clone()))
    });
    let mut hints: Vec<_> = findings
        .filter(|(_, commands)| commands.get(0).is_some())
        .collect();
    hints.dedup();
    hints
}

fn status(scratch: &Scratch, name: &str) -> Value {
    let ran = scratch.run(&["status", name, "--format", "json"]).expect(0);
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap();
    seen["hints"][0]["commands"].clone()
}

/// Asserts that all tasks advise the command for this cluster, and that it makes the cluster healthy.
#[track_caller]
fn is_the_way_back(scratch: &Scratch, name: &str, command: &str) {
    let commands = json!([command]);
    let advised = look_until(
        || verified(scratch, name),
        |advised| *advised == [("quorum".to_owned(), commands.clone())],
    );
    assert_eq!(advised, [("quorum".to_owned(), commands.clone())]);
    assert_eq!(status(scratch, name), commands);
    let listed = scratch.run(&["list"]).expect(0).stderr;
    assert!(listed.contains(&format!("`{command}`\n")), "{listed}");
    let refused = scratch.run(&["up", name]).expect(7).stderr;
    assert!(refused.ends_with(&format!("`{command}`\n")), "{refused}");
    assert_eq!(refused.matches("hint: ").count(), 1, "{refused}");

    typed(scratch, command).expect(0);
    is_healthy(scratch, name);
    assert_eq!(get(scratch, name, "greeting"), "hello\n");
    let nothing: [(String, Value); 0] = [];
    let left = verified(scratch, name);
    assert_eq!(left, nothing);
}

#[test]
fn running_survivor_is_the_way_back() {
    let scratch = started("running", 3);
    lose(&scratch, "running", "core-01");
    lose(&scratch, "running", "core-03");
    is_the_way_back(
        &scratch,
        "running",
        "cargo xtask restore running --from-member core-02",
    );
}

/// The name of a backup's file.
fn name_of(backup: &Value) -> String {
    let file = backup["file"].as_str().unwrap();
    file.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn newest_usable_backup_is_the_way_back() {
    let scratch = started("empty", 3);
    let folder = folder(&scratch, "empty");
    let snapshots = ["no", "yes", "again"].map(|later| {
        put(&scratch, "empty", "later", later);
        name_of(&backup(&scratch, "empty", &[]))
    });
    // A later one is damaged, in the same size; another is of another cluster.
    let mut bytes = fs::read(folder.join(&snapshots[2])).unwrap();
    bytes[5000] ^= 1;
    fs::write(folder.join(&snapshots[2]), bytes).unwrap();
    let manifest = fs::read_to_string(folder.join(format!("{}.json", snapshots[1]))).unwrap();
    let manifest = manifest.replace("\"cluster\": \"empty\"", "\"cluster\": \"other\"");
    fs::write(
        folder.join("9999.db"),
        fs::read(folder.join(&snapshots[1])).unwrap(),
    )
    .unwrap();
    fs::write(folder.join("9999.db.json"), manifest).unwrap();
    for member in ["core-01", "core-02", "core-03"] {
        lose(&scratch, "empty", member);
    }
    let command = format!("cargo xtask restore empty --from {}", snapshots[1]);
    is_the_way_back(&scratch, "empty", &command);
    assert_eq!(get(&scratch, "empty", "later"), "yes\n");
}

#[test]
fn damaged_single_member_is_restored_from_a_backup() {
    let scratch = started("torn", 1);
    backup(&scratch, "torn", &[]);
    scratch.run(&["down", "torn"]).expect(0);
    let database = state(&scratch, "torn", "members/core-01/data/member/snap/db");
    let whole = fs::read(&database).unwrap();
    fs::write(&database, [&[0; 8192], &whole[8192..]].concat()).unwrap();
    let failed = up(&scratch, "torn").expect(6).stderr;
    let newest = files(&folder(&scratch, "torn"))[0].clone();
    let command = format!("cargo xtask restore torn --from {newest}");
    assert!(failed.ends_with(&format!("`{command}`\n")), "{failed}");
    assert_eq!(
        verified(&scratch, "torn"),
        [("quorum".to_owned(), json!([command]))]
    );
    assert_eq!(status(&scratch, "torn"), json!([command]));
    typed(&scratch, &command).expect(0);
    is_healthy(&scratch, "torn");
    assert_eq!(get(&scratch, "torn", "greeting"), "hello\n");
}

/// The state of the check `history`: verdict, evidence, commands of its first finding.
fn history(scratch: &Scratch, name: &str) -> (String, String, Value) {
    let ran = scratch.run(&["verify", name, "--format", "json"]);
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap();
    let checks = seen["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "history");
    let check = check.unwrap();
    let text = |field: &str| check[field].as_str().unwrap().to_owned();
    let commands = check["findings"][0]["commands"].clone();
    (text("verdict"), text("evidence"), commands)
}

/// Creates the cluster anew, and leaves its backups and the recorded revision.
fn recreate(scratch: &Scratch, name: &str, etcd: &Utf8Path) {
    let seen = state(scratch, name, "seen.json");
    let before = fs::read_to_string(&seen).unwrap();
    scratch.run(&["destroy", name, "--yes"]).expect(0);
    let up = ["up", name, "--etcd-dir", etcd.as_str()];
    scratch.run(&up).expect(0);
    fs::write(&seen, before).unwrap();
    scratch.run(&up).expect(1);
}

#[track_caller]
fn is_restored_and_a_later_loss_found(name: &str, version: &str, etcd: &Utf8Path) {
    // How machines would get etcd does not matter for processes.
    let definition = format!(
        "{}[etcd]\nversion = \"{version}\"\nruntime = \"container\"\n",
        definition(1)
    );
    let scratch = Scratch::with(name, &definition);
    let up = ["up", name, "--etcd-dir", etcd.as_str()];
    scratch.run(&up).expect(0);
    backup(&scratch, name, &[]);
    for value in ["1", "2", "3", "4", "5", "hello"] {
        put(&scratch, name, "greeting", value);
    }
    let wanted = backup(&scratch, name, &[]);
    is_healthy(&scratch, name);
    recreate(&scratch, name, etcd);
    // A newer backup holds none of the lost data.
    backup(&scratch, name, &[]);

    let command = format!("cargo xtask restore {name} --from {}", name_of(&wanted));
    let (verdict, _, commands) = history(&scratch, name);
    assert_eq!((verdict.as_str(), commands), ("fail", json!([command])));
    typed(&scratch, &command).expect(0);
    is_healthy(&scratch, name);
    assert_eq!(get(&scratch, name, "greeting"), "hello\n");
    let (verdict, evidence, _) = history(&scratch, name);
    let revision = &wanted["revision"];
    let restored = format!("; a backup of revision {revision} was restored");
    assert_eq!(verdict, "pass");
    assert!(evidence.ends_with(&restored), "{evidence}");

    // What was restored is no excuse for what is lost later.
    recreate(&scratch, name, etcd);
    let (verdict, _, commands) = history(&scratch, name);
    assert_eq!((verdict.as_str(), commands), ("fail", json!([command])));
}

/// Its etcd cannot raise the revisions of restored keys.
#[test]
fn lost_history_of_etcd_3_4_is_restored() {
    let version = tools().version.to_string();
    is_restored_and_a_later_loss_found("anew", &version, packaged());
}

/// Its etcd can.
#[test]
fn lost_history_of_etcd_3_5_is_restored() {
    is_restored_and_a_later_loss_found("raised", "3.5.16", of_debian_13());
}
