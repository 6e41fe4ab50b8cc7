//! The ways from one version of etcd to another: those that work, every refusal, and properties of all of them.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::sample::select;
use test_attribute::test;
use xtask::change::replace::{can_join_early, version_to_join};
use xtask::change::upgrade::{
    Change, Refusal, Remedy, UpgradePath, hops, hops_of, refusal_of_later_hop, upgrade_path,
};
use xtask::facts::etcd_releases::{NEWEST, newest_patch};
use xtask::facts::flag_table;
use xtask::facts::upgrades::{Fact, UPGRADES, gone, least_before_leaving, step_to};
use xtask::plan::Plan;
use xtask::values::EtcdVersion;

use crate::verify_support::{self, three};

fn version(text: &str) -> EtcdVersion {
    text.parse().unwrap()
}

/// A cluster whose members all run the first version, which is what it speaks.
fn change(from: &str, to: &str) -> Change<'static> {
    let from = version(from);
    Change {
        from,
        to: version(to),
        highest: from,
        cluster: Some(from.minor_release()),
        has_auth: Some(false),
        had_v2: false,
        unknown_flags: &[],
        has_gateway: true,
    }
}

/// A cluster in the middle of a change, which speaks the minor release of the lowest version.
fn mixed(from: &str, highest: &str, to: &str) -> Change<'static> {
    Change {
        highest: version(highest),
        ..change(from, to)
    }
}

#[track_caller]
fn is(change: Change, expected: UpgradePath) {
    assert_eq!(upgrade_path(&change), Ok(expected), "{change:?}");
}

/// The text of the refusal, for a cluster called `default`.
#[track_caller]
fn refused(change: Change, expected: Expect) -> Refusal {
    let refusal = upgrade_path(&change).expect_err("refused");
    expected.assert_eq(&text(&refusal, &three()));
    refusal
}

fn text(refusal: &Refusal, plan: &Plan) -> String {
    let diagnostic = refusal.diagnostic(plan);
    let mut text = format!("error: {}\n", diagnostic.message);
    for note in &diagnostic.notes {
        text += &format!("note: {note}\n");
    }
    for hint in &diagnostic.hints {
        text += &format!("hint: {hint}\n");
    }
    text
}

fn listed(from: &str, to: &str, had_v2: bool) -> Vec<String> {
    let hops = hops(version(from), version(to), had_v2);
    hops.iter().map(ToString::to_string).collect()
}

#[test]
fn upgrade_paths_within_a_minor_release_roll_both_ways() {
    is(change("3.6.14", "3.6.14"), UpgradePath::Same);
    is(change("3.5.16", "3.5.30"), UpgradePath::Roll);
    is(change("3.5.30", "3.5.16"), UpgradePath::Roll);
    is(change("3.5.1", "3.5.33"), UpgradePath::Roll);
    is(mixed("3.5.16", "3.5.30", "3.5.33"), UpgradePath::Roll);
    is(mixed("3.5.16", "3.5.30", "3.5.16"), UpgradePath::Roll);
    // Nothing moves to it.
    is(change("3.5.1", "3.5.1"), UpgradePath::Same);
    is(change("2.3.8", "2.3.8"), UpgradePath::Same);
}

#[test]
fn upgrade_paths_to_the_next_minor_release_roll() {
    for (from, to) in [
        ("3.0.17", "3.1.20"),
        ("3.1.0", "3.2.0"),
        ("3.2.31", "3.3.27"),
        ("3.3.27", "3.4.45"),
        ("3.4.23", "3.5.3"),
        ("3.4.23", "3.5.30"),
        ("3.5.26", "3.6.0"),
        ("3.5.30", "3.6.14"),
        ("3.6.11", "3.7.1"),
        // Later patches than those that are known.
        ("3.5.99", "3.6.99"),
    ] {
        is(change(from, to), UpgradePath::Roll);
    }
    let served_v2 = Change {
        had_v2: true,
        ..change("3.5.32", "3.6.14")
    };
    is(served_v2, UpgradePath::Roll);
    let unknown_auth = Change {
        has_auth: None,
        ..change("3.4.23", "3.5.30")
    };
    is(unknown_auth, UpgradePath::Roll);
    let with_auth = Change {
        has_auth: Some(true),
        ..change("3.5.30", "3.6.14")
    };
    is(with_auth, UpgradePath::Roll);
}

