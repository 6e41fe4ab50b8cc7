//! Parses the arguments of `drill`: a cluster's name, then faults or changes.

use crate::change::rehearsals::{self, REHEARSALS, Rehearsal, Task};
use crate::definition::nearest;
use crate::fault::{self, Cost, FAULTS, Fault, Resources};
use crate::hint::Hint;
use crate::lifecycle::rehearse;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::{ClusterName, EtcdVersion};
use crate::workspace::Workspace;

/// Selects every fault that costs nothing.
const ALL: &str = "all";

/// A cluster, and the faults to inject into it or the changes to rehearse.
pub(super) struct Words {
    pub(super) cluster: ClusterName,
    /// The version to which `rolling-upgrade` upgrades.
    pub(super) version: Option<EtcdVersion>,
    words: Vec<String>,
}

/// What to do.
pub(super) enum Chosen {
    /// Inject these faults.
    Faults(Vec<&'static Fault>),
    /// Rehearse these changes on copies.
    Changes(Vec<&'static Rehearsal>),
}

/// Whether a word names a fault or a change.
fn is_known(word: &str) -> bool {
    word == ALL || fault::named(word).is_some() || rehearsals::named(word).is_some()
}

fn is_upgrade(word: &str) -> bool {
    let rehearsal = rehearsals::named(word);
    rehearsal.is_some_and(|rehearsal| matches!(rehearsal.task, Task::Upgrade))
}

fn version_after(word: Option<&String>) -> Outcome<EtcdVersion> {
    let version = word.map(|word| word.parse::<EtcdVersion>());
    match version {
        Some(Ok(version)) => Ok(version),
        _ => Err(Failure::usage(
            Diagnostic::error("`rolling-upgrade` needs a version")
                .hint("write it as the next word, as in `rolling-upgrade 3.6.14`"),
        )),
    }
}

/// All words that are known.
fn known() -> impl Iterator<Item = &'static str> {
    let changes = REHEARSALS.iter().map(|rehearsal| rehearsal.name);
    let faults = FAULTS.iter().map(|fault| fault.name);
    faults.chain([ALL]).chain(changes)
}

impl Words {
    /// Parses the words. The first is a cluster's name unless it names a fault or a change.
    pub(super) fn of(words: &[String]) -> Outcome<Self> {
        let (name, words) = match words {
            [first, others @ ..] if !is_known(first) => (first.as_str(), others),
            words => ("default", words),
        };
        let cluster = name.parse().map_err(|_| unknown(name))?;
        let (mut version, mut known) = (None, Vec::new());
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if !is_known(word) {
                return Err(unknown(word));
            }
            known.push(word.clone());
            if is_upgrade(word) {
                version = Some(version_after(words.next())?);
            }
        }
        Ok(Self {
            cluster,
            version,
            words: known,
        })
    }

    /// Whether to list the faults and the changes, because none is named.
    pub(super) const fn is_list(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a change is named.
    pub(super) fn has_changes(&self) -> bool {
        let mut words = self.words.iter();
        words.any(|word| rehearsals::named(word).is_some())
    }

    /// Refuses a first word that is close to the name of a fault or a change, if no cluster has that name.
    pub(super) fn refuse_mistyped(&self, workspace: &Workspace) -> Outcome<()> {
        let name = self.cluster.as_str();
        let is_cluster = workspace.cluster().join(format!("{name}.toml")).exists()
            || workspace.state(&self.cluster).exists();
        if is_cluster || nearest(name, known()).is_none() {
            return Ok(());
        }
        Err(unknown(name))
    }

    /// What was chosen. Fails if one of it is not possible here.
    pub(super) fn chosen(
        &self,
        session: &Session,
        resources: &Resources,
        yes: bool,
    ) -> Outcome<Chosen> {
        let mut changes = self.words.iter().filter_map(|word| rehearsals::named(word));
        match changes.clone().count() {
            0 => self.faults(session, resources, yes).map(Chosen::Faults),
            all if all == self.words.len() => {
                let impossible = changes.find_map(|change| {
                    let obstacle = change.obstacle(&session.plan)?;
                    Some(not_possible(change.name, &obstacle))
                });
                let changes = self.words.iter().filter_map(|word| rehearsals::named(word));
                impossible.map_or_else(|| Ok(Chosen::Changes(changes.collect())), Err)
            }
            _ => Err(Failure::usage(
                Diagnostic::error("faults and changes cannot be mixed")
                    .note("a fault is injected into the cluster, and a change is rehearsed on a copy of it")
                    .hint("name them in separate calls"),
            )),
        }
    }

    /// The selected faults. Fails if one of them is not possible here.
    fn faults(
        &self,
        session: &Session,
        resources: &Resources,
        yes: bool,
    ) -> Outcome<Vec<&'static Fault>> {
        let obstacle = |fault| {
            let driver = Some(session.driver.name());
            rehearse::obstacle(fault, driver, &session.plan, resources)
        };
        let mut chosen = Vec::new();
        for word in &self.words {
            if word == ALL {
                let possible = FAULTS.iter().copied().filter(|fault| {
                    obstacle(fault).is_none() && (yes || fault.cost == Cost::Nothing)
                });
                chosen.extend(possible);
                continue;
            }
            let fault = fault::named(word).ok_or_else(|| unknown(word))?;
            if let Some(obstacle) = obstacle(fault) {
                return Err(not_possible(word, &obstacle));
            }
            if !yes && let Some(warning) = warning(word, fault.cost) {
                return Err(Failure::usage(warning));
            }
            chosen.push(fault);
        }
        Ok(chosen)
    }
}

/// The error for a fault that costs something and that `--yes` did not allow.
fn warning(name: &str, cost: Cost) -> Option<Diagnostic> {
    match cost {
        Cost::Nothing => None,
        Cost::WritesMeanwhile => Some(
            Diagnostic::error(format!("`{name}` loses what other clients write during the drill"))
                .note("healing restores the earlier data; the drill's own clients pause until then")
                .hint("if no other client writes, add `--yes`"),
        ),
        Cost::LatestWrites(_) => Some(
            Diagnostic::error(format!("`{name}` loses the latest writes of all clients"))
                .note("it restores the cluster from older data, and counts what its own clients lose")
                .note("from etcd 3.5.10 on, older revisions can no longer be read or watched either")
                .hint("if no other client writes, add `--yes`"),
        ),
        Cost::History => Some(
            Diagnostic::error(format!("`{name}` loses the history of all keys"))
                .note("healing frees space by compaction, after which older revisions cannot be read or watched")
                .hint("if nobody needs older revisions, add `--yes`"),
        ),
    }
}

fn not_possible(word: &str, obstacle: &str) -> Failure {
    Failure::usage(Diagnostic::error(format!(
        "`{word}` is not possible here: it {obstacle}"
    )))
}

fn unknown(word: &str) -> Failure {
    let diagnostic = Diagnostic::error(format!("there is no fault or change `{word}`"));
    let diagnostic = match nearest(word, known()) {
        Some(nearest) => diagnostic.hint(format!("did you mean `{nearest}`?")),
        None => diagnostic,
    };
    Failure::usage(diagnostic.hint(Hint::informs(
        "a cluster's name comes first; list all faults and changes",
        ["cargo xtask drill"],
    )))
}
