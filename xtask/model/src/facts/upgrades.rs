//! What is known about moving a cluster from one version of etcd to another.
//!
//! Sources: etcd's upgrade and downgrade guides, change logs, issues and post-mortems, as of August 2026.

use Fact::{Damages, Gone, Least, NotWithAuth, OldEntries, Step};

use crate::values::EtcdVersion;

/// A major and a minor number, such as `(3, 6)`.
pub type Minor = (u16, u16);

/// A fact about upgrades, and where it is from.
#[derive(Debug)]
pub struct UpgradeFact {
    /// The fact.
    pub fact: Fact,
    /// The reason, or what to do about it, as a clause. Empty if there is nothing to add.
    pub why: &'static str,
    /// The page that says so.
    pub source: &'static str,
}

/// What an [`UpgradeFact`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Members can move from this minor release to the next one, one member at a time.
    Step {
        /// The old minor release.
        from: Minor,
        /// The next one.
        to: Minor,
    },
    /// The step away from a minor release needs at least this patch of it.
    Least {
        /// The oldest version from which the step works.
        version: EtcdVersion,
        /// Whether it is needed only where members served the v2 API.
        only_with_v2: bool,
    },
    /// This version can damage data, so no cluster should move to it.
    Damages(EtcdVersion),
    /// The step to this minor release does not work while authentication is enabled.
    NotWithAuth(Minor),
    /// Members of this minor release cannot read what members of an earlier one have written to their logs, so each needs
    /// a snapshot of its log from the release before.
    OldEntries(Minor),
    /// These flags are gone.
    Gone {
        /// A flag without dashes, or the beginning of several and a `*`.
        flags: &'static str,
        /// The first minor release without them.
        since: Minor,
    },
}

/// Whether this minor release can be reached from the one before, as far as is known.
pub fn step_to(to: Minor) -> Option<&'static UpgradeFact> {
    find(|fact| matches!(fact, Step { to: known, .. } if known == to))
}

/// The oldest version from which the step away from this minor release works, with its reason; none if any does.
pub fn least_before_leaving(
    minor: Minor,
    had_v2: bool,
) -> Option<(EtcdVersion, &'static UpgradeFact)> {
    let needed = UPGRADES.iter().filter_map(|row| match row.fact {
        Least {
            version,
            only_with_v2,
        } if version.minor_release() == minor && (had_v2 || !only_with_v2) => Some((version, row)),
        _ => None,
    });
    needed.max_by_key(|(version, _)| *version)
}

/// Why no cluster should move to this version; none if it may.
pub fn damage(version: EtcdVersion) -> Option<&'static UpgradeFact> {
    find(|fact| fact == Damages(version))
}

/// Why the step to this minor release does not work with authentication; none if it does.
pub fn obstacle_of_auth(to: Minor) -> Option<&'static UpgradeFact> {
    find(|fact| fact == NotWithAuth(to))
}

/// Why members need a snapshot of their logs before they get this minor release; none if they do not.
pub fn old_entries(to: Minor) -> Option<&'static UpgradeFact> {
    find(|fact| fact == OldEntries(to))
}

/// What is known about a flag that this version no longer has.
pub fn gone(flag: &str, version: EtcdVersion) -> Option<&'static UpgradeFact> {
    find(|fact| match fact {
        Gone { flags, since } => {
            let is_meant = match flags.strip_suffix('*') {
                Some(beginning) => flag.starts_with(beginning),
                None => flag == flags,
            };
            is_meant && since <= version.minor_release()
        }
        _ => false,
    })
}

fn find(is_meant: impl Fn(Fact) -> bool) -> Option<&'static UpgradeFact> {
    UPGRADES.iter().find(|row| is_meant(row.fact))
}

/// Every fact. Where several say something about the same flag, the most specific comes first.
#[rustfmt::skip]
pub static UPGRADES: &[UpgradeFact] = &[
    row(Step { from: (3, 0), to: (3, 1) }, "", "https://etcd.io/docs/v3.5/upgrades/upgrade_3_1/"),
    row(Step { from: (3, 1), to: (3, 2) }, "", "https://etcd.io/docs/v3.5/upgrades/upgrade_3_2/"),
    row(Step { from: (3, 2), to: (3, 3) }, "", "https://etcd.io/docs/v3.5/upgrades/upgrade_3_3/"),
    row(Step { from: (3, 3), to: (3, 4) }, "the v2 API is off unless `enable-v2` is set", "https://etcd.io/docs/v3.5/upgrades/upgrade_3_4/"),
    row(Step { from: (3, 4), to: (3, 5) }, "", "https://etcd.io/docs/v3.5/upgrades/upgrade_3_5/"),
    row(Step { from: (3, 5), to: (3, 6) }, "", "https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/"),
    row(Step { from: (3, 6), to: (3, 7) }, "", "https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/"),

    row(least((3, 2, 31)), "before it, leases that expire during the step can leave members with different data if authentication is enabled", "https://github.com/etcd-io/etcd/pull/11691"),
    row(least((3, 5, 26)), "before it, removed members can come back, and a promoted learner can be taken for a learner", "https://etcd.io/blog/2025/zombie_members_upgrade/"),
    row(least_with_v2((3, 5, 32)), "before it, `etcdutl check v2store` overlooks v2 data in the write-ahead log, and 3.6 does not start with such data", "https://github.com/etcd-io/etcd/issues/21849"),
    row(least((3, 6, 11)), "before it, 3.6 may not work beside 3.7", "https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/"),

    row(Damages(EtcdVersion::new(3, 5, 0)), KILLED, INCONSISTENCY),
    row(Damages(EtcdVersion::new(3, 5, 1)), KILLED, INCONSISTENCY),
    row(Damages(EtcdVersion::new(3, 5, 2)), KILLED, INCONSISTENCY),

    row(NotWithAuth((3, 5)), "3.5 writes users and passwords to the write-ahead log in another format", "https://github.com/etcd-io/etcd/pull/11943"),

    row(OldEntries((3, 7)), "3.7 does not start with log entries that 3.5 has written for the v2 store", "https://github.com/etcd-io/etcd/pull/21263"),

    row(Gone { flags: "enable-v2", since: (3, 6) }, "3.6 has no v2 API; move v2 clients and their data to the v3 API first", "https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/"),
    row(Gone { flags: "experimental-enable-v2v3", since: (3, 6) }, "3.6 does not emulate the v2 API either", "https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/"),
    row(Gone { flags: "experimental-*", since: (3, 7) }, "since 3.6, these flags have names without `experimental-` or are listed in `feature-gates`", "https://github.com/etcd-io/etcd/blob/main/CHANGELOG/CHANGELOG-3.7.md"),
];

const KILLED: &str =
    "members that are killed under load can come back with different data from the others";
const INCONSISTENCY: &str = "https://github.com/etcd-io/etcd/issues/13766";

const fn row(fact: Fact, why: &'static str, source: &'static str) -> UpgradeFact {
    UpgradeFact { fact, why, source }
}

const fn least((major, minor, patch): (u16, u16, u16)) -> Fact {
    Least {
        version: EtcdVersion::new(major, minor, patch),
        only_with_v2: false,
    }
}

const fn least_with_v2((major, minor, patch): (u16, u16, u16)) -> Fact {
    Least {
        version: EtcdVersion::new(major, minor, patch),
        only_with_v2: true,
    }
}
