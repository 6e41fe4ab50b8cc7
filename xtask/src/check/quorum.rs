use super::standing::{Agreement, Standing};
use super::{Check, Finding, Judgement, Verdict, task};
use crate::observation::{Look, Observation};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "quorum",
    title: "a quorum holds",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let standing = Standing::of(plan, observation);
    let Standing {
        voters,
        able,
        needed,
        ..
    } = standing;
    let evidence = format!("{able} of {voters} voters can agree, {needed} must");
    // Members that could not be asked may well be a part of it.
    let unasked = observation
        .members
        .iter()
        .filter(|member| matches!(member.status, Look::NotAsked(_)))
        .count();
    if able < needed {
        if able + unasked >= needed {
            return judgement(
                Verdict::Skipped,
                format!("{evidence}; not checked: {unasked} members could not be asked"),
                None,
            );
        }
        let verdict = if standing.answering >= needed {
            Verdict::NotYet
        } else {
            Verdict::Fail
        };
        let hint = if verdict == Verdict::NotYet {
            format!(
                "enough members answer, and do not agree yet: {} looks again",
                task(plan, "verify --wait 60s")
            )
        } else {
            format!(
                "bring members back: {}; the data of the others is kept",
                task(plan, "up")
            )
        };
        let text = format!(
            "no quorum: nothing can be written, and reads may be stale, until {needed} members agree"
        );
        return judgement(verdict, evidence, Some(Finding::new(None, text, hint)));
    }
    match standing.agreement {
        Agreement::Seen => match standing.may_fail() {
            0 => judgement(
                // A whole cluster of one cannot be better than this.
                if able < voters {
                    Verdict::Warn
                } else {
                    Verdict::Pass
                },
                format!("{evidence}: no more may fail"),
                None,
            ),
            more => judgement(
                Verdict::Pass,
                format!("{evidence}: {more} more may fail"),
                None,
            ),
        },
        Agreement::NotAsked => judgement(
            Verdict::Skipped,
            format!("{evidence}; not checked: nothing was asked that takes their agreement"),
            None,
        ),
        Agreement::Refused => judgement(
            Verdict::NotYet,
            format!("{evidence}; nothing was agreed on"),
            Some(Finding::new(
                None,
                "every request that takes a quorum failed",
                format!(
                    "members may have failed just now: {} looks again; if it stays so, they do not reach each other's peer port",
                    task(plan, "verify --wait 60s")
                ),
            )),
        ),
    }
}

fn judgement(verdict: Verdict, evidence: String, finding: Option<Finding>) -> Judgement {
    Judgement {
        verdict,
        evidence,
        findings: finding.into_iter().collect(),
    }
}
