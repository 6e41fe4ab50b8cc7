//! Judgements over a plan and what was seen of it: one file each, and one line in [`CHECKS`].

mod alarms;
mod clock;
mod database;
mod definition;
mod discovery;
mod flags;
mod hash;
mod history;
mod identity;
mod lag;
mod leader;
mod members;
mod pace;
mod peers;
mod quorum;
mod reachable;
mod report;
mod standing;
mod unit;
mod unseen;
mod user_data;
mod version;
mod write;

pub use database::quota_of;
pub use history::lost;
pub use lag::LAGS_BEYOND;
pub use report::{Checked, Health, Report, Reported, judge};
pub use standing::Standing;
pub use user_data::hint as hint_to_provision;

use crate::hint::Hint;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;

/// Every check of members, in the order in which they are reported.
pub static CHECKS: &[&Check] = &[
    &definition::CHECK,
    &reachable::CHECK,
    &members::CHECK,
    &identity::CHECK,
    &leader::CHECK,
    &quorum::CHECK,
    &peers::CHECK,
    &lag::CHECK,
    &pace::CHECK,
    &version::CHECK,
    &flags::CHECK,
    &alarms::CHECK,
    &database::CHECK,
    &hash::CHECK,
    &history::CHECK,
    &write::CHECK,
];

/// Every check of machines, which come after those where members have machines of their own.
pub static MACHINE_CHECKS: &[&Check] = &[
    &unit::CHECK,
    &user_data::CHECK,
    &clock::CHECK,
    &discovery::CHECK,
];

/// Every check, in the order in which they are reported.
pub fn all() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().chain(MACHINE_CHECKS).copied()
}

/// The check of this name.
pub fn named(name: &str) -> Option<&'static Check> {
    all().find(|check| check.name == name)
}

/// A named condition of a cluster.
#[derive(Debug)]
pub struct Check {
    /// Its name: stable, part of the program's interface.
    pub name: &'static str,
    /// What it asks, as a phrase that is true of a healthy cluster.
    pub title: &'static str,
    /// What there is to know about it, for somebody who knows etcd a little.
    pub about: About,
    /// Judges. Must not pass where it could not look.
    pub judge: fn(&Plan, &Observation) -> Judgement,
}

/// What a check means. Each text is a paragraph of whole sentences; commands in it are for the cluster
/// `default` and its member `core-01`.
#[derive(Debug)]
pub struct About {
    /// What it looks at, and what it makes of that.
    pub looks_at: &'static str,
    /// Why it matters. The first sentence says it alone, for a table.
    pub why: &'static str,
    /// What to do where it does not hold.
    pub what_to_do: &'static str,
    /// The page of etcd's documentation that says more.
    pub read: &'static str,
}

impl About {
    /// Why it matters, in a sentence.
    pub fn why_in_short(&self) -> &'static str {
        match self.why.find(". ") {
            Some(end) => &self.why[..=end],
            None => self.why,
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the condition holds.
    pub verdict: Verdict,
    /// What the verdict rests on, in a few words.
    pub evidence: String,
    /// Everything that is wrong or worth knowing, each with what to do about it.
    pub findings: Vec<Finding>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// There is nothing to check, because this version of etcd has no such thing.
    NotApplicable,
    /// It holds, and there is something its user should know.
    Warn,
    /// It was not checked, or not on every member, and so is not known.
    Skipped,
    /// It does not hold and may come to hold by itself.
    NotYet,
    /// It does not hold, and waiting will not change that.
    Fail,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The members it concerns; none where it concerns the cluster as a whole.
    pub members: Vec<HostName>,
    /// What was found. Follows the name of the member where it concerns one, and has the names in it
    /// where it concerns several.
    pub text: String,
    /// What to do about it; none where it follows from another finding.
    pub hint: Option<Hint>,
}

impl Finding {
    /// The member it concerns, where it concerns a single one.
    pub const fn member(&self) -> Option<&HostName> {
        match self.members.as_slice() {
            [member] => Some(member),
            _ => None,
        }
    }

    fn new(
        member: Option<&HostName>,
        text: impl Into<String>,
        hint: impl Into<Option<Hint>>,
    ) -> Self {
        Self {
            members: member.into_iter().cloned().collect(),
            text: text.into(),
            hint: hint.into(),
        }
    }
}

/// What is true of several members in the same words is one finding.
fn grouped<'a>(
    findings: impl IntoIterator<Item = (&'a HostName, String, Option<Hint>)>,
) -> Vec<Finding> {
    let mut groups: Vec<(String, Option<Hint>, Vec<&HostName>)> = Vec::new();
    for (member, text, hint) in findings {
        match groups.iter_mut().find(|(t, h, _)| *t == text && *h == hint) {
            Some((_, _, members)) => members.push(member),
            None => groups.push((text, hint, vec![member])),
        }
    }
    let findings = groups
        .into_iter()
        .map(|(text, hint, members)| match members.as_slice() {
            [member] => Finding::new(Some(member), text, hint),
            _ => Finding {
                text: format!("{} {}", list(&members), plural(&text)),
                hint,
                members: members.into_iter().cloned().collect(),
            },
        });
    findings.collect()
}

/// The command line of a task for this cluster.
fn task(plan: &Plan, task: &str) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask {task}"),
        name => format!("cargo xtask {task} {name}"),
    }
}

/// The command line that shows a member's log.
fn logs(plan: &Plan, member: &HostName) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask logs {member}"),
        name => format!("cargo xtask logs {member} --cluster {name}"),
    }
}

/// The command line that logs in to a member's machine.
fn ssh(plan: &Plan, member: &HostName) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask ssh {member}"),
        name => format!("cargo xtask ssh --cluster {name} {member}"),
    }
}

/// The command line that has etcdctl do something to this cluster.
fn etcdctl(plan: &Plan, arguments: &str) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask etcdctl -- {arguments}"),
        name => format!("cargo xtask etcdctl --cluster {name} -- {arguments}"),
    }
}

/// `core-01`, `core-01 and core-02`, `core-01, core-02 and core-03`.
fn list<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.split_last() {
        None => "nobody".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// `does not answer` of one is `do not answer` of many.
fn plural(why: &str) -> String {
    let forms = [
        ("does ", "do "),
        ("has ", "have "),
        ("is ", "are "),
        ("was ", "were "),
        ("belongs ", "belong "),
        ("runs ", "run "),
        ("uses ", "use "),
    ];
    for (one, many) in forms {
        if let Some(rest) = why.strip_prefix(one) {
            return format!("{many}{rest}");
        }
    }
    why.to_owned()
}
