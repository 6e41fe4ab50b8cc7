//! What the words of the command line ask for.

use crate::definition::nearest;
use crate::fault::{self, Cost, FAULTS, Fault, Resources};
use crate::hint::Hint;
use crate::lifecycle::rehearse;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::ClusterName;

/// The word for every fault that costs nothing.
const ALL: &str = "all";

/// What is to be done to which cluster.
pub(super) struct Words {
    /// The cluster.
    pub(super) cluster: ClusterName,
    words: Vec<String>,
}

impl Words {
    /// Reads the words: a cluster's name, unless the first is a fault's, and the faults.
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

    /// Whether no fault is named: then they are listed.
    pub(super) const fn is_list(&self) -> bool {
        self.words.is_empty()
    }

    /// The faults that are meant.
    ///
    /// # Errors
    /// Fails where one is not possible here.
    pub(super) fn chosen(
        &self,
        session: &Session,
        means: &Resources,
        yes: bool,
    ) -> Outcome<Vec<&'static Fault>> {
        let mut chosen = Vec::new();
        for word in &self.words {
            if word == ALL {
                let possible = FAULTS.iter().copied().filter(|fault| {
                    rehearse::obstacle(fault, session, means).is_none()
                        && (yes || fault.cost == Cost::Nothing)
                });
                chosen.extend(possible);
                continue;
            }
            let fault = fault::named(word).ok_or_else(|| unknown(word))?;
            if let Some(obstacle) = rehearse::obstacle(fault, session, means) {
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

/// What to say of a fault that costs something, before it is agreed to.
fn warning(name: &str, cost: Cost) -> Option<Diagnostic> {
    match cost {
        Cost::Nothing => None,
        Cost::WritesMeanwhile => Some(
            Diagnostic::error(format!("`{name}` costs what others write to the cluster meanwhile"))
                .note("healing puts the data back that was there before; the drill's own clients rest until then")
                .hint("where nobody else writes: add `--yes`"),
        ),
        Cost::History => Some(
            Diagnostic::error(format!("`{name}` costs the history of all keys"))
                .note("healing makes room by compaction: older revisions can then neither be read nor watched from")
                .hint("where nobody needs them: add `--yes`"),
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
        "a cluster's name comes first; see all faults",
        ["cargo xtask drill"],
    )))
}
