use super::{Finding, Judgement, Verdict};
use crate::observation::{Look, MemberObservation, Observation};

/// The members that a check could not look at, and why.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    why: Vec<String>,
    findings: Vec<Finding>,
}

impl Unseen {
    /// The members that did not tell something, `what`.
    ///
    /// That a member does not answer at all is for the check `reachable` to report, and that it was not
    /// asked has a cause that is reported elsewhere too: both are only mentioned. That a member
    /// answers and yet does not tell this is reported here, because nobody else does.
    pub(super) fn of<T>(
        observation: &Observation,
        what: &str,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            let name = &member.name;
            match look(member) {
                Look::Seen(_) => {}
                Look::NotAsked(why) => unseen.why.push(format!("{name} {why}")),
                Look::Failed(_) if member.status.seen().is_none() => {
                    unseen.why.push(format!("{name} does not answer"));
                }
                Look::Failed(why) => {
                    unseen.why.push(format!("{name} did not tell {what}"));
                    unseen.findings.push(Finding::new(
                        Some(name),
                        format!("did not tell {what}: {why}"),
                        "a busy or slow member may answer next time: verify again",
                    ));
                }
            }
        }
        unseen
    }

    /// The members that were not asked. For checks that report failures themselves.
    pub(super) fn of_unasked<T>(
        observation: &Observation,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            if let Look::NotAsked(why) = look(member) {
                unseen.why.push(format!("{} {why}", member.name));
            }
        }
        unseen
    }

    /// A judgement that passes only where everything was seen: `verdict` is that over what was seen.
    pub(super) fn settle(
        self,
        verdict: Verdict,
        evidence: impl Into<String>,
        mut findings: Vec<Finding>,
    ) -> Judgement {
        let mut evidence = evidence.into();
        findings.extend(self.findings);
        if self.why.is_empty() {
            return Judgement {
                verdict,
                evidence,
                findings,
            };
        }
        if !evidence.is_empty() {
            evidence.push_str("; ");
        }
        evidence.push_str("not checked: ");
        evidence.push_str(&self.why.join(", "));
        Judgement {
            verdict: verdict.max(Verdict::Skipped),
            evidence,
            findings,
        }
    }
}
