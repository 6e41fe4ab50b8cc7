use super::standing::ours;
use super::{About, Check, Finding, Judgement, Verdict, list, task, unseen::Unseen};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "history",
    title: "nothing is lost that was there before",
    about: About {
        looks_at: "The revision of the keys, which grows with every change and never shrinks. It \
            is compared with the highest that an earlier `verify` or `up` saw every member reach, \
            kept in `.state/default/seen.json`.",
        why: "A cluster that was formed anew without its data has the same IDs as before. They \
            follow from the token and the addresses, and nothing else tells it from the one that \
            held your data. A backup that was restored, or a majority that was emptied, \
            shows here too.",
        what_to_do: "If the data was to be kept, stop writing, and look for it: a snapshot, a \
            member's data folder that was moved. If it was given up on purpose, `cargo xtask \
            destroy` forgets what was seen; and count `etcd.generation` up in the definition, so \
            that the new cluster has a new identity which no old member can be taken for. After a \
            snapshot was restored on purpose, remove the file.",
        read: "https://etcd.io/docs/v3.6/op-guide/recovery/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let not_applicable = |why: &str| Judgement {
        verdict: Verdict::NotApplicable,
        evidence: why.to_owned(),
        findings: Vec::new(),
    };
    if plan.version().is_v2() {
        return not_applicable("the revision that etcd 2 tells is not every member's own");
    }
    let Some(before) = observation.before else {
        return not_applicable("nothing was seen of it before");
    };
    let unseen = Unseen::of_ours(plan, observation, "its revision", |member| &member.status);
    let revisions = ours(plan, observation).filter_map(|member| {
        let status = member.status.seen()?;
        let is_ours = status.cluster_id == plan.cluster_id;
        is_ours.then_some((&member.name, status.revision?))
    });
    let revisions: Vec<_> = revisions.collect();
    let Some(most) = revisions.iter().map(|(_, revision)| *revision).max() else {
        return unseen.settle(
            Verdict::Skipped,
            "no member of this cluster told its revision",
            Vec::new(),
        );
    };
    let least = before.revision;
    if most >= least {
        // One that lags behind is for `lag` to report; what one member has is not lost.
        let evidence = format!("at revision {most}, no less than the {least} seen before");
        return Judgement {
            verdict: Verdict::Pass,
            evidence,
            findings: Vec::new(),
        };
    }
    let names = list(revisions.iter().map(|(name, _)| name));
    let text = format!(
        "the keys are at revision {most}, by {names}, and revision {least} was seen before: what was written between them is gone"
    );
    let hint = format!(
        "if its data was given up on purpose: {}, then raise `etcd.generation` in {}, then {}; if not, look for the data before anything else is written",
        task(plan, "destroy"),
        plan.source,
        task(plan, "up")
    );
    let evidence = format!("revision {most} after {least}");
    unseen.settle(
        Verdict::Fail,
        evidence,
        vec![Finding::new(None, text, hint)],
    )
}
