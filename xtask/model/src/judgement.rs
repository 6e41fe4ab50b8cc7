//! What judgements over a cluster and over a host have in common.

/// What was found of one condition: whether it holds, what that rests on, and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement<F> {
    /// Whether the condition holds.
    pub verdict: Verdict,
    /// What was seen, in a few words; empty where nothing was.
    pub seen: String,
    /// What was not seen, and why; empty where everything was.
    pub unseen: String,
    /// Everything that is wrong or worth knowing, each with what to do about it.
    pub findings: Vec<F>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// There is nothing to check, because this version of etcd or this host has no such thing.
    NotApplicable,
    /// It holds, and there is something its user should know.
    Warn,
    /// It was not checked, or not everywhere, and so is not known.
    Skipped,
    /// It does not hold and may come to hold by itself.
    NotYet,
    /// It does not hold, and waiting will not change that.
    Fail,
}

/// A condition and what was found of it.
#[derive(Debug, Clone)]
pub struct Judged<F> {
    /// The condition's name: stable, part of the program's interface.
    pub name: &'static str,
    /// What it asks, as a phrase that is true where it holds.
    pub title: &'static str,
    /// What was found.
    pub judgement: Judgement<F>,
}

impl<F> Judgement<F> {
    /// A judgement over something that was seen everywhere.
    pub fn new(
        verdict: Verdict,
        seen: impl Into<String>,
        findings: impl IntoIterator<Item = F>,
    ) -> Self {
        Self {
            verdict,
            seen: seen.into(),
            unseen: String::new(),
            findings: findings.into_iter().collect(),
        }
    }

    /// The condition holds.
    pub fn pass(seen: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, seen, None)
    }

    /// There is nothing to check.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, why, None)
    }

    /// Takes note of something that was not seen, without a change of the verdict.
    pub fn add_unseen(&mut self, what: &str) {
        if !self.unseen.is_empty() {
            self.unseen.push_str("; ");
        }
        self.unseen.push_str(what);
    }

    /// What the verdict rests on: what was seen, and what was not.
    pub fn evidence(&self) -> String {
        let parts = [self.seen.as_str(), self.unseen.as_str()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Whether what was seen is as it should be, and not everything was seen.
    pub fn is_partial(&self) -> bool {
        self.verdict == Verdict::Skipped && !self.seen.is_empty()
    }
}
