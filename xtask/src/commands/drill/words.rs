//! Parses the arguments of `drill`: a cluster's name and faults.

use crate::definition::nearest;
use crate::fault::{self, Cost, FAULTS, Fault, Resources};
use crate::hint::Hint;
use crate::lifecycle::rehearse;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::ClusterName;
use crate::workspace::Workspace;

/// Selects every fault that costs nothing.
const ALL: &str = "all";

/// A cluster and the faults to inject into it.
pub(super) struct Words {
    pub(super) cluster: ClusterName,
    words: Vec<String>,
}

impl Words {
    /// Parses the words. The first is a cluster's name unless it names a fault; the others are faults.
    pub(super) fn of(words: &[String]) -> Outcome<Self> {
        let (name, words) = match words {
            [first, faults @ ..] if first != ALL && fault::named(first).is_none() => {
                (first.as_str(), faults)
            }
            faults => ("default", faults),
        };
        let cluster = name.parse().map_err(|_| unknown(name))?;
        let mut others = words.iter();
        if let Some(word) = others.find(|word| *word != ALL && fault::named(word).is_none()) {
            return Err(unknown(word));
        }
        Ok(Self {
            cluster,
            words: words.to_vec(),
        })
    }

    /// Whether to list the faults, because none is named.
    pub(super) const fn is_list(&self) -> bool {
        self.words.is_empty()
    }

    /// Refuses a first word that is close to a fault's name, if no cluster has that name.
    pub(super) fn refuse_mistyped_fault(&self, workspace: &Workspace) -> Outcome<()> {
        let name = self.cluster.as_str();
        let is_cluster = workspace.cluster().join(format!("{name}.toml")).exists()
            || workspace.state(&self.cluster).exists();
        let faults = FAULTS.iter().map(|fault| fault.name);
        if is_cluster || nearest(name, faults).is_none() {
            return Ok(());
        }
        Err(unknown(name))
    }

    /// The selected faults. Fails if one of them is not possible here.
    pub(super) fn chosen(
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
                return Err(Failure::usage(Diagnostic::error(format!(
                    "`{word}` is not possible here: it {obstacle}"
                ))));
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

fn unknown(word: &str) -> Failure {
    let names = FAULTS.iter().map(|fault| fault.name).chain([ALL]);
    let diagnostic = Diagnostic::error(format!("there is no fault `{word}`"));
    let diagnostic = match nearest(word, names) {
        Some(nearest) => diagnostic.hint(format!("did you mean `{nearest}`?")),
        None => diagnostic,
    };
    Failure::usage(diagnostic.hint(Hint::informs(
        "a cluster's name comes first; list all faults",
        ["cargo xtask drill"],
    )))
}
