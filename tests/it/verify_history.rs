//! Lost data stays lost: how `verify` judges a cluster whose keys are at a lower revision than before, and
//! what it records about that.

use std::fs;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use expect_test::expect;
use serde_json::{Value, json};
use test_attribute::test;
use xtask::backup::Restorable;
use xtask::check;
use xtask::etcd::tools::Tools;
use xtask::etcd::verify::{Verified, until_healthy};
use xtask::observation::{LastRevision, Look, Observation};
use xtask::plan::Plan;
use xtask::plan::identity::EtcdId;
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::scratch::{Ran, Scratch};
use crate::verify_stand_ins::{serve, with_etcdctl};
use crate::verify_support::{failed, healthy, plan, says, says_for_each, status, three, without};

/// A cluster with a made-up etcdctl: it reports the revision in a file, and each look raises that, as it does
/// in a real cluster.
struct StandIn {
    scratch: Scratch,
    plan: Plan,
}

impl StandIn {
    const NAME: &str = "remembered";

    fn on(network: u8) -> Self {
        let definition = format!("members = 3\n[network]\nsubnet = \"10.77.{network}.0/24\"\n");
        let scratch = Scratch::with(Self::NAME, &definition);
        let plan = plan(Self::NAME, &definition)
            .on_loopback()
            .run_by("3.4.23".parse().unwrap());
        serve(&plan, |_| String::new());
        let ids = plan.members.iter().map(|member| {
            let (url, id) = (member.client_url(), member.id.0);
            format!("*={url}\" \"*) id={id} ;;\n")
        });
        let script = format!(
            r#"cd "$(dirname "$0")"
read -r revision < revision
case "$* " in
{ids}esac
header="\"header\":{{\"cluster_id\":{cluster},\"member_id\":$id,\"revision\":"
case "$*" in
*" endpoint status "*) echo "[{{\"Status\":{{$header$revision}},\"version\":\"3.4.23\",\"leader\":{leader},\"raftTerm\":2}}}}]" ;;
*" lease grant "*) echo '{{"ID":7}}' ;;
*" put "*) echo "{{$header$((revision + 1))}}}}" ;;
*" lease revoke "*) echo $((revision + 4)) > revision ;;
esac"#,
            ids = ids.collect::<String>(),
            cluster = plan.cluster_id.0,
            leader = plan.members[0].id.0,
        );
        let tools = with_etcdctl(&scratch, &script, "3.4.23");
        // What the record names must exist.
        let tools = Tools {
            etcd: tools.etcdctl.clone(),
            ..tools
        };
        let stand_in = Self { scratch, plan };
        let workspace = Workspace::at(stand_in.scratch.root());
        Record::new(DriverName::Local, &stand_in.plan, &tools)
            .write(&workspace.home(&Self::NAME.parse().unwrap()))
            .unwrap();
        stand_in
    }

    /// Sets the revision of the keys.
    fn set_revision(&self, revision: u64) {
        fs::write(
            self.scratch.root().join("revision"),
            format!("{revision}\n"),
        )
        .unwrap();
    }

    fn revision(&self) -> u64 {
        let text = fs::read_to_string(self.scratch.root().join("revision")).unwrap();
        text.trim().parse().unwrap()
    }

    fn state(&self, file: &str) -> Utf8PathBuf {
        let folder = self.scratch.root().join(".state").join(Self::NAME);
        folder.join(file)
    }

    /// The note of earlier looks.
    fn seen(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.state("seen.json")).unwrap()).unwrap()
    }

    /// Records that this revision was seen, as the first version of this program did.
    fn have_seen(&self, revision: u64) {
        let seen = json!({
            "format": 1,
            "cluster_id": self.plan.cluster_id.to_string(),
            "revision": revision,
        });
        fs::write(self.state("seen.json"), seen.to_string()).unwrap();
    }

    /// The verdict of `history`, and its whole text.
    fn history(&self, more: &[&str]) -> (String, String, Ran) {
        let arguments = [&["verify", Self::NAME, "--format", "json"], more].concat();
        let ran = self.scratch.run(&arguments).expect(1);
        let verified: Value = serde_json::from_str(&ran.stdout).unwrap();
        let checks = verified["checks"].as_array().unwrap();
        let check = checks.iter().find(|one| one["name"] == "history").unwrap();
        let verdict = check["verdict"].as_str().unwrap().to_owned();
        (verdict, check.to_string(), ran)
    }
}

