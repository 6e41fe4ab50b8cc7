//! Members that are not started because their data is lost, or because a restoration left them out.

use crate::advice::{self, Others, Unusable};
use crate::command_line;
use crate::hint::Hint;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Failure, FailureKind};
use crate::session::Session;
use crate::values::{ClusterName, HostName};

pub(super) fn is_replaceable(plan: &Plan) -> bool {
    advice::can_be_replaced(plan)
}

/// The failure that members lost their data. `others`: what is left of the cluster. `way_back`: what
/// to do about all of them.
pub(super) fn lost(
    name: &ClusterName,
    lost: &[HostName],
    replaceable: bool,
    others: Others,
    way_back: Option<Hint>,
    kind: FailureKind,
) -> Failure {
    let verify = format!("cargo xtask verify {name}");
    let diagnostics = lost.iter().map(|member| {
        Diagnostic::error(format!("`{member}` has lost its data, so it was not started"))
            .note("with an empty disk and its old identity it could vote twice, and acknowledged writes could be lost")
    });
    let mut diagnostics: Vec<Diagnostic> = diagnostics.collect();
    match (way_back, diagnostics.last_mut()) {
        (Some(hint), Some(last)) => last.hints.push(hint),
        _ => {
            for (diagnostic, member) in diagnostics.iter_mut().zip(lost) {
                let tell = Some(verify.clone());
                let hint =
                    advice::without_data(name, member, replaceable, Unusable::Lost, others, tell);
                diagnostic.hints.push(hint);
            }
        }
    }
    Failure { kind, diagnostics }
}

/// Names the members that a restoration left out, and how to bring them back.
pub(super) fn report_left_out(session: &Session, left_out: &[HostName]) {
    let (name, plan) = (&session.home.name, &session.plan);
    let is_left_out = |member: &&Member| left_out.contains(&member.name);
    let Some(survivor) = plan.members.iter().find(|member| !is_left_out(member)) else {
        return;
    };
    let back = |member: &HostName| {
        if is_replaceable(plan) {
            return command_line::replace(name, member);
        }
        let survivor = &survivor.name;
        format!("cargo xtask restore {name} --from-member {survivor}")
    };
    let warning = |member: &HostName| {
        Diagnostic::warning(format!(
            "`{member}` was left out of the restoration, so it was not started"
        ))
        .note("its data stays in its place, under the old identity")
        .hint(Hint::heals(
            "once its data can be moved aside, bring it back",
            [back(member)],
        ))
    };
    let warnings: Vec<Diagnostic> = left_out.iter().map(warning).collect();
    session.ui.report(&warnings);
}
