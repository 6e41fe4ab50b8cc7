//! The steps that apply an edited definition.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::change::apply::{Step, Voters};
use crate::plan::Member;
use crate::report::Diagnostic;
use crate::values::ClusterName;

/// Renders the steps for people.
pub fn steps(steps: &[Step]) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let Voters { all, able } = step.before;
        let (during, after) = (step.during, step.after);
        let meanwhile = if step.interrupts() {
            "the cluster does not serve meanwhile".to_owned()
        } else {
            format!("{} may fail meanwhile", during.may_fail())
        };
        let _ = writeln!(text, "{:>2}. {}", number + 1, step.what());
        let _ = writeln!(text, "    why     {}", step.why);
        let _ = writeln!(
            text,
            "    votes   {able} of {all} before, {} of {} during, {} of {} after; {meanwhile}",
            during.able, during.all, after.able, after.all
        );
    }
    text
}

/// The steps for programs.
pub fn json(
    name: &ClusterName,
    differences: &[String],
    steps: &[Step],
    refused: &[Diagnostic],
) -> String {
    let steps = steps.iter().map(|step| {
        json!({
            "do": step.word(),
            "member": step.member,
            "what": step.what(),
            "why": step.why,
            "peer_url": step.at.as_ref().map(Member::peer_url),
            "client_url": step.at.as_ref().map(Member::client_url),
            "before": voters(step.before),
            "during": voters(step.during),
            "after": voters(step.after),
            "interrupts": step.interrupts(),
        })
    });
    let refused = refused.iter().map(|one| {
        json!({
            "what": one.message,
            "why": one.notes,
            "hint": one.hints.first().map(ToString::to_string),
            "commands": one.hints.first().map_or_else(Vec::new, |hint| hint.commands.clone()),
        })
    });
    super::json(&json!({
        "format": 1,
        "cluster": name.as_str(),
        "differences": differences,
        "steps": steps.collect::<Vec<Value>>(),
        "refused": refused.collect::<Vec<Value>>(),
    }))
}

fn voters(voters: Voters) -> Value {
    json!({
        "voters": voters.all,
        "able": voters.able,
        "needed": voters.needed(),
        "may_fail": voters.may_fail(),
    })
}
