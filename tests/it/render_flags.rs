//! The flags of a member, by version.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{expect, expect_file};
use test_attribute::test;
use xtask::definition::setting::Setting;
use xtask::definition::{Definition, ExtraFlag};
use xtask::plan::Plan;
use xtask::plan::flags::{Flag, FlagOrigin, InitialState, MemberFlags, flags, words};
use xtask::report::Source;
use xtask::values::{Compaction, EtcdVersion};

const VERSIONS: &[&str] = &[
    "2.0.0", "2.2.5", "2.3.8", "3.0.17", "3.1.20", "3.2.32", "3.3.27", "3.4.23", "3.5.1", "3.5.5",
    "3.5.33", "3.6.14", "3.7.1",
];

#[test]
fn each_version_gets_the_flags_that_it_knows() {
    let mut table = String::new();
    for version in VERSIONS {
        let mut definition = definition(version);
        definition.etcd.quota = Setting::default(Some(4 << 30));
        definition.etcd.heartbeat_interval = Setting::default(200);
        definition.etcd.election_timeout = Setting::default(2000);
        definition.fleet = Setting::default(true);
        let plan = Plan::new(&definition);
        writeln!(table, "{version}").unwrap();
        for word in words(&first_members(&plan, InitialState::New), plan.version()) {
            writeln!(table, "  {word}").unwrap();
        }
    }
    expect_file!["../golden/render/flags.txt"].assert_eq(&table);
}

#[test]
fn a_default_of_etcd_is_not_repeated() {
    let mut definition = definition("3.6.14");
    definition.etcd.token = Setting::default(Some("etcd-cluster".parse().unwrap()));
    definition.etcd.auto_compaction = Setting::default(Compaction::Off);
    let names = names(&first_members(
        &Plan::new(&definition),
        InitialState::Existing,
    ));
    expect![
        "data-dir name listen-client-urls advertise-client-urls listen-peer-urls \
         initial-advertise-peer-urls initial-cluster initial-cluster-state feature-gates"
    ]
    .assert_eq(&names);
}

#[test]
fn a_member_that_joins_says_so() {
    let plan = Plan::new(&definition("3.6.14"));
    let flags = first_members(&plan, InitialState::Existing);
    assert!(
        words(&flags, plan.version()).contains(&"--initial-cluster-state=existing".to_owned()),
        "{flags:?}"
    );
}

#[test]
fn flags_follow_the_version_that_runs() {
    let pinned = Plan::new(&definition("3.6.14"));
    let stand_in = pinned.run_by(EtcdVersion::new(3, 4, 23));
    let names = names(&first_members(&stand_in, InitialState::New));
    assert!(
        names.contains("experimental-initial-corrupt-check"),
        "{names}"
    );
    assert!(!names.contains("feature-gates"), "{names}");
}

#[test]
fn flags_of_the_definition_come_last_and_replace_ours() {
    let mut definition = definition("3.6.14");
    definition.etcd.flags = Setting::default(vec![
        extra("auto-compaction-retention", "5m"),
        extra(
            "feature-gates",
            "InitialCorruptCheck=false,TxnModeWriteWithSharedBuffer=false",
        ),
        extra("max-txn-ops", "256"),
    ]);
    let plan = Plan::new(&definition);
    let words = words(&first_members(&plan, InitialState::New), plan.version());
    expect![[r#"
        --auto-compaction-mode=periodic
        --auto-compaction-retention=5m
        --feature-gates=CompactHashCheck=true,InitialCorruptCheck=false,TxnModeWriteWithSharedBuffer=false
        --max-txn-ops=256"#]]
    .assert_eq(&words[words.len() - 4..].join("\n"));
}

#[test]
fn every_flag_is_one_that_its_version_knows() {
    for &version in xtask::facts::etcd_releases::NEWEST {
        let mut definition = definition(&version.to_string());
        definition.etcd.quota = Setting::default(Some(4 << 30));
        definition.etcd.heartbeat_interval = Setting::default(200);
        definition.etcd.election_timeout = Setting::default(2000);
        definition.fleet = Setting::default(version.has_v2_api());
        for flag in first_members(&Plan::new(&definition), InitialState::New) {
            let fact = xtask::facts::flag_table::find(&flag.name);
            assert!(
                fact.is_some_and(|fact| fact.exists_in(version)),
                "{} in {version}",
                flag.name
            );
        }
    }
}

#[test]
fn a_gate_is_left_out_beside_the_flag_that_it_replaced() {
    let mut definition = definition("3.6.14");
    definition.etcd.flags =
        Setting::default(vec![extra("experimental-initial-corrupt-check", "false")]);
    let plan = Plan::new(&definition);
    let words = words(&first_members(&plan, InitialState::New), plan.version());
    assert_eq!(
        words[words.len() - 2..],
        [
            "--feature-gates=CompactHashCheck=true",
            "--experimental-initial-corrupt-check=false"
        ]
    );
}

#[test]
fn a_boolean_of_etcd_2_is_one_word() {
    let flag = Flag {
        name: "force-new-cluster".into(),
        value: "false".into(),
        origin: FlagOrigin::Definition,
    };
    assert_eq!(
        flag.words(EtcdVersion::new(2, 0, 0)),
        ["-force-new-cluster=false"]
    );
}

#[test]
fn old_versions_keep_whole_hours_and_never_fewer_than_asked() {
    for (minutes, hours) in [(1, "1"), (60, "1"), (61, "2")] {
        let mut definition = definition("3.2.32");
        definition.etcd.auto_compaction = Setting::default(Compaction::Minutes(minutes));
        let flags = first_members(&Plan::new(&definition), InitialState::New);
        let kept = flags
            .iter()
            .find(|flag| flag.name == "auto-compaction-retention")
            .unwrap();
        assert_eq!(kept.value, hours, "{minutes} minutes");
    }
}

#[test]
fn compaction_by_revision_has_its_mode() {
    for &version in VERSIONS {
        let mut definition = definition(version);
        definition.etcd.auto_compaction = Setting::default(Compaction::Revisions(25_000));
        let plan = Plan::new(&definition);
        let flags = first_members(&plan, InitialState::New);
        let compaction: Vec<String> = words(&flags, plan.version())
            .into_iter()
            .filter(|word| word.contains("compaction"))
            .collect();
        if plan.version().minor_release() < (3, 3) {
            assert!(compaction.is_empty(), "{version}: {compaction:?}");
            continue;
        }
        let expected = [
            "--auto-compaction-mode=revision",
            "--auto-compaction-retention=25000",
        ];
        assert_eq!(compaction, expected, "{version}");
    }
}

fn definition(version: &str) -> Definition {
    let source = Arc::new(Source {
        path: "cluster/default.toml".into(),
        text: String::new(),
    });
    let mut definition = Definition::with_defaults("default".parse().unwrap(), source);
    definition.etcd.version = Setting::default(version.parse().unwrap());
    definition
}

fn first_members(plan: &Plan, state: InitialState) -> Vec<Flag> {
    let first = &plan.members[0];
    flags(
        plan,
        &MemberFlags::at(plan, first, "/var/lib/etcd/core-01", state),
    )
}

fn names(flags: &[Flag]) -> String {
    let names: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
    names.join(" ")
}

fn extra(name: &str, value: &str) -> ExtraFlag {
    ExtraFlag {
        name: Setting::default(name.parse().unwrap()),
        value: Setting::default(value.parse().unwrap()),
    }
}
