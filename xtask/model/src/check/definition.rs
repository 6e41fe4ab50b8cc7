use super::{About, Check, Finding, Hint, Judgement, Verdict, task};
use crate::advice::see_changes;
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
            change later, the definition describes other members than those that run. All other checks \
            compare with what runs, and `cargo xtask up` starts what runs. Another token makes another \
            cluster: `cargo xtask up` refuses it, and so it does on machines.",
        what_to_do: "`cargo xtask plan` shows the steps from the running cluster to its definition, and \
            `cargo xtask apply` performs them. To keep the cluster as it is, undo the change.",
        read: "https://etcd.io/docs/v3.6/op-guide/clustering/#static",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let changes = &observation.recorded.changes;
    if changes.is_empty() {
        return Judgement::pass("members and token as defined");
    }
    let text = format!(
        "{} differs from the cluster that was started: {}",
        plan.source,
        changes.join("; ")
    );
    let hint = if observation.recorded.is_redefined {
        Hint::informs(
            "undo the change, because other findings may follow from it; or see why it cannot be applied",
            [task(plan, "plan")],
        )
    } else {
        see_changes(&plan.name)
    };
    Judgement::new(
        Verdict::Fail,
        "members, ports, version or token differ",
        [Finding::new(None, text, hint)],
    )
}
