use super::quorum_state::ours;
use super::recovery;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, task};
use crate::backup::Restorable;
use crate::observation::{HalfRestored, Observation};
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "history",
    title: "no data is lost that was there before",
    about: About {
        looks_at: "The revision of the keys, which grows with every change and never shrinks. It \
            is compared with the highest revision that an earlier `verify` or `up` saw every \
            member reach, recorded in `.state/default/seen.json`. Data is lost if no member \
            reports that revision and a new value is written at a revision that is no higher. The \
            loss is recorded there too, and reported from then on, whatever is written later.",
        why: "A cluster that was re-created without its data has the same IDs as before. They \
            follow from the token and the addresses, and nothing else distinguishes it from the \
            cluster that held your data. A backup that was restored by hand or a majority that was \
            emptied shows here too.",
        what_to_do: "If the data should still be there, stop writing and restore a backup from \
            before the loss (`cargo xtask backup default --list`), or look for a member's data \
            folder that was moved. A restoration with `cargo xtask restore` is recorded in the \
            file and does not count as a loss. If the current data is intended for another \
            reason, remove the file: the data is kept, and the next look starts counting from the \
            current revision.",
        read: "https://etcd.io/docs/v3.6/op-guide/recovery/",
    },
    judge,
};

/// The revision that the keys were found at although a higher one had been seen before; none if data is not
/// known to be lost. A loss is known if an earlier look found it, or if no member reports the higher revision
/// and a value was just written at a revision that is no higher: a new write comes after everything that was
/// ever agreed on. What members report proves nothing alone, because a member that has just started is still
/// applying its log.
pub fn lost(plan: &Plan, observation: &Observation) -> Option<u64> {
    let before = observation.before?;
    let is_below = || {
        let told = revisions(plan, observation).map(|(_, revision)| revision);
        let most = told.max()?;
        let is_below = most < before.revision && first_written(observation)? <= before.revision;
        is_below.then_some(most)
    };
    before.fell_to.or_else(is_below)
}

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if let Some(HalfRestored { what, hint }) = &observation.recorded.half_restored {
        let finding = Finding::new(None, what, hint.clone());
        let evidence = "the data is being replaced";
        return Judgement::new(Verdict::NotYet, evidence, [finding]);
    }
    let unreadable = &observation.unreadable;
    if unreadable.is_empty() {
        return judge_what_was_seen(plan, observation);
    }
    let mut judgement = match observation.before {
        Some(_) => judge_what_was_seen(plan, observation),
        None => Judgement::new(Verdict::Skipped, "", None),
    };
    judgement.add_unseen("not checked: the recorded state of the cluster cannot be read");
    judgement.verdict = judgement.verdict.max(Verdict::Skipped);
    let findings = unreadable.iter();
    let findings = findings.map(|file| Finding::new(None, &file.what, file.hint.clone()));
    judgement.findings.extend(findings);
    judgement
}

fn judge_what_was_seen(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable(
            "the revision that etcd 2 reports is not each member's own",
        );
    }
    let Some(before) = observation.before else {
        return Judgement::not_applicable("no earlier revision is recorded");
    };
    let least = before.revision;
    if let Some(found) = lost(plan, observation) {
        let evidence = format!("revision {found} after {least}");
        let finding = is_lost(plan, observation, found, least);
        return Judgement::new(Verdict::Fail, evidence, [finding]);
    }
    let unseen = Coverage::of_ours(plan, observation, "its revision", |member| &member.status);
    let told: Vec<_> = revisions(plan, observation).collect();
    // A write comes after everything that was there.
    let written_after = first_written(observation).map(|revision| revision.saturating_sub(1));
    let told_most = told.iter().map(|(_, revision)| *revision).max();
    let Some(most) = told_most.max(written_after) else {
        return unseen.nothing(
            Verdict::Skipped,
            "no member of this cluster reported its revision",
            Vec::new(),
        );
    };
    if most >= least {
        // `lag` reports members that lag behind. What one member has is not lost.
        let evidence = match before.restored {
            Some(backup) => {
                format!("at revision {most}; a backup of revision {backup} was restored")
            }
            None => format!("at revision {most}; all members reached {least} before"),
        };
        return Judgement::pass(evidence);
    }
    let names = list(told.iter().map(|(name, _)| name));
    let text = format!(
        "the keys are at revision {most} according to {names}, but revision {least} was seen before"
    );
    let hint = Hint::informs(
        "a member that has just started may still be applying its log, and no new write settles the question; check again",
        [task(plan, "verify --wait 60s")],
    );
    unseen.settle(
        Verdict::NotYet,
        format!("revision {most} after {least}"),
        vec![Finding::new(None, text, hint)],
    )
}

/// The revisions that members of the plan's cluster report.
fn revisions<'a>(
    plan: &'a Plan,
    observation: &'a Observation,
) -> impl Iterator<Item = (&'a HostName, u64)> {
    ours(plan, observation).filter_map(|member| {
        let status = member.status.seen()?;
        let is_ours = status.cluster_id == plan.cluster_id;
        is_ours.then_some((&member.name, status.revision?))
    })
}

/// The lowest revision at which this look wrote a value.
fn first_written(observation: &Observation) -> Option<u64> {
    let members = observation.members.iter();
    let revisions = members.filter_map(|member| *member.write.seen()?);
    revisions.min()
}

fn is_lost(plan: &Plan, observation: &Observation, found: u64, least: u64) -> Finding {
    let text = format!("data is lost: the keys were at revision {least}, then at revision {found}");
    let name = &plan.name;
    let hint = match &observation.recorded.backup {
        // `quorum` says from what to restore first.
        _ if recovery::hint(plan, observation).is_some() => None,
        Some(Restorable { file, revision }) => Some(Hint::heals(
            format!(
                "if the current data is intended, remove .state/{name}/seen.json; otherwise stop writing and restore the backup with revision {revision}"
            ),
            [format!("cargo xtask restore {name} --from {file}")],
        )),
        None => Some(Hint::heals(
            "if the current data is intended, forget the recorded revision; otherwise look for a snapshot or a member's data before anything else is written",
            [format!("rm .state/{name}/seen.json")],
        )),
    };
    Finding::new(None, text, hint)
}
