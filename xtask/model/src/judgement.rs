//! What judgements of a cluster and of a host have in common.

/// The result of a check: whether its condition holds, the evidence, and the findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement<F> {
    /// Whether the condition holds.
    pub verdict: Verdict,
    /// What was seen, in a few words; empty if nothing was.
    pub seen: String,
    /// What was not seen, and why; empty if everything was.
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
    /// It holds, but there is something the user should know.
    Warn,
    /// It is unknown, because it was not fully checked.
    Skipped,
    /// It does not hold, but may come to hold by itself.
    NotYet,
    /// It does not hold, and waiting will not change that.
    Fail,
}

/// A check and its judgement.
#[derive(Debug, Clone)]
pub struct Judged<F> {
    /// The check's stable name, part of the program's interface.
    pub name: &'static str,
    /// A phrase that is true if the condition holds.
    pub title: &'static str,
    /// What was found.
    pub judgement: Judgement<F>,
}

impl<F> Judgement<F> {
    /// A judgement of something that was fully seen.
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

    /// Adds something that was not seen, without changing the verdict.
    pub fn add_unseen(&mut self, what: &str) {
        if !self.unseen.is_empty() {
            self.unseen.push_str("; ");
        }
        self.unseen.push_str(what);
    }

    /// The evidence for the verdict: what was seen, and what was not.
    pub fn evidence(&self) -> String {
        let parts = [self.seen.as_str(), self.unseen.as_str()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Whether everything that was seen is fine, but not everything was seen.
    pub fn is_partial(&self) -> bool {
        self.verdict == Verdict::Skipped && !self.seen.is_empty()
    }
}
