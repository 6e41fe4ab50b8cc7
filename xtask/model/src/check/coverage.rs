use super::{Finding, Hint, Judgement, Verdict, list, plural, quorum_state};
use crate::observation::{Look, MemberObservation, Observation};
use crate::plan::Plan;
use crate::values::HostName;

/// The members that a check could not look at, and why.
#[derive(Debug, Default)]
pub(super) struct Coverage<'a> {
    /// Why, in words that follow names, and whom it concerns.
    why: Vec<(String, Vec<&'a HostName>)>,
    findings: Vec<Finding>,
}

impl<'a> Coverage<'a> {
    /// The members that did not tell something, `what`.
    ///
    /// That a member does not answer or cannot be asked at all is for the check `reachable` to report, and
    /// that it was not asked this has a cause that is reported elsewhere too: both are only mentioned. That a
    /// member answers and yet does not tell this is reported here, because nobody else does.
    pub(super) fn of<T>(
        observation: &'a Observation,
        what: &str,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            unseen.note(member, what, look(member));
        }
        unseen
    }

    /// The same for what is compared among the members of one cluster: that a member belongs to another
    /// is for the check `identity` to report.
    pub(super) fn of_ours<T>(
        plan: &Plan,
        observation: &'a Observation,
        what: &str,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            if quorum_state::is_stranger(plan, observation, member) {
                unseen.add(&member.name, "belongs to another cluster");
            } else {
                unseen.note(member, what, look(member));
            }
        }
        unseen
    }

    /// The members whose machines could not be looked into. Why is for the check `unit` to report, and
    /// that a machine is not to be reached at all for `reachable`.
    pub(super) fn of_machines(observation: &'a Observation) -> Self {
        let mut unseen = Self::default();
        for (index, member) in observation.members.iter().enumerate() {
            let name = &member.name;
            match observation.machines.get(index) {
                Some(Look::Seen(_)) => {}
                Some(Look::NotAsked(why)) => unseen.add(name, why),
                Some(Look::Failed(_)) if member.status.seen().is_none() => {
                    unseen.add(name, "does not answer");
                }
                Some(Look::Failed(_)) => unseen.add(name, "could not be looked into"),
                None => unseen.add(name, "was not looked into"),
            }
        }
        unseen
    }

    /// The members that were not asked. For checks that report failures themselves.
    pub(super) fn of_unasked<T>(
        observation: &'a Observation,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            match (look(member), &member.status) {
                (Look::NotAsked(_), Look::NotAsked(_)) => {
                    unseen.add(&member.name, "could not be asked");
                }
                (Look::NotAsked(why), _) => unseen.add(&member.name, why),
                _ => {}
            }
        }
        unseen
    }

    /// A judgement that passes only where everything was seen: `verdict` is that over what was seen.
    pub(super) fn settle(
        self,
        verdict: Verdict,
        evidence: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Judgement {
        let findings = findings.into_iter().chain(self.findings);
        let mut judgement = Judgement::new(verdict, evidence, findings);
        let reasons = self.why.iter().map(|(why, names)| match names.len() {
            1 => format!("{} {why}", list(names)),
            _ => format!("{} {}", list(names), plural(why)),
        });
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        if !reasons.is_empty() {
            judgement.verdict = verdict.max(Verdict::Skipped);
            judgement.add_unseen(&format!("not checked: {reasons}"));
        }
        judgement
    }

    fn note<T>(&mut self, member: &'a MemberObservation, what: &str, look: &Look<T>) {
        let name = &member.name;
        match (look, &member.status) {
            (Look::Seen(_), _) => {}
            (_, Look::NotAsked(_)) => self.add(name, "could not be asked"),
            (_, Look::Failed(_)) => self.add(name, "does not answer"),
            (Look::NotAsked(why), _) => self.add(name, why),
            (Look::Failed(why), _) => {
                self.add(name, &format!("did not tell {what}"));
                self.findings.push(Finding::new(
                    Some(name),
                    format!("did not tell {what}: {why}"),
                    Hint::says("a busy or slow member may answer next time: verify again"),
                ));
            }
        }
    }

    /// Takes note of a member that could not be looked at, and why, in words that follow its name.
    pub(super) fn add(&mut self, name: &'a HostName, why: &str) {
        match self.why.iter_mut().find(|(known, _)| known == why) {
            Some((_, names)) => names.push(name),
            None => self.why.push((why.to_owned(), vec![name])),
        }
    }
}
