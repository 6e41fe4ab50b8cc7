//! Decides how a cluster moves from one version of etcd to another, or why it cannot.

use std::cmp::Ordering;

use crate::command_line;
use crate::facts::etcd_releases::newest_patch;
use crate::facts::upgrades::{self, Minor, UpgradeFact};
use crate::hint::Hint;
use crate::plan::{GATEWAY_FLAG, Plan};
use crate::report::Diagnostic;
use crate::values::EtcdVersion;
use crate::wording::{list, list_of_words};

/// What is known of a cluster whose version is to change.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The lowest version that a member runs.
    pub from: EtcdVersion,
    /// The version that is wanted.
    pub to: EtcdVersion,
    /// The highest version that a member runs. It differs from `from` in the middle of an upgrade.
    pub highest: EtcdVersion,
    /// The minor release that the cluster speaks (`etcdcluster` of `/version`); none if unknown. It follows
    /// the last member that is upgraded.
    pub cluster: Option<Minor>,
    /// Whether authentication is enabled; none if unknown, which forbids nothing.
    pub has_auth: Option<bool>,
    /// Whether members serve or served the v2 API (`enable-v2`).
    pub had_v2: bool,
    /// Flags of the definition that the wanted version does not have.
    pub unknown_flags: &'a [String],
    /// Whether all members serve etcd's gRPC gateway, and will.
    pub has_gateway: bool,
}

/// How the members get the wanted version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradePath {
    /// They have it.
    Same,
    /// One member after another gets the new binary.
    Roll,
    /// As [`UpgradePath::Roll`], back to the minor release that the cluster still speaks.
    Back,
    /// As [`UpgradePath::Roll`], to the minor release before, once etcd's own downgrade is enabled and the data has the
    /// format of that release.
    Downgrade,
}

/// Why the version cannot be changed, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A lowercase fact.
    pub what: String,
    /// The reasons, one sentence each.
    pub why: Vec<String>,
    /// What to do instead.
    pub remedy: Remedy,
}

/// What to do instead of a refused change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Change to one of these versions first: [`upgrade_path`] allows each.
    Versions(Vec<EtcdVersion>),
    /// Change to one version after another, of which this is the first: [`hops`] lists them all.
    Hops(EtcdVersion),
    /// Leave the members at this version.
    Keep(EtcdVersion),
    /// Disable authentication until all members have this minor release.
    DisableAuth(Minor),
    /// Remove these flags from the definition.
    RemoveFlags(Vec<String>),
    /// Find out which minor release the cluster speaks.
    Look,
    /// Restore a backup that this version can read.
    Backup(EtcdVersion),
    /// Turn the gRPC gateway on while the members run this version.
    TurnGatewayOn(EtcdVersion),
}

/// How to change the version.
///
/// # Errors
///
/// Fails if etcd does not support the change, or if this program knows too little about it.
pub fn upgrade_path(change: &Change) -> Result<UpgradePath, Refusal> {
    let (from, to) = (change.from.min(change.highest), change.to);
    let highest = change.highest.max(change.from);
    let change = &Change {
        from,
        highest,
        ..*change
    };
    if from == to && highest == to {
        return Ok(UpgradePath::Same);
    }
    change.refuse_other_majors()?;
    change.refuse_damage()?;
    let (old, new, wanted) = (from.minor, highest.minor, to.minor);
    if new - old > 1 && wanted != old {
        return Err(change.too_far_apart());
    }
    if old != new && wanted != old && wanted != new {
        return Err(change.unfinished());
    }
    let path = if wanted > old {
        change.up()?
    } else if wanted == new {
        UpgradePath::Roll
    } else {
        change.down()?
    };
    change.refuse_unknown_flags()?;
    change.refuse_without_gateway(path)?;
    Ok(path)
}

/// Why a later one of several hops is impossible; none if they are possible, as far as is known.
pub fn refusal_of_later_hop(change: &Change) -> Option<Refusal> {
    let hops = hops_of(change);
    let now = match change.is_mixed() {
        true => *hops.first()?,
        false => change.from,
    };
    let refused = hops.windows(2).find_map(|pair| {
        let &[from, to] = pair else {
            return None;
        };
        let hop = Change {
            from,
            highest: from,
            to,
            cluster: Some(from.minor_release()),
            ..*change
        };
        upgrade_path(&hop).err()
    })?;
    let remedy = match refused.remedy {
        Remedy::TurnGatewayOn(_) => Remedy::TurnGatewayOn(now),
        other => other,
    };
    Some(Refusal { remedy, ..refused })
}

