use super::{About, Check, Finding, Hint, Judgement, Verdict};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "definition",
    title: "the definition describes the cluster that was started",
    about: About {
        looks_at: "The members, their ports and the token of the definition, compared with those that the \
            cluster was started with, as recorded in `.state/default/cluster.json`. No member is \
            queried for this.",
        why: "etcd reads its token and its initial members only while it has no data. If they \
            change later, the definition describes a different cluster from the one that runs, and \
            every other check compares with the definition. `cargo xtask up` refuses to start \
            members from such a definition: a member that the others do not know, or know by \
            another ID, cannot join them.",
        what_to_do: "Undo the change and verify again: the findings of other checks may disappear \
            with it. No task changes the members of a running cluster yet. `cargo xtask up` does \
            not start members that were added with `etcdctl member add`, and until they run they \
            count towards the quorum: next to a single member, the first of them stops all writes.",
        read: "https://etcd.io/docs/v3.6/op-guide/clustering/#static",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let changes = &observation.recorded.changes;
    if changes.is_empty() {
        return Judgement::pass("members and token unchanged since the start");
    }
    let text = format!(
        "{} has changed since the cluster was started: {}",
        plan.source,
        changes.join("; ")
    );
    let hint = Hint::says(
        "undo the change: no task applies it to the running cluster yet, and other findings may follow from it",
    );
    Judgement::new(
        Verdict::Fail,
        "members, ports or token changed since the start",
        [Finding::new(None, text, hint)],
    )
}
