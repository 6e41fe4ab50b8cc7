use super::{Finding, Hint, Judgement, Verdict, list, plural, quorum_state};
use crate::observation::{Look, MemberObservation, Observation};
use crate::plan::Plan;
use crate::values::HostName;

/// The members that a check could not cover, and why.
#[derive(Debug, Default)]
pub(super) struct Coverage<'a> {
    /// Each reason, phrased to follow a name, and the members it applies to.
    why: Vec<(String, Vec<&'a HostName>)>,
    findings: Vec<Finding>,
}

impl<'a> Coverage<'a> {
    /// The members that did not report `what`.
    ///
    /// A member that does not answer, or cannot be queried at all, is reported by the check `reachable`, and
    /// whatever kept a member from being asked this is reported elsewhere too: both are only mentioned. A
    /// member that answers but does not report this is a finding here, because no other check reports it.
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

    /// Like [`Coverage::of`], for values that are compared among the members of one cluster. The check
    /// `identity` reports members of another cluster.
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

    /// The members whose machines could not be inspected. The check `unit` reports why, and `reachable`
    /// reports machines that cannot be reached at all.
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
                Some(Look::Failed(_)) => unseen.add(name, "could not be inspected"),
                None => unseen.add(name, "was not inspected"),
            }
        }
        unseen
    }

    /// The members that were not queried, for checks that report failures themselves.
    pub(super) fn of_unasked<T>(
        observation: &'a Observation,
        look: impl Fn(&MemberObservation) -> &Look<T>,
    ) -> Self {
        let mut unseen = Self::default();
        for member in &observation.members {
            match (look(member), &member.status) {
                (Look::NotAsked(_), Look::NotAsked(_)) => {
                    unseen.add(&member.name, "could not be queried");
                }
                (Look::NotAsked(why), _) => unseen.add(&member.name, why),
                _ => {}
            }
        }
        unseen
    }

    /// A judgement that passes only if everything was seen. `verdict` covers what was seen.
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

    /// A judgement of something of which nothing could be checked, and why.
    pub(super) fn nothing(self, verdict: Verdict, why: &str, findings: Vec<Finding>) -> Judgement {
        let mut judgement = self.settle(verdict, "", findings);
        let rest = std::mem::take(&mut judgement.unseen);
        judgement.add_unseen(why);
        if !rest.is_empty() {
            judgement.add_unseen(&rest);
        }
        judgement
    }

    fn note<T>(&mut self, member: &'a MemberObservation, what: &str, look: &Look<T>) {
        let name = &member.name;
        match (look, &member.status) {
            (Look::Seen(_), _) => {}
            (_, Look::NotAsked(_)) => self.add(name, "could not be queried"),
            (_, Look::Failed(_)) => self.add(name, "does not answer"),
            (Look::NotAsked(why), _) => self.add(name, why),
            (Look::Failed(why), _) => {
                self.add(name, &format!("did not report {what}"));
                self.findings.push(Finding::new(
                    Some(name),
                    format!("did not report {what}: {why}"),
                    Hint::says("a busy or slow member may answer next time: verify again"),
                ));
            }
        }
    }

    /// Adds a member that could not be covered, with the reason phrased to follow its name.
    pub(super) fn add(&mut self, name: &'a HostName, why: &str) {
        match self.why.iter_mut().find(|(known, _)| known == why) {
            Some((_, names)) => names.push(name),
            None => self.why.push((why.to_owned(), vec![name])),
        }
    }
}
