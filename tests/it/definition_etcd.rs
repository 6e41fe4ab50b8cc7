//! The facts about etcd's releases and flags are consistent with each other and with their use.

use std::collections::BTreeSet;
use std::sync::Arc;

use test_attribute::test;
use xtask::definition::Definition;
use xtask::definition::setting::Setting;
use xtask::facts::etcd_releases::{MAINTAINED, NEWEST, newest_patch, sha256};
use xtask::facts::flag_table::{FLAGS, Owner, find};
use xtask::plan::Plan;
use xtask::plan::flags::{InitialState, MemberFlags, flags};
use xtask::profile::PROFILES;
use xtask::report::Source;
use xtask::values::{Architecture, EtcdVersion, Sha256};

#[test]
fn plan_uses_only_flags_that_its_etcd_has() {
    for version in every_version() {
        let mut definition = definition();
        definition.etcd.version = Setting::default(version);
        definition.etcd.quota = Setting::default(Some(1 << 30));
        definition.etcd.heartbeat_interval = Setting::default(50);
        definition.etcd.election_timeout = Setting::default(500);
        definition.fleet = Setting::default(true);
        let plan = Plan::new(&definition);
        let myself = MemberFlags::at(&plan, &plan.members[0], "/var/lib/etcd", InitialState::New);
        for flag in flags(&plan, &myself) {
            let fact = find(&flag.name).unwrap_or_else(|| panic!("{} is not listed", flag.name));
            assert!(fact.exists_in(version), "{version} has no {}", flag.name);
        }
    }
}

#[test]
fn every_key_that_owns_a_flag_exists() {
    let keys: BTreeSet<&str> = xtask::definition::keys::keys()
        .map(|key| key.path)
        .collect();
    for flag in FLAGS {
        if let Owner::Key(key) = flag.owner {
            assert!(keys.contains(key), "{} is owned by {key}", flag.name);
        }
    }
}

#[test]
fn flag_table_is_sorted() {
    for flag in FLAGS {
        assert_eq!(find(flag.name).map(|fact| fact.name), Some(flag.name));
    }
    assert!(find("members").is_none());
}

#[test]
fn checksums_belong_to_existing_releases() {
    let mut known = 0;
    for version in every_version() {
        for &architecture in Architecture::ALL {
            if let Some(checksum) = sha256(version, architecture) {
                checksum.parse::<Sha256>().unwrap();
                known += 1;
            }
        }
    }
    assert_eq!(
        known,
        2 * 44,
        "every recorded checksum belongs to a release"
    );
}

#[test]
fn profile_defaults_exist_and_are_known() {
    for profile in PROFILES {
        for version in [Some(profile.usual_etcd), profile.packaged_etcd]
            .into_iter()
            .flatten()
        {
            let newest = newest_patch(version.minor_release());
            assert!(newest >= Some(version), "{}: {version}", profile.id);
        }
    }
    for minor in MAINTAINED {
        assert!(newest_patch(*minor).is_some());
    }
}

/// Every release of every minor release since 2.0.
fn every_version() -> impl Iterator<Item = EtcdVersion> {
    NEWEST.iter().flat_map(|newest| {
        (0..=newest.patch).map(|patch| EtcdVersion::new(newest.major, newest.minor, patch))
    })
}

fn definition() -> Definition {
    let source = Arc::new(Source {
        path: "cluster/default.toml".into(),
        text: String::new(),
    });
    Definition::with_defaults("default".parse().unwrap(), source)
}