/// The versions on the way from one to another, each one minor release from the one before, and `to` at the end. The
/// first one is a patch of the same minor release if the next step needs one. Empty if there is nothing to do, or if
/// no way is known.
pub fn hops(from: EtcdVersion, to: EtcdVersion, had_v2: bool) -> Vec<EtcdVersion> {
    let is_known = from.major == 3 && to.major == 3 && upgrades::damage(to).is_none();
    if !is_known || from == to {
        return Vec::new();
    }
    match to.minor.cmp(&from.minor) {
        Ordering::Less => steps_back(from, to, had_v2).unwrap_or_default(),
        Ordering::Equal => vec![to],
        Ordering::Greater => steps(from, to, had_v2).unwrap_or_default(),
    }
}

/// The versions on the way of this change, also from the middle of one that is not complete.
pub fn hops_of(change: &Change) -> Vec<EtcdVersion> {
    let Change { to, had_v2, .. } = *change;
    let from = change.from.min(change.highest);
    let highest = change.highest.max(change.from);
    let (old, new) = (from.minor, highest.minor);
    if old == new {
        return hops(if to.minor < old { highest } else { from }, to, had_v2);
    }
    if (old..=new).contains(&to.minor) {
        return vec![to];
    }
    let first = if to.minor < old { from } else { highest };
    let mut all = vec![first];
    all.extend(hops(first, to, had_v2));
    all
}

/// The versions on the way to an earlier minor release; none if a step is unknown.
fn steps_back(from: EtcdVersion, to: EtcdVersion, had_v2: bool) -> Option<Vec<EtcdVersion>> {
    let mut hops = Vec::new();
    for minor in (to.minor..from.minor).rev() {
        if (from.major, minor + 1) < FIRST_WITH_DOWNGRADE {
            return None;
        }
        upgrades::step_to((from.major, minor + 1))?;
        let next = match minor {
            last if last == to.minor => to,
            minor => newest_patch((from.major, minor))?,
        };
        let least = upgrades::least_before_leaving(next.minor_release(), had_v2);
        if least.is_some_and(|(least, _)| next < least) {
            return None;
        }
        hops.push(next);
    }
    Some(hops)
}

/// The versions on the way to a later minor release; none if a step is unknown.
fn steps(from: EtcdVersion, to: EtcdVersion, had_v2: bool) -> Option<Vec<EtcdVersion>> {
    let mut hops = Vec::new();
    let mut at = from;
    while at.minor < to.minor {
        let next = (at.major, at.minor + 1);
        upgrades::step_to(next)?;
        if let Some((least, _)) = upgrades::least_before_leaving(at.minor_release(), had_v2)
            && at < least
        {
            hops.push(newest_patch(at.minor_release()).filter(|newest| *newest >= least)?);
        }
        at = if next == to.minor_release() {
            to
        } else {
            newest_patch(next)?
        };
        hops.push(at);
    }
    Some(hops)
}

