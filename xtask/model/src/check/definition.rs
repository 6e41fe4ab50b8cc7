use super::{About, Check, Finding, Hint, Judgement, Verdict};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "definition",
    title: "the definition describes the cluster that was started",
    about: About {
        looks_at: "The members and the token of the definition, against those that the cluster was \
            started with, as `.state/default/cluster.json` has them. Nothing is asked of the \
            members for this.",
        why: "etcd reads its token and its first members only while it has no data. A later change \
            to them describes another cluster than the one that runs, and every other check \
            compares with that. `cargo xtask up` refuses to start members by such a definition: \
            one that the others do not know, or know by another ID, cannot join them.",
        what_to_do: "Take the change back, and verify again: what other checks found may be gone \
            with it. No task changes the members of a running cluster yet. Members that are added \
            by `etcdctl member add` are not started by `cargo xtask up`, and until they run they \
            count for the quorum: beside a single member, the first of them stops all writes.",
        read: "https://etcd.io/docs/v3.6/op-guide/clustering/#static",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let changes = &observation.recorded.changes;
    if changes.is_empty() {
        return Judgement::pass("members and token are those of the start");
    }
    let text = format!(
        "{} has changed since the cluster was started: {}",
        plan.source,
        changes.join("; ")
    );
    let hint = Hint::says(
        "take the change back: no task carries it over to the running cluster yet, and what other checks find may follow from it",
    );
    Judgement::new(
        Verdict::Fail,
        "members or token differ from those of the start",
        [Finding::new(None, text, hint)],
    )
}