#[test]
fn upgrade_paths_continue_an_interrupted_upgrade() {
    is(mixed("3.5.30", "3.6.14", "3.6.14"), UpgradePath::Roll);
    is(mixed("3.5.30", "3.6.13", "3.6.14"), UpgradePath::Roll);
    is(mixed("3.5.30", "3.6.14", "3.5.30"), UpgradePath::Back);
    is(mixed("3.5.30", "3.6.14", "3.5.33"), UpgradePath::Back);
    // Somebody skipped a minor release on the first member.
    is(mixed("3.4.23", "3.6.14", "3.4.23"), UpgradePath::Back);
}

#[test]
fn upgrade_paths_lead_back_by_downgrade_from_3_6_on() {
    is(change("3.6.14", "3.5.33"), UpgradePath::Downgrade);
    is(change("3.7.1", "3.6.11"), UpgradePath::Downgrade);
    let unknown = Change {
        cluster: None,
        ..change("3.6.14", "3.5.30")
    };
    is(unknown, UpgradePath::Downgrade);
    // Every member is new, and the cluster notices that at any moment.
    let not_noticed = Change {
        cluster: Some((3, 5)),
        ..change("3.6.14", "3.5.30")
    };
    is(not_noticed, UpgradePath::Downgrade);
}

#[test]
fn upgrade_paths_lead_back_only_to_what_works_beside_the_later_release() {
    refused(
        change("3.6.14", "3.5.16"),
        expect![[r#"
        error: etcd 3.5.16 is too old for members of 3.6.14
        note: 3.5.26 or later is needed: before it, removed members can come back, and a promoted learner can be taken for a learner
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    refused(
        change("3.7.1", "3.6.5"),
        expect![[r#"
        error: etcd 3.6.5 is too old for members of 3.7.1
        note: 3.6.11 or later is needed: before it, 3.6 may not work beside 3.7
        hint: set `version = "3.6.14"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    let served_v2 = Change {
        had_v2: true,
        ..change("3.6.14", "3.5.30")
    };
    refused(
        served_v2,
        expect![[r#"
        error: etcd 3.5.30 is too old for members of 3.6.14
        note: 3.5.32 or later is needed: before it, `etcdutl check v2store` overlooks v2 data in the write-ahead log, and 3.6 does not start with such data
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    // A member that is back already can always get its version.
    is(mixed("3.5.16", "3.6.14", "3.5.16"), UpgradePath::Back);
}

#[test]
fn upgrade_paths_refuse_a_patch_that_is_too_old() {
    refused(
        change("3.5.16", "3.6.14"),
        expect![[r#"
        error: etcd 3.5.16 is too old for the upgrade to 3.6.14
        note: 3.5.26 or later is needed first: before it, removed members can come back, and a promoted learner can be taken for a learner
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    refused(
        change("3.6.5", "3.7.1"),
        expect![[r#"
        error: etcd 3.6.5 is too old for the upgrade to 3.7.1
        note: 3.6.11 or later is needed first: before it, 3.6 may not work beside 3.7
        hint: set `version = "3.6.14"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    refused(
        change("3.2.0", "3.3.27"),
        expect![[r#"
        error: etcd 3.2.0 is too old for the upgrade to 3.3.27
        note: 3.2.31 or later is needed first: before it, leases that expire during the step can leave members with different data if authentication is enabled
        hint: set `version = "3.2.32"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    let served_v2 = Change {
        had_v2: true,
        ..change("3.5.30", "3.6.14")
    };
    refused(
        served_v2,
        expect![[r#"
        error: etcd 3.5.30 is too old for the upgrade to 3.6.14
        note: 3.5.32 or later is needed first: before it, `etcdutl check v2store` overlooks v2 data in the write-ahead log, and 3.6 does not start with such data
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    let one_is_older = mixed("3.5.16", "3.5.30", "3.6.14");
    assert!(upgrade_path(&one_is_older).is_err());
    // Somebody began by hand.
    let refusal = refused(
        mixed("3.5.16", "3.6.14", "3.6.14"),
        expect![[r#"
        error: etcd 3.5.16 is too old for the upgrade to 3.6.14
        note: 3.5.26 or later is needed first: before it, removed members can come back, and a promoted learner can be taken for a learner
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    assert_eq!(refusal.remedy, Remedy::Versions(vec![version("3.5.33")]));
    is(mixed("3.5.16", "3.6.14", "3.5.33"), UpgradePath::Back);
}

#[test]
fn upgrade_paths_refuse_to_skip_a_minor_release() {
    refused(
        change("3.4.23", "3.7.1"),
        expect![[r#"
            error: etcd 3.4.23 cannot be upgraded to 3.7.1 in one step
            note: etcd supports upgrades by one minor release at a time
            note: the steps from 3.4.23 are 3.5.33, 3.6.14 and 3.7.1
            hint: change to each of these versions, one after another: `cargo xtask apply --hops`
        "#]],
    );
    refused(
        change("3.5.16", "3.7.1"),
        expect![[r#"
            error: etcd 3.5.16 cannot be upgraded to 3.7.1 in one step
            note: etcd supports upgrades by one minor release at a time
            note: 3.5.26 or later is needed first: before it, removed members can come back, and a promoted learner can be taken for a learner
            note: the steps from 3.5.16 are 3.5.33, 3.6.14 and 3.7.1
            hint: change to each of these versions, one after another: `cargo xtask apply --hops`
        "#]],
    );
    let with_auth = Change {
        has_auth: Some(true),
        ..change("3.4.23", "3.6.14")
    };
    // The first step would be refused.
    refused(
        with_auth,
        expect![[r#"
            error: etcd 3.4.23 cannot be upgraded to 3.5 while authentication is enabled
            note: 3.5 writes users and passwords to the write-ahead log in another format
            hint: disable authentication until all members run 3.5, and see the steps: `cargo xtask plan`
        "#]],
    );
}

#[test]
fn upgrade_paths_refuse_versions_that_damage_data() {
    refused(
        change("3.4.23", "3.5.2"),
        expect![[r#"
        error: etcd 3.5.2 can damage its data
        note: members that are killed under load can come back with different data from the others
        hint: set `version = "3.5.33"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    for (from, better) in [
        ("3.3.27", "3.4.45"),
        ("3.5.30", "3.5.33"),
        ("3.6.14", "3.5.33"),
        ("3.7.1", "3.6.14"),
    ] {
        for to in ["3.5.0", "3.5.1", "3.5.2"] {
            let refusal = upgrade_path(&change(from, to)).unwrap_err();
            assert_eq!(refusal.remedy, Remedy::Versions(vec![version(better)]));
        }
    }
}

#[test]
fn upgrade_paths_refuse_authentication_from_3_4_to_3_5() {
    let with_auth = Change {
        has_auth: Some(true),
        ..change("3.4.23", "3.5.30")
    };
    refused(
        with_auth,
        expect![[r#"
            error: etcd 3.4.23 cannot be upgraded to 3.5 while authentication is enabled
            note: 3.5 writes users and passwords to the write-ahead log in another format
            hint: disable authentication until all members run 3.5, and see the steps: `cargo xtask plan`
        "#]],
    );
}

#[test]
fn upgrade_paths_refuse_flags_that_are_gone() {
    let with_flags = |from, to, flags| Change {
        unknown_flags: flags,
        ..change(from, to)
    };
    let v2 = ["enable-v2".to_owned()];
    refused(
        with_flags("3.5.33", "3.6.14", &v2),
        expect![[r#"
        error: etcd 3.6.14 does not have the flag `enable-v2`
        note: etcd does not start with a flag that it does not have
        note: 3.6 has no v2 API; move v2 clients and their data to the v3 API first
        hint: remove `enable-v2` from `cluster/default.toml`, and see the steps: `cargo xtask plan`
    "#]],
    );
    let renamed = [
        "experimental-initial-corrupt-check".to_owned(),
        "experimental-max-learners".to_owned(),
    ];
    refused(
        with_flags("3.6.14", "3.7.1", &renamed),
        expect![[r#"
        error: etcd 3.7.1 does not have the flags `experimental-initial-corrupt-check` and `experimental-max-learners`
        note: etcd does not start with a flag that it does not have
        note: since 3.6, these flags have names without `experimental-` or are listed in `feature-gates`
        hint: remove `experimental-initial-corrupt-check` and `experimental-max-learners` from `cluster/default.toml`, and see the steps: `cargo xtask plan`
    "#]],
    );
    let newer = ["feature-gates".to_owned()];
    refused(
        with_flags("3.6.14", "3.5.33", &newer),
        expect![[r#"
        error: etcd 3.5.33 does not have the flag `feature-gates`
        note: etcd does not start with a flag that it does not have
        hint: remove `feature-gates` from `cluster/default.toml`, and see the steps: `cargo xtask plan`
    "#]],
    );
    // Another reason comes first, and the flags may fit the first step.
    let refusal = upgrade_path(&with_flags("3.5.16", "3.6.14", &v2)).unwrap_err();
    assert_eq!(refusal.remedy, Remedy::Versions(vec![version("3.5.33")]));
}

#[test]
fn upgrade_paths_refuse_a_third_version_meanwhile() {
    refused(
        mixed("3.5.30", "3.6.14", "3.7.1"),
        expect![[r#"
            error: members run etcd 3.5.30 and 3.6.14
            note: complete the upgrade to 3.6.14, or take it back to 3.5.30, before the change to 3.7.1
            hint: change to each of these versions, one after another: `cargo xtask apply --hops`
        "#]],
    );
    refused(
        mixed("3.5.30", "3.6.14", "3.4.23"),
        expect![[r#"
        error: members run etcd 3.5.30 and 3.6.14
        note: complete the upgrade to 3.6.14, or take it back to 3.5.30, before the change to 3.4.23
        hint: set `version = "3.6.14"` or `version = "3.5.30"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    // It cannot be completed like this.
    refused(
        mixed("3.5.16", "3.6.14", "3.7.1"),
        expect![[r#"
            error: members run etcd 3.5.16 and 3.6.14
            note: take the upgrade back to 3.5.16 before the change to 3.7.1
            hint: set `version = "3.5.16"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
        "#]],
    );
    refused(
        mixed("3.4.23", "3.6.14", "3.6.14"),
        expect![[r#"
        error: members run etcd 3.4.23 and 3.6.14
        note: etcd supports upgrades by one minor release at a time
        note: take this upgrade back before another one
        hint: set `version = "3.4.23"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    let unknown = Change {
        cluster: None,
        ..mixed("3.5.30", "3.6.14", "3.5.30")
    };
    refused(
        unknown,
        expect![[r#"
        error: it is unknown whether the cluster still speaks etcd 3.5
        note: members can go back to 3.5.30 only until all of them have run 3.6
        hint: see which members do not answer: `cargo xtask verify`
    "#]],
    );
}

#[test]
fn upgrade_paths_refuse_other_ways_back() {
    refused(
        change("3.5.30", "3.4.23"),
        expect![[r#"
            error: etcd 3.5.30 cannot be downgraded to 3.4.23
            note: etcd 3.4 cannot read the data of 3.5
            note: etcd itself can only go back from 3.6 on, by one minor release at a time
            hint: find a backup of 3.4, which can be restored into a new cluster of 3.4.23: `cargo xtask backup --list`
        "#]],
    );
    refused(
        change("3.7.1", "3.4.23"),
        expect![[r#"
            error: etcd 3.7.1 cannot be downgraded to 3.4.23
            note: etcd 3.4 cannot read the data of 3.7
            note: etcd itself can only go back from 3.6 on, by one minor release at a time
            hint: find a backup of 3.4, which can be restored into a new cluster of 3.4.23: `cargo xtask backup --list`
        "#]],
    );
    refused(
        change("3.7.1", "3.5.33"),
        expect![[r#"
            error: etcd 3.7.1 cannot be downgraded to 3.5.33 in one step
            note: etcd goes back one minor release at a time
            note: the steps from 3.7.1 are 3.6.14 and 3.5.33
            hint: change to each of these versions, one after another: `cargo xtask apply --hops`
        "#]],
    );
}

#[test]
fn upgrade_paths_only_lead_on_once_the_cluster_has() {
    let complete = |from, to| Change {
        cluster: Some((3, 6)),
        ..mixed(from, "3.6.14", to)
    };
    refused(
        complete("3.5.30", "3.5.30"),
        expect![[r#"
        error: members run etcd 3.5.30 and 3.6.14
        note: the cluster already speaks 3.6: complete the upgrade first
        hint: set `version = "3.6.14"` in `cluster/default.toml`, and perform the steps: `cargo xtask apply`
    "#]],
    );
    is(complete("3.5.30", "3.6.14"), UpgradePath::Roll);
    // A member that is too old has no other way left.
    is(complete("3.5.16", "3.6.14"), UpgradePath::Roll);
    refused(
        complete("3.4.23", "3.6.14"),
        expect![[r#"
        error: members run etcd 3.4.23 and 3.6.14
        note: etcd supports upgrades by one minor release at a time
        note: this upgrade cannot be taken back unless the cluster still speaks 3.4
        hint: find a backup of 3.4, which can be restored into a new cluster of 3.4.23: `cargo xtask backup --list`
    "#]],
    );
}

#[test]
fn upgrade_paths_refuse_other_majors() {
    refused(
        change("2.3.8", "3.0.17"),
        expect![[r#"
        error: members of etcd 2.3.8 are changed by hand
        note: etcd before 3.0 has no backup that this program could take first
        note: etcd 3 keeps the data of the v2 API apart from that of the v3 API
        hint: set `version = "2.3.8"` in `cluster/default.toml`, and verify the cluster: `cargo xtask verify`
    "#]],
    );
    refused(
        change("3.6.14", "2.3.8"),
        expect![[r#"
        error: etcd 3.6.14 cannot be changed to 2.3.8
        note: etcd 2 cannot read the data of etcd 3
        hint: set `version = "3.6.14"` in `cluster/default.toml`, and verify the cluster: `cargo xtask verify`
    "#]],
    );
    refused(
        change("3.7.1", "3.8.0"),
        expect![[r#"
        error: this project does not know how to change etcd 3.7.1 to 3.8.0
        note: it knows neither which patch is needed first nor which flags are gone
        hint: set `version = "3.7.1"` in `cluster/default.toml`, and verify the cluster: `cargo xtask verify`
    "#]],
    );
    assert!(upgrade_path(&change("3.7.1", "4.0.0")).is_err());
    assert!(upgrade_path(&change("2.2.5", "2.3.8")).is_err());
    assert!(upgrade_path(&change("0.4.6", "3.0.17")).is_err());
    assert!(upgrade_path(&change("3.9.1", "3.8.0")).is_err());
}

#[test]
fn upgrade_refusals_name_the_cluster() {
    let five = verify_support::plan("five", "members = 5\n[etcd]\nversion = \"3.6.14\"\n");
    let said = |change: Change| text(&upgrade_path(&change).unwrap_err(), &five);
    let with_auth = Change {
        has_auth: Some(true),
        ..change("3.4.23", "3.5.30")
    };
    let all = [
        change("3.5.16", "3.6.14"),
        change("3.5.30", "3.4.23"),
        change("2.3.8", "3.0.17"),
        with_auth,
    ];
    let hints: Vec<String> = all.map(said).into_iter().collect();
    let hints = hints.iter().flat_map(|text| text.lines());
    let hints: Vec<&str> = hints.filter(|line| line.starts_with("hint: ")).collect();
    expect![[r#"
        hint: set `version = "3.5.33"` in `cluster/five.toml`, and perform the steps: `cargo xtask apply five`
        hint: find a backup of 3.4, which can be restored into a new cluster of 3.4.23: `cargo xtask backup --list five`
        hint: set `version = "2.3.8"` in `cluster/five.toml`, and verify the cluster: `cargo xtask verify five`
        hint: disable authentication until all members run 3.5, and see the steps: `cargo xtask plan five`"#]].assert_eq(&hints.join("\n"));
}

#[test]
fn upgrade_hops_name_every_version_on_the_way() {
    for had_v2 in [false, true] {
        assert_eq!(
            listed("3.4.23", "3.7.1", had_v2),
            ["3.5.33", "3.6.14", "3.7.1"]
        );
        assert_eq!(
            listed("3.5.16", "3.7.1", had_v2),
            ["3.5.33", "3.6.14", "3.7.1"]
        );
        assert_eq!(listed("3.5.16", "3.6.0", had_v2), ["3.5.33", "3.6.0"]);
        assert_eq!(listed("3.5.32", "3.6.14", had_v2), ["3.6.14"]);
        assert_eq!(listed("3.6.5", "3.7.1", had_v2), ["3.6.14", "3.7.1"]);
        assert_eq!(listed("3.5.16", "3.5.30", had_v2), ["3.5.30"]);
    }
    assert_eq!(listed("3.5.26", "3.6.14", false), ["3.6.14"]);
    assert_eq!(listed("3.5.26", "3.6.14", true), ["3.5.33", "3.6.14"]);
    assert_eq!(
        listed("3.0.0", "3.7.1", false),
        [
            "3.1.20", "3.2.32", "3.3.27", "3.4.45", "3.5.33", "3.6.14", "3.7.1"
        ]
    );
    // By etcd's own downgrade.
    assert_eq!(listed("3.7.1", "3.5.26", false), ["3.6.14", "3.5.26"]);
    assert_eq!(listed("3.6.14", "3.5.33", true), ["3.5.33"]);
    // No way.
    for (from, to) in [
        ("3.6.14", "3.6.14"),
        ("3.5.30", "3.4.45"),
        ("3.6.14", "3.5.16"),
        ("3.7.1", "3.5.16"),
        ("3.7.1", "3.4.45"),
        ("3.4.23", "3.5.2"),
        ("3.7.1", "3.8.0"),
        ("2.3.8", "3.0.17"),
        ("3.7.1", "4.0.0"),
    ] {
        assert_eq!(listed(from, to, false), [""; 0], "{from} {to}");
    }
}

#[test]
fn upgrade_hops_go_on_in_the_middle_of_a_step() {
    let on = |change: Change| -> Vec<String> {
        let hops = hops_of(&change);
        hops.iter().map(ToString::to_string).collect()
    };
    assert_eq!(on(change("3.5.16", "3.7.1")), ["3.5.33", "3.6.14", "3.7.1"]);
    assert_eq!(
        on(mixed("3.5.16", "3.5.33", "3.7.1")),
        ["3.5.33", "3.6.14", "3.7.1"]
    );
    assert_eq!(on(mixed("3.5.33", "3.6.14", "3.7.1")), ["3.6.14", "3.7.1"]);
    assert_eq!(on(mixed("3.6.14", "3.7.1", "3.7.1")), ["3.7.1"]);
    assert_eq!(on(mixed("3.6.14", "3.7.1", "3.5.33")), ["3.6.14", "3.5.33"]);
    assert_eq!(on(mixed("3.5.33", "3.6.14", "3.5.33")), ["3.5.33"]);
    assert_eq!(on(change("3.7.1", "3.5.33")), ["3.6.14", "3.5.33"]);
    assert_eq!(on(change("3.7.1", "3.7.1")), [""; 0]);
}

/// etcd's own downgrade goes through its gRPC gateway.
#[test]
fn upgrade_paths_that_need_the_gateway_are_refused_without_it() {
    let without = |change| Change {
        has_gateway: false,
        ..change
    };
    refused(
        without(change("3.6.14", "3.5.33")),
        expect![[r#"
        error: etcd 3.6.14 cannot be changed to 3.5.33 without etcd's gRPC gateway
        note: etcd's own downgrade is enabled through it
        note: `enable-grpc-gateway` turns it off
        hint: set `version = "3.6.14"` in `cluster/default.toml`, remove `enable-grpc-gateway`, and perform that; then change the version: `cargo xtask apply`
    "#]],
    );
    refused(
        without(change("3.6.14", "3.7.1")),
        expect![[r#"
            error: etcd 3.6.14 cannot be changed to 3.7.1 without etcd's gRPC gateway
            note: a downgrade that is enabled and cancelled through it lets every member save a snapshot of its log first
            note: `enable-grpc-gateway` turns it off
            hint: set `version = "3.6.14"` in `cluster/default.toml`, remove `enable-grpc-gateway`, and perform that; then change the version: `cargo xtask apply`
        "#]],
    );
    for change in [
        change("3.5.33", "3.6.14"),
        change("3.6.13", "3.6.14"),
        // These are prepared already.
        mixed("3.6.14", "3.7.1", "3.7.1"),
        mixed("3.5.33", "3.6.14", "3.5.33"),
    ] {
        assert!(upgrade_path(&without(change)).is_ok(), "{change:?}");
    }

    let later = |change: Change| {
        let refusal = refusal_of_later_hop(&change)?;
        Some(text(&refusal, &three()))
    };
    let over_3_6 = change("3.5.33", "3.7.1");
    assert_eq!(later(over_3_6), None);
    let refusal = later(without(over_3_6)).unwrap();
    let hint = "hint: set `version = \"3.5.33\"` in ";
    assert!(refusal.contains(hint), "{refusal}");
    let refusal = later(without(mixed("3.5.33", "3.6.14", "3.7.1"))).unwrap();
    let hint = "hint: set `version = \"3.6.14\"` in ";
    assert!(refusal.contains(hint), "{refusal}");
    // The users would be found only on the way.
    let with_auth = Change {
        has_auth: Some(true),
        ..change("3.3.27", "3.5.33")
    };
    assert!(later(with_auth).is_some());
}

/// Whatever the definition says, a member can join with the lowest version of the others.
#[test]
fn upgrade_paths_do_not_matter_to_a_member_that_joins() {
    let all =
        |texts: &[&str]| -> Vec<EtcdVersion> { texts.iter().map(|one| version(one)).collect() };
    for (wanted, defined, others, expected) in [
        (
            "3.6.14",
            &["3.6.14"][..],
            &["3.6.14", "3.6.14"][..],
            "3.6.14",
        ),
        // Edited, and not begun.
        ("3.5.33", &["3.6.14"], &["3.6.14", "3.6.14"], "3.6.14"),
        (
            "3.5.33",
            &["3.5.33", "3.6.14"],
            &["3.6.14", "3.6.14"],
            "3.6.14",
        ),
        (
            "3.5.33",
            &["3.5.33", "3.6.14"],
            &["3.5.33", "3.6.14"],
            "3.5.33",
        ),
        (
            "3.6.14",
            &["3.6.14", "3.5.33"],
            &["3.6.14", "3.5.33"],
            "3.5.33",
        ),
        (
            "3.6.14",
            &["3.6.14", "3.5.33"],
            &["3.6.14", "3.6.14"],
            "3.6.14",
        ),
        // The second of two hops.
        (
            "3.7.1",
            &["3.6.14", "3.5.33"],
            &["3.6.14", "3.5.33"],
            "3.5.33",
        ),
        // A package that the distribution has updated.
        ("3.4.23", &["3.4.23"], &["3.4.30", "3.4.30"], "3.4.23"),
        ("3.4.23", &["3.4.23"], &[], "3.4.23"),
    ] {
        let chosen = version_to_join(version(wanted), &all(defined), &all(others));
        assert_eq!(chosen, version(expected), "{wanted} {defined:?} {others:?}");
    }
    let early = |wanted, others: &[&str]| can_join_early(version(wanted), &all(others));
    assert!(early("3.6.14", &["3.5.33", "3.5.33"]));
    assert!(early("3.6.14", &["3.6.13", "3.6.13"]));
    assert!(!early("3.5.33", &["3.6.14", "3.6.14"]));
    assert!(!early("3.7.1", &["3.5.33", "3.6.14"]));
    // It could not read the log, unless the others have saved snapshots.
    assert!(!early("3.7.1", &["3.6.14", "3.6.14"]));
    assert!(early("3.7.1", &["3.6.14", "3.7.1"]));
    assert!(!early("3.6.14", &[]));
}

#[test]
fn upgrade_facts_agree_with_the_known_releases_and_flags() {
    for row in UPGRADES {
        assert!(row.source.starts_with("https://"), "{row:?}");
        match row.fact {
            Fact::Step { from, to } => {
                assert_eq!((from.0, from.1 + 1), to);
                assert!(newest_patch(from).is_some() && newest_patch(to).is_some());
            }
            Fact::Least { version, .. } => {
                let newest = newest_patch(version.minor_release());
                assert!(newest >= Some(version), "{row:?}");
            }
            Fact::Damages(version) => {
                assert!(newest_patch(version.minor_release()) > Some(version));
            }
            Fact::NotWithAuth(minor) | Fact::OldEntries(minor) => {
                assert!(step_to(minor).is_some());
            }
            Fact::Gone { flags, since } => {
                let beginning = flags.trim_end_matches('*');
                let mut known = flag_table::FLAGS.iter();
                let last = Some((since.0, since.1 - 1));
                assert!(
                    known.any(|flag| flag.name.starts_with(beginning) && flag.last == last),
                    "{row:?}"
                );
            }
        }
    }
    // Every release of etcd 3 is on a way.
    for newest in NEWEST.iter().filter(|newest| newest.major == 3) {
        let minor = newest.minor_release();
        assert!(minor == (3, 0) || step_to(minor).is_some(), "{newest}");
    }
    assert_eq!(
        least_before_leaving((3, 4), true).map(|least| least.0),
        None
    );
    assert!(gone("enable-v2", version("3.5.33")).is_none());
    assert!(gone("enable-v2", version("3.7.1")).is_some());
    assert!(gone("experimental-max-learners", version("3.6.14")).is_none());
    assert!(gone("experimental-max-learners", version("3.7.1")).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn upgrade_hops_are_single_steps_that_are_allowed(
        from in likely(), to in likely(), had_v2 in any::<bool>(),
    ) {
        let hops = hops(from, to, had_v2);
        let mut at = from;
        for (index, hop) in hops.iter().enumerate() {
            let apart = hop.minor.abs_diff(at.minor);
            prop_assert!(apart == 1 || (apart == 0 && index == 0), "{from} {hops:?}");
            let step = Change { had_v2, ..uniform(at, *hop) };
            let path = if hop.minor < at.minor { UpgradePath::Downgrade } else { UpgradePath::Roll };
            prop_assert_eq!(upgrade_path(&step), Ok(path));
            at = *hop;
        }
        prop_assert!(hops.is_empty() || at == to);
        let is_known_way_up = upgrade_path(&Change { had_v2, ..uniform(from, to) }) == Ok(UpgradePath::Roll);
        prop_assert!(!is_known_way_up || hops == [to] || from.minor == to.minor);
    }

    #[test]
    fn upgrade_paths_of_any_versions_are_decided(change in any_change()) {
        let old = change.from.min(change.highest);
        let high = change.from.max(change.highest);
        match upgrade_path(&change) {
            Ok(UpgradePath::Same) => prop_assert!(old == change.to && high == change.to),
            Ok(path) => {
                prop_assert!(!is_damaging(change.to), "{path:?}");
                prop_assert!(change.unknown_flags.is_empty());
                prop_assert!(change.to.major == 3 && old.major == 3);
                prop_assert!(change.to.minor <= old.minor.saturating_add(1));
                let is_back = change.to.minor < high.minor;
                prop_assert_eq!(path != UpgradePath::Roll, is_back);
            }
            Err(refusal) => check(&change, &refusal)?,
        }
    }

    #[test]
    fn upgrade_paths_never_skip_a_minor_release(change in any_change(), further in 2_u16..9) {
        let highest = change.from.max(change.highest);
        if let Some(minor) = highest.minor.checked_add(further) {
            let to = EtcdVersion::new(3, minor, 0);
            let skips = Change { to, ..change };
            prop_assert!(upgrade_path(&skips).is_err());
        }
    }
}

/// What a refusal says instead is possible.
fn check(change: &Change, refusal: &Refusal) -> Result<(), TestCaseError> {
    let diagnostic = refusal.diagnostic(&three());
    prop_assert!(diagnostic.hints.len() == 1 && !diagnostic.notes.is_empty());
    prop_assert!(diagnostic.hints[0].commands.len() == 1);
    if let Remedy::Versions(versions) = &refusal.remedy {
        prop_assert!(!versions.is_empty());
        for version in versions {
            let instead = Change {
                to: *version,
                unknown_flags: &[],
                ..*change
            };
            let path = upgrade_path(&instead);
            prop_assert!(path.is_ok(), "{change:?} {path:?}");
        }
    }
    Ok(())
}

fn is_damaging(version: EtcdVersion) -> bool {
    version.minor_release() == (3, 5) && version.patch < 3
}

fn uniform(from: EtcdVersion, to: EtcdVersion) -> Change<'static> {
    change(&from.to_string(), &to.to_string())
}

/// Versions that somebody may have, and some that nobody has.
fn likely() -> impl Strategy<Value = EtcdVersion> {
    prop_oneof![
        4 => (0_u16..9, 0_u16..40).prop_map(|(minor, patch)| EtcdVersion::new(3, minor, patch)),
        2 => select(NEWEST),
        1 => (0_u16..5, any::<u16>(), any::<u16>())
            .prop_map(|(major, minor, patch)| EtcdVersion::new(major, minor, patch)),
        1 => select(&[0, u16::MAX][..]).prop_map(|minor| EtcdVersion::new(3, minor, u16::MAX)),
    ]
}

fn any_change() -> impl Strategy<Value = Change<'static>> {
    let flags: Vec<&'static [String]> = vec![&[], Vec::leak(vec!["enable-v2".to_owned()])];
    let speaks = prop_oneof![Just(None), (0_u16..9).prop_map(|minor| Some((3, minor))),];
    let highest = prop_oneof![likely().prop_map(Some), Just(None)];
    let cluster = (likely(), highest, speaks);
    let has_auth = select(&[None, Some(false), Some(true)][..]);
    let rest = (
        likely(),
        has_auth,
        any::<bool>(),
        select(flags),
        any::<bool>(),
    );
    (cluster, rest).prop_map(
        |((from, highest, cluster), (to, has_auth, had_v2, flags, has_gateway))| Change {
            from,
            to,
            highest: highest.unwrap_or(from),
            cluster,
            has_auth,
            had_v2,
            unknown_flags: flags,
            has_gateway,
        },
    )
}