impl Change<'_> {
    /// The same cluster, with another version wanted.
    const fn instead(&self, to: EtcdVersion) -> Self {
        Change {
            to,
            unknown_flags: &[],
            ..*self
        }
    }

    /// What to do if this version is a better choice. If that is impossible, what makes it possible.
    fn toward(&self, version: EtcdVersion) -> Remedy {
        match upgrade_path(&self.instead(version)) {
            Ok(_) => Remedy::Versions(vec![version]),
            Err(refusal) => match refusal.remedy {
                Remedy::Hops(first) => Remedy::Versions(vec![first]),
                remedy => remedy,
            },
        }
    }

    fn refuse_other_majors(&self) -> Result<(), Refusal> {
        let Self {
            from, to, highest, ..
        } = *self;
        if from.is_v2() || highest.is_v2() {
            return Err(Refusal {
                what: format!("members of etcd {from} are changed by hand"),
                why: vec![
                    "etcd before 3.0 has no backup that this program could take first".to_owned(),
                    "etcd 3 keeps the data of the v2 API apart from that of the v3 API".to_owned(),
                ],
                remedy: Remedy::Keep(from),
            });
        }
        if to.is_v2() {
            return Err(Refusal {
                what: format!("etcd {from} cannot be changed to {to}"),
                why: vec!["etcd 2 cannot read the data of etcd 3".to_owned()],
                remedy: Remedy::Keep(from),
            });
        }
        if [from, to, highest].iter().any(|version| version.major != 3) {
            return Err(self.unknown());
        }
        Ok(())
    }

    fn refuse_damage(&self) -> Result<(), Refusal> {
        let Some(known) = upgrades::damage(self.to) else {
            return Ok(());
        };
        let to = self.to;
        let newest = newest_patch(to.minor_release());
        let better = newest.filter(|newest| upgrades::damage(*newest).is_none());
        Err(Refusal {
            what: format!("etcd {to} can damage its data"),
            why: vec![known.why.to_owned()],
            remedy: better.map_or(Remedy::Keep(self.from), |better| self.toward(better)),
        })
    }

    /// Whether members run different minor releases.
    const fn is_mixed(&self) -> bool {
        self.from.minor != self.highest.minor
    }

    /// Members run versions that were never meant to work together.
    fn too_far_apart(&self) -> Refusal {
        let Self { from, highest, .. } = *self;
        let remedy = self.toward(from);
        let advice = match remedy {
            Remedy::Versions(_) => "take this upgrade back before another one".to_owned(),
            _ => format!(
                "this upgrade cannot be taken back unless the cluster still speaks {}",
                minor(from.minor_release())
            ),
        };
        Refusal {
            what: format!("members run etcd {from} and {highest}"),
            why: vec![ONE_AT_A_TIME.to_owned(), advice],
            remedy,
        }
    }

    /// Some members have a new version, and the wanted one is neither the new nor the old one.
    fn unfinished(&self) -> Refusal {
        let Self {
            from, to, highest, ..
        } = *self;
        let mut possible = vec![highest, from];
        possible.retain(|version| upgrade_path(&self.instead(*version)).is_ok());
        let first = match possible.as_slice() {
            [only] if *only == highest => format!("complete the upgrade to {highest}"),
            [_] => format!("take the upgrade back to {from}"),
            _ => format!("complete the upgrade to {highest}, or take it back to {from},"),
        };
        let hops = hops_of(self);
        let leads_on = |hop: &EtcdVersion| hops.len() > 1 && possible.contains(hop);
        Refusal {
            what: format!("members run etcd {from} and {highest}"),
            why: vec![format!("{first} before the change to {to}")],
            remedy: match hops.first().filter(|hop| leads_on(hop)) {
                Some(hop) => Remedy::Hops(*hop),
                None if possible.is_empty() => self.toward(highest),
                None => Remedy::Versions(possible),
            },
        }
    }

    /// To a later minor release.
    fn up(&self) -> Result<UpgradePath, Refusal> {
        let Self { from, to, .. } = *self;
        let hops = hops(from, to, self.had_v2);
        let Some(&first) = hops.first() else {
            return Err(self.unknown());
        };
        // A member that the cluster has left behind cannot get another version first.
        let has_moved = |speaks| speaks >= to.minor_release();
        if self.is_mixed() && self.cluster.is_some_and(has_moved) {
            return Ok(UpgradePath::Roll);
        }
        if hops.len() == 1 {
            self.refuse_auth()?;
            return Ok(UpgradePath::Roll);
        }
        let needs = self
            .least()
            .map(|(least, known)| format!("{least} or later is needed first: {}", known.why));
        if to.minor - from.minor == 1 {
            return Err(Refusal {
                what: format!("etcd {from} is too old for the upgrade to {to}"),
                why: needs.into_iter().collect(),
                remedy: self.toward(first),
            });
        }
        upgrade_path(&self.instead(first))?;
        let why = [
            Some(ONE_AT_A_TIME.to_owned()),
            needs,
            Some(format!("the steps from {from} are {}", list(&hops))),
        ];
        Err(Refusal {
            what: format!("etcd {from} cannot be upgraded to {to} in one step"),
            why: why.into_iter().flatten().collect(),
            remedy: Remedy::Hops(first),
        })
    }

    /// The patch that is needed before the next step, if the members do not have it.
    fn least(&self) -> Option<(EtcdVersion, &'static UpgradeFact)> {
        upgrades::least_before_leaving(self.from.minor_release(), self.had_v2)
            .filter(|(least, _)| self.from < *least)
    }

    fn refuse_auth(&self) -> Result<(), Refusal> {
        let Self { from, to, .. } = *self;
        match upgrades::obstacle_of_auth(to.minor_release()) {
            Some(known) if self.has_auth == Some(true) => Err(Refusal {
                what: format!(
                    "etcd {from} cannot be upgraded to {} while authentication is enabled",
                    minor(to.minor_release())
                ),
                why: vec![known.why.to_owned()],
                remedy: Remedy::DisableAuth(to.minor_release()),
            }),
            _ => Ok(()),
        }
    }

    /// To an earlier minor release than that of the highest version.
    fn down(&self) -> Result<UpgradePath, Refusal> {
        let Self {
            from, to, highest, ..
        } = *self;
        let (wanted, is_mixed) = (to.minor_release(), self.is_mixed());
        let is_next = highest.minor - to.minor == 1;
        match self.cluster {
            Some(speaks) if speaks <= wanted && is_mixed => return Ok(UpgradePath::Back),
            Some(speaks) if is_mixed && is_next => {
                return Err(Refusal {
                    what: format!("members run etcd {from} and {highest}"),
                    why: vec![format!(
                        "the cluster already speaks {}: complete the upgrade first",
                        minor(speaks)
                    )],
                    remedy: self.toward(highest),
                });
            }
            None if is_mixed => {
                return Err(Refusal {
                    what: format!(
                        "it is unknown whether the cluster still speaks etcd {}",
                        minor(wanted)
                    ),
                    why: vec![format!(
                        "members can go back to {to} only until all of them have run {}",
                        minor(highest.minor_release())
                    )],
                    remedy: Remedy::Look,
                });
            }
            _ => {}
        }
        let can_downgrade = from.minor_release() >= FIRST_WITH_DOWNGRADE && !is_mixed;
        if can_downgrade && is_next {
            return self.downgrade();
        }
        if can_downgrade && (to.major, to.minor + 1) >= FIRST_WITH_DOWNGRADE {
            let hops = hops(from, to, self.had_v2);
            let first = newest_patch((from.major, from.minor - 1));
            let first = first.ok_or_else(|| self.unknown())?;
            upgrade_path(&self.instead(first))?;
            let steps = format!("the steps from {from} are {}", list(&hops));
            let steps = (!hops.is_empty()).then_some(steps);
            let one_at_a_time = "etcd goes back one minor release at a time".to_owned();
            return Err(Refusal {
                what: format!("etcd {from} cannot be downgraded to {to} in one step"),
                why: [Some(one_at_a_time), steps].into_iter().flatten().collect(),
                remedy: match hops.is_empty() {
                    true => Remedy::Versions(vec![first]),
                    false => Remedy::Hops(first),
                },
            });
        }
        Err(Refusal {
            what: format!("etcd {highest} cannot be downgraded to {to}"),
            why: vec![
                format!(
                    "etcd {} cannot read the data of {}",
                    minor(wanted),
                    minor(highest.minor_release())
                ),
                format!(
                    "etcd itself can only go back from {} on, by one minor release at a time",
                    minor(FIRST_WITH_DOWNGRADE)
                ),
            ],
            remedy: Remedy::Backup(to),
        })
    }

    /// By etcd's own downgrade. Members of both releases work together meanwhile, so it needs the patch that the upgrade
    /// needs, which also keeps the way back open.
    fn downgrade(&self) -> Result<UpgradePath, Refusal> {
        let Self { from, to, .. } = *self;
        let wanted = to.minor_release();
        upgrades::step_to(from.minor_release()).ok_or_else(|| self.unknown())?;
        let least = upgrades::least_before_leaving(wanted, self.had_v2);
        let Some((least, known)) = least.filter(|(least, _)| to < *least) else {
            return Ok(UpgradePath::Downgrade);
        };
        let newest = newest_patch(wanted).filter(|newest| *newest >= least);
        Err(Refusal {
            what: format!("etcd {to} is too old for members of {from}"),
            why: vec![format!("{least} or later is needed: {}", known.why)],
            remedy: newest.map_or(Remedy::Keep(from), |newest| self.toward(newest)),
        })
    }

    fn refuse_unknown_flags(&self) -> Result<(), Refusal> {
        let flags = self.unknown_flags;
        if flags.is_empty() {
            return Ok(());
        }
        let to = self.to;
        let noun = if flags.len() == 1 { "flag" } else { "flags" };
        let mut why = vec!["etcd does not start with a flag that it does not have".to_owned()];
        for flag in flags {
            let reason = upgrades::gone(flag, to).map(|known| known.why.to_owned());
            why.extend(reason.filter(|reason| !why.contains(reason)));
        }
        Err(Refusal {
            what: format!(
                "etcd {to} does not have the {noun} {}",
                list_of_words(flags)
            ),
            why,
            remedy: Remedy::RemoveFlags(flags.to_vec()),
        })
    }

    /// etcd's own downgrade is enabled and cancelled through its gRPC gateway.
    fn refuse_without_gateway(&self, path: UpgradePath) -> Result<(), Refusal> {
        let Self { from, to, .. } = *self;
        let is_first = from < to && !self.is_mixed();
        let why = match (path, upgrades::old_entries(to.minor_release())) {
            (UpgradePath::Downgrade, _) => "etcd's own downgrade is enabled through it",
            (UpgradePath::Roll, Some(_)) if is_first && from.minor < to.minor => {
                "a downgrade that is enabled and cancelled through it lets every member save a snapshot of its log first"
            }
            _ => return Ok(()),
        };
        if self.has_gateway {
            return Ok(());
        }
        Err(Refusal {
            what: format!("etcd {from} cannot be changed to {to} without etcd's gRPC gateway"),
            why: vec![why.to_owned(), format!("`{GATEWAY_FLAG}` turns it off")],
            remedy: Remedy::TurnGatewayOn(from),
        })
    }

    fn unknown(&self) -> Refusal {
        let Self { from, to, .. } = *self;
        Refusal {
            what: format!("this project does not know how to change etcd {from} to {to}"),
            why: vec![
                "it knows neither which patch is needed first nor which flags are gone".to_owned(),
            ],
            remedy: Remedy::Keep(from),
        }
    }
}

