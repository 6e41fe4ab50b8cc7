//! The steps that apply an edited definition.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::change::apply::{Step, Voters};
use crate::change::final_task::FinalTask;
use crate::plan::Member;
use crate::report::Diagnostic;
use crate::ui::table::Table;
use crate::values::ClusterName;

/// Renders the steps for people, with what is done after them.
pub fn steps(steps: &[Step], final_tasks: &[FinalTask], width: usize) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let (before, during, after) = (step.before, step.during, step.after);
        let meanwhile = if step.interrupts() {
            "no quorum meanwhile".to_owned()
        } else {
            format!("{} may fail meanwhile", during.may_fail())
        };
        let votes = format!(
            "{} of {} before, {} of {} during, {} of {} after; {meanwhile}",
            before.able, before.all, during.able, during.all, after.able, after.all
        );
        let _ = writeln!(text, "{:>2}. {}", number + 1, step.what());
        let mut table = Table::without_heading();
        table.row(["    why  ".to_owned(), step.why.clone()]);
        if let Some(first) = &step.first {
            table.row(["    first".to_owned(), first.clone()]);
        }
        table.row(["    votes".to_owned(), votes]);
        text += &table.wrapped_at(width).to_string();
    }
    for (number, task) in final_tasks.iter().enumerate() {
        let _ = writeln!(text, "{:>2}. {}", steps.len() + number + 1, task.what);
        let mut table = Table::without_heading();
        table.row(["    why".to_owned(), task.why.clone()]);
        text += &table.wrapped_at(width).to_string();
    }
    text
}

/// The steps for programs.
pub fn json(
    name: &ClusterName,
    differences: &[String],
    steps: &[Step],
    final_tasks: &[FinalTask],
    refused: &[Diagnostic],
) -> String {
    let steps = steps.iter().map(|step| {
        json!({
            "do": step.word(),
            "member": step.member,
            "what": step.what(),
            "why": step.why,
            "first": step.first,
            "peer_url": step.at.as_ref().map(Member::peer_url),
            "client_url": step.at.as_ref().map(Member::client_url),
            "before": voters(step.before),
            "during": voters(step.during),
            "after": voters(step.after),
            "interrupts": step.interrupts(),
        })
    });
    let final_tasks = final_tasks
        .iter()
        .map(|task| json!({"what": task.what, "why": task.why}));
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
        "finally": final_tasks.collect::<Vec<Value>>(),
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