#[test]
fn stand_in_data_loss_is_reported_until_the_note_is_removed() {
    let stand_in = StandIn::on(221);
    stand_in.have_seen(30);
    stand_in.set_revision(4);
    let begun = Instant::now();
    let (verdict, said, ran) = stand_in.history(&["--wait", "60s"]);
    assert_eq!(verdict, "fail", "{said}");
    // Waiting does not bring it back.
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(stand_in.revision(), 8, "it was looked at once");
    assert!(ran.stderr.contains("not waiting for"), "{}", ran.stderr);
    let mut wanted = json!({
        "format": 1,
        "cluster_id": stand_in.plan.cluster_id.to_string(),
        "revision": 30,
        "fell_to": 4,
    });
    assert_eq!(stand_in.seen(), wanted);

    // No matter how much is written since.
    for revision in [27, 31, 1000] {
        stand_in.set_revision(revision);
        let (verdict, said, _) = stand_in.history(&[]);
        assert_eq!(verdict, "fail", "{said}");
        assert!(said.contains("revision 4 after 30"), "{said}");
        assert_eq!(stand_in.seen(), wanted);
    }

    fs::remove_file(stand_in.state("seen.json")).unwrap();
    let (verdict, said, _) = stand_in.history(&[]);
    assert_eq!(verdict, "not-applicable", "{said}");
    wanted = json!({
        "format": 1,
        "cluster_id": stand_in.plan.cluster_id.to_string(),
        "revision": 1004,
    });
    assert_eq!(stand_in.seen(), wanted);
    let (verdict, said, _) = stand_in.history(&[]);
    assert_eq!(verdict, "pass", "{said}");
}

/// The result if every member reports this revision and the first value was written at that one, after this
/// revision had been seen.
fn after(plan: &Plan, before: u64, tells: u64, written_at: Look<Option<u64>>) -> Observation {
    let mut seen = healthy(plan);
    for member in &mut seen.members {
        status(member).revision = Some(tells);
        member.write = match &written_at {
            Look::Seen(revision) => Look::Seen(*revision),
            _ => failed("no answer in time"),
        };
    }
    seen.before = Some(LastRevision {
        revision: before,
        fell_to: None,
        restored: None,
    });
    seen
}