/// The first minor release that etcd's own downgrade can leave (etcd's CHANGELOG-3.6).
pub const FIRST_WITH_DOWNGRADE: Minor = (3, 6);

const ONE_AT_A_TIME: &str = "etcd supports upgrades by one minor release at a time";

impl Refusal {
    /// The refusal as an error of the cluster with this plan.
    pub fn diagnostic(&self, plan: &Plan) -> Diagnostic {
        let notes = self.why.iter().cloned();
        notes
            .fold(Diagnostic::error(&self.what), Diagnostic::note)
            .hint(self.remedy.hint(plan))
    }
}

impl Remedy {
    fn hint(&self, plan: &Plan) -> Hint {
        let file = &plan.source;
        match self {
            Self::Versions(versions) => {
                let keys: Vec<String> = versions.iter().map(|version| key(*version)).collect();
                let keys = keys.join(" or ");
                Hint::heals(
                    format!("set {keys} in `{file}`, and perform the steps"),
                    [command_line::task(plan, "apply")],
                )
            }
            Self::Hops(_) => Hint::heals(
                "change to each of these versions, one after another",
                [format!("{} --hops", command_line::task(plan, "apply"))],
            ),
            Self::Keep(version) => Hint::informs(
                format!("set {} in `{file}`, and verify the cluster", key(*version)),
                [command_line::task(plan, "verify")],
            ),
            Self::DisableAuth(release) => Hint::informs(
                format!(
                    "disable authentication until all members run {}, and see the steps",
                    minor(*release)
                ),
                [command_line::plan(&plan.name)],
            ),
            Self::RemoveFlags(flags) => Hint::informs(
                format!(
                    "remove {} from `{file}`, and see the steps",
                    list_of_words(flags)
                ),
                [command_line::plan(&plan.name)],
            ),
            Self::TurnGatewayOn(version) => Hint::heals(
                format!(
                    "set {} in `{file}`, remove `{GATEWAY_FLAG}`, and perform that; then change the version",
                    key(*version)
                ),
                [command_line::task(plan, "apply")],
            ),
            Self::Look => Hint::informs(
                "see which members do not answer",
                [command_line::task(plan, "verify")],
            ),
            Self::Backup(version) => Hint::informs(
                format!(
                    "find a backup of {}, which can be restored into a new cluster of {version}",
                    minor(version.minor_release())
                ),
                [command_line::task(plan, "backup --list")],
            ),
        }
    }
}

fn minor((major, minor): Minor) -> String {
    format!("{major}.{minor}")
}

/// The key of a definition that sets this version.
fn key(version: EtcdVersion) -> String {
    format!("`version = \"{version}\"`")
}
