use std::collections::BTreeSet;
use std::fmt;

use super::{
    CHECKS, Check, Finding, Hint, Judgement, MACHINE_CHECKS, QuorumState, TLS_CHECKS, Verdict,
    history,
};
use crate::judgement::Judged;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;

/// What all checks found.
#[derive(Debug, Clone)]
pub struct ClusterReport {
    /// Each check with its judgement, in the order of [`TLS_CHECKS`], [`CHECKS`] and [`MACHINE_CHECKS`].
    pub checks: Vec<Judged<Finding>>,
    /// The state of the quorum.
    pub quorum_state: QuorumState,
    /// Whether the definition describes another cluster than the one that was started.
    is_redefined: bool,
}

/// A check that found something, and the member it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reported {
    /// The name of the check that found it.
    pub check: &'static str,
    /// The member it is about; none if it is about the cluster as a whole.
    pub member: Option<HostName>,
}

/// Whether a cluster is healthy, all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Everything was checked and holds.
    Healthy,
    /// Something does not hold.
    Unhealthy,
    /// Nothing is known to be wrong, but something could not be checked.
    NotProven,
}

/// Runs every check that applies. A member counts once, however many addresses it answers at.
pub fn judge(plan: &Plan, observation: &Observation) -> ClusterReport {
    let observation = &observation.each_member_once(&plan.member_ids());
    let machines = MACHINE_CHECKS.iter().filter(|_| plan.on_machines);
    let tls = TLS_CHECKS.iter().filter(|_| !plan.scheme().is_http());
    let checks = tls.chain(CHECKS).chain(machines).map(|&check| {
        let mut judgement = (check.judge)(plan, observation);
        if observation.recorded.half_restored.is_some() && check.name != history::CHECK.name {
            // Whatever else is found follows from that.
            let findings = judgement.findings.iter_mut();
            findings.for_each(|finding| finding.hint = None);
        } else if observation.recorded.is_redefined {
            take_what_follows_back(plan, observation, check, &mut judgement);
        } else if !observation.recorded.changes.is_empty() && check.name == "flags" {
            // `apply` changes them, too.
            let findings = judgement.findings.iter_mut();
            findings.for_each(|finding| finding.hint = None);
        }
        Judged {
            name: check.name,
            title: check.title,
            judgement,
        }
    });
    ClusterReport {
        checks: checks.collect(),
        quorum_state: QuorumState::of(plan, observation),
        is_redefined: observation.recorded.is_redefined,
    }
}

/// If the definition describes another cluster than the one that was started, undoing the change is the only
/// advice: `up` refuses such a definition, and findings that compare with it may disappear once that is done.
fn take_what_follows_back(
    plan: &Plan,
    observation: &Observation,
    check: &Check,
    judgement: &mut Judgement,
) {
    let follows = ["members", "identity", "flags", "quorum", "user-data"];
    let up = super::task(plan, "up");
    for finding in &mut judgement.findings {
        let is_new = |member: &HostName| observation.recorded.new.contains(member);
        let is_refused = |hint: &Hint| hint.commands.contains(&up);
        if follows.contains(&check.name)
            || finding.members.iter().any(is_new)
            || finding.hint.as_ref().is_some_and(is_refused)
        {
            finding.hint = None;
        }
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{}: {member}", self.check),
            None => f.write_str(self.check),
        }
    }
}

impl ClusterReport {
    /// Whether the cluster is healthy. A cluster that was not fully checked is not healthy, and one that is
    /// not known to have a problem is not unhealthy.
    pub fn health(&self) -> Health {
        let worst = self
            .checks
            .iter()
            .map(|checked| checked.judgement.verdict)
            .max()
            .unwrap_or(Verdict::Skipped);
        match worst {
            Verdict::Pass | Verdict::NotApplicable | Verdict::Warn => Health::Healthy,
            Verdict::Skipped => Health::NotProven,
            Verdict::NotYet | Verdict::Fail => Health::Unhealthy,
        }
    }

    /// Removes the hints from all findings.
    pub fn leave_out_hints(&mut self) {
        let judgements = self.checks.iter_mut().map(|checked| &mut checked.judgement);
        let findings = judgements.flat_map(|judgement| &mut judgement.findings);
        findings.for_each(|finding| finding.hint = None);
    }

    /// Whether waiting cannot help: the definition describes another cluster than the one that was started,
    /// or the only problem is that the cluster runs by an older definition.
    pub fn is_outdated(&self) -> bool {
        let failing = self.names(&[Verdict::NotYet, Verdict::Fail]);
        let is_only_outdated = !failing.is_empty()
            && failing
                .iter()
                .all(|name| ["definition", "flags", "user-data"].contains(name))
            && self.names(&[Verdict::Skipped]).is_empty();
        is_only_outdated || self.is_redefined
    }

    /// The names of the checks with one of these verdicts.
    pub fn names(&self, verdicts: &[Verdict]) -> Vec<&'static str> {
        self.checks
            .iter()
            .filter(|checked| verdicts.contains(&checked.judgement.verdict))
            .map(|checked| checked.name)
            .collect()
    }

    /// Why members could not be queried.
    pub fn unasked(&self) -> impl Iterator<Item = &str> {
        let reachable = self.checks.iter();
        let reachable = reachable.filter(|checked| checked.name == "reachable");
        let findings = reachable.flat_map(|checked| &checked.judgement.findings);
        let findings = findings.filter(|finding| finding.members.is_empty());
        findings.map(|finding| finding.text.as_str())
    }

    /// Each check that warns or fails, with every member that it names. A check that could not run has found
    /// nothing.
    pub fn reported(&self) -> BTreeSet<Reported> {
        let findings = self.checks.iter().filter(|checked| {
            let verdict = checked.judgement.verdict;
            matches!(verdict, Verdict::Warn | Verdict::NotYet | Verdict::Fail)
        });
        findings
            .flat_map(|checked| {
                let named = checked.judgement.findings.iter().flat_map(|finding| {
                    let whole = finding.members.is_empty().then_some(None);
                    whole
                        .into_iter()
                        .chain(finding.members.iter().cloned().map(Some))
                });
                let named: Vec<Option<HostName>> = named.collect();
                let named = if named.is_empty() { vec![None] } else { named };
                named.into_iter().map(|member| Reported {
                    check: checked.name,
                    member,
                })
            })
            .collect()
    }

    /// One line: whether the cluster is healthy, and its quorum.
    pub fn summary(&self, plan: &Plan) -> String {
        let name = &plan.name;
        let quorum_state = &self.quorum_state;
        match self.health() {
            Health::Healthy => format!("{name} is healthy: {quorum_state}"),
            Health::Unhealthy => format!("{name} is unhealthy: {quorum_state}"),
            // If no member answers, there is nothing else to report.
            Health::NotProven if quorum_state.answering == 0 => {
                format!("{name}: health unknown: {quorum_state}")
            }
            Health::NotProven => {
                let skipped = self.names(&[Verdict::Skipped]);
                let skipped = match skipped.len() {
                    1..=3 => super::list(skipped),
                    many => format!("{many} of {} checks", self.checks.len()),
                };
                format!(
                    "{name} is not proven healthy: {skipped} could not be checked; {quorum_state}"
                )
            }
        }
    }
}