#[test]
fn only_a_new_write_proves_data_loss() {
    let plan = three();
    let lost = after(&plan, 30, 4, Look::Seen(Some(5)));
    let just_one = after(&plan, 30, 29, Look::Seen(Some(30)));
    // Members that have just started, and had not applied their logs when they were queried.
    let late = after(&plan, 30, 28, Look::Seen(Some(31)));
    let unproven = after(&plan, 30, 28, failed(""));
    let untold = after(&plan, 30, 28, Look::Seen(None));
    let cases = [
        ("lost", lost, Some(4)),
        ("just one revision is lost", just_one, Some(29)),
        ("late", late, None),
        ("nothing was written", unproven, None),
        ("a version that does not tell", untold, None),
    ];
    for (case, seen, revision) in &cases {
        assert_eq!(check::lost(&plan, seen), *revision, "{case}");
    }
    says_for_each(
        &plan,
        "history",
        &cases.map(|(case, seen, _)| (case, seen)),
        expect![[r#"
            lost
              Fail: revision 4 after 30
              - data is lost: the keys were at revision 30, then at revision 4
                heals: if the current data is intended, forget the recorded revision; otherwise look for a snapshot or a member's data before anything else is written: `rm .state/default/seen.json`
            just one revision is lost
              Fail: revision 29 after 30
              - data is lost: the keys were at revision 30, then at revision 29
                heals: if the current data is intended, forget the recorded revision; otherwise look for a snapshot or a member's data before anything else is written: `rm .state/default/seen.json`
            late
              Pass: at revision 30; all members reached 30 before
            nothing was written
              NotYet: revision 28 after 30
              - the keys are at revision 28 according to core-01, core-02 and core-03, but revision 30 was seen before
                informs: a member that has just started may still be applying its log, and no new write settles the question; check again: `cargo xtask verify --wait 60s`
            a version that does not tell
              NotYet: revision 28 after 30
              - the keys are at revision 28 according to core-01, core-02 and core-03, but revision 30 was seen before
                informs: a member that has just started may still be applying its log, and no new write settles the question; check again: `cargo xtask verify --wait 60s`
        "#]],
    );
}

#[test]
fn data_on_one_member_is_not_lost() {
    let plan = three();
    let mut seen = after(&plan, 30, 4, Look::Seen(Some(5)));
    status(&mut seen.members[1]).revision = Some(30);
    says(
        &plan,
        &seen,
        "history",
        expect![[r#"
        Pass: at revision 30; all members reached 30 before
    "#]],
    );
    assert_eq!(check::lost(&plan, &seen), None);
    // Unless it belongs to another cluster.
    status(&mut seen.members[1]).cluster_id = EtcdId(7);
    assert_eq!(check::lost(&plan, &seen), Some(4));
}

#[test]
fn known_data_loss_stays_reported() {
    let plan = three();
    let fell = |mut seen: Observation| {
        seen.before = Some(LastRevision {
            revision: 30,
            fell_to: Some(4),
            restored: None,
        });
        seen
    };
    let nobody = without(without(without(healthy(&plan), 0), 1), 2);
    for seen in [
        fell(after(&plan, 30, 1000, Look::Seen(Some(1001)))),
        fell(nobody),
    ] {
        says(
            &plan,
            &seen,
            "history",
            expect![[r#"
            Fail: revision 4 after 30
            - data is lost: the keys were at revision 30, then at revision 4
              heals: if the current data is intended, forget the recorded revision; otherwise look for a snapshot or a member's data before anything else is written: `rm .state/default/seen.json`
        "#]],
        );
    }
}

/// Waits with looks that find these verdicts in order, the last one repeatedly; returns the number of looks.
fn looks(plan: &Plan, found: &[Observation]) -> usize {
    let mut looks = 0;
    let mut look = || {
        let observation = found[looks.min(found.len() - 1)].clone();
        looks += 1;
        Verified {
            report: check::judge(plan, &observation),
            is_lost: check::lost(plan, &observation).is_some(),
            observation,
        }
    };
    until_healthy(Duration::from_secs(2), &mut look, &mut |_| true);
    looks
}

#[test]
fn waiting_ends_when_it_cannot_help() {
    let plan = three();
    let lost = after(&plan, 30, 4, Look::Seen(Some(5)));
    let unproven = after(&plan, 30, 28, failed(""));
    let healthy = healthy(&plan);
    let down = without(healthy.clone(), 2);
    assert_eq!(looks(&plan, &[lost.clone(), healthy.clone()]), 1);
    assert_eq!(looks(&plan, &[unproven.clone(), lost, healthy.clone()]), 2);
    let mut changed = down.clone();
    changed.recorded.changes = vec!["`core-02` at 192.168.56.102 is new".to_owned()];
    changed.recorded.is_redefined = true;
    assert_eq!(looks(&plan, &[changed, healthy.clone()]), 1);
    // Everything that may recover is waited for.
    assert_eq!(looks(&plan, &[down, unproven, healthy]), 3);
}

#[test]
fn stand_in_look_during_a_drill_is_not_recorded() {
    let stand_in = StandIn::on(222);
    stand_in.have_seen(30);
    let before = stand_in.seen();
    let journal = r#"{"format": 1, "fault": "cluster-reformed", "undo": []}"#;
    for (journal, warning) in [
        (
            journal,
            "an interrupted drill left `cluster-reformed` in the cluster",
        ),
        // An unreadable record of a drill may be of any cluster.
        ("", "drill.json` cannot be read"),
    ] {
        fs::write(stand_in.state("drill.json"), journal).unwrap();
        // Nothing is proven about what a drill may have caused.
        let holds = if journal.is_empty() {
            "skipped"
        } else {
            "pass"
        };
        for (revision, wanted) in [(4, "fail"), (1000, holds)] {
            stand_in.set_revision(revision);
            let (verdict, said, ran) = stand_in.history(&[]);
            assert_eq!(verdict, wanted, "{said}");
            assert!(ran.stderr.contains(warning), "{}", ran.stderr);
            assert_eq!(stand_in.seen(), before, "{revision}");
        }
    }
    stand_in.set_revision(4);
    let (verdict, said, ran) = stand_in.history(&["--wait", "1s"]);
    assert_eq!(verdict, "fail", "{said}");
    // Healing brings everything back.
    let waited = ran.stderr.contains("after 1s, still missing: ");
    assert!(waited, "{}", ran.stderr);
    // Healing restores what was there.
    fs::remove_file(stand_in.state("drill.json")).unwrap();
    stand_in.set_revision(40);
    let (verdict, said, _) = stand_in.history(&[]);
    assert_eq!(verdict, "pass", "{said}");
    assert_eq!(stand_in.seen()["revision"], 40);
}

#[test]
fn stand_in_with_an_unreadable_note_is_not_checked() {
    let stand_in = StandIn::on(223);
    stand_in.set_revision(40);
    for garbage in [
        "garbage",
        "{}",
        r#"{"format": 7, "cluster_id": "1", "revision": 9}"#,
    ] {
        fs::write(stand_in.state("seen.json"), garbage).unwrap();
        let (verdict, said, _) = stand_in.history(&[]);
        assert_eq!(verdict, "skipped", "{said}");
        assert!(said.contains("seen.json` cannot be read: "), "{said}");
        // It may still recover.
        let left = fs::read_to_string(stand_in.state("seen.json")).unwrap();
        assert_eq!(left, garbage);
    }
}

#[test]
fn wanted_restoration_is_told_and_hides_no_loss() {
    let plan = three();
    let restored = |now, tells, written| {
        let mut seen = after(&plan, now, tells, Look::Seen(Some(written)));
        if let Some(before) = &mut seen.before {
            before.restored = Some(20);
        }
        seen
    };
    let cases = [
        ("just now", restored(20, 20, 21)),
        (
            "with raised revisions",
            restored(1_000_000_020, 1_000_000_023, 1_000_000_024),
        ),
        ("lost later", restored(1_000_000_020, 20, 21)),
    ];
    says_for_each(
        &plan,
        "history",
        &cases,
        expect![[r#"
        just now
          Pass: at revision 20; a backup of revision 20 was restored
        with raised revisions
          Pass: at revision 1000000023; a backup of revision 20 was restored
        lost later
          Fail: revision 20 after 1000000020
          - data is lost: the keys were at revision 1000000020, then at revision 20
            heals: if the current data is intended, forget the recorded revision; otherwise look for a snapshot or a member's data before anything else is written: `rm .state/default/seen.json`
    "#]],
    );
    let mut lost = restored(1_000_000_020, 20, 21);
    lost.recorded.backup = Some(Restorable {
        file: "new.db".to_owned(),
        revision: 1_000_000_010,
    });
    says(
        &plan,
        &lost,
        "history",
        expect![[r#"
        Fail: revision 20 after 1000000020
        - data is lost: the keys were at revision 1000000020, then at revision 20
          heals: if the current data is intended, remove .state/default/seen.json; otherwise stop writing and restore the backup with revision 1000000010: `cargo xtask restore default --from new.db`
    "#]],
    );
}

/// Later looks keep the record of it.
#[test]
fn stand_in_restoration_stays_recorded() {
    let stand_in = StandIn::on(224);
    let mut seen = json!({
        "format": 1,
        "cluster_id": stand_in.plan.cluster_id.to_string(),
        "revision": 30,
        "restored": 20,
    });
    fs::write(stand_in.state("seen.json"), seen.to_string()).unwrap();
    stand_in.set_revision(40);
    let (verdict, said, _) = stand_in.history(&[]);
    assert_eq!(verdict, "pass", "{said}");
    assert!(
        said.contains("; a backup of revision 20 was restored"),
        "{said}"
    );
    seen["revision"] = 40.into();
    assert_eq!(stand_in.seen(), seen);
    stand_in.set_revision(4);
    stand_in.history(&[]);
    seen["fell_to"] = 4.into();
    assert_eq!(stand_in.seen(), seen);
}
