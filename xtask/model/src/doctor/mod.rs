//! Judgements over a plan and what was seen of this host: whether the plan's machines can run on it.
//! One file each, and one line in [`FINDINGS`].

mod addresses;
mod architecture;
mod disk;
mod forwarding;
mod leftovers;
mod machine_box;
mod memory;
mod packages;
mod processors;
mod provider;
mod range;
mod report;
mod subnet;
mod vagrant;
mod vagrantfile;
mod virtualization;

pub use report::{Examined, Report, examine};

use crate::host::{Host, Provider};
use crate::plan::Plan;
use crate::report::{Diagnostic, Severity};
use crate::values::HostName;

/// Everything that is looked for, in the order in which it is reported.
pub static FINDINGS: &[&Finding] = &[
    &vagrant::FINDING,
    &vagrantfile::FINDING,
    &architecture::FINDING,
    &provider::FINDING,
    &virtualization::FINDING,
    &machine_box::FINDING,
    &range::FINDING,
    &subnet::FINDING,
    &addresses::FINDING,
    &forwarding::FINDING,
    &processors::FINDING,
    &memory::FINDING,
    &disk::FINDING,
    &leftovers::FINDING,
];

/// A named condition of a host.
#[derive(Debug)]
pub struct Finding {
    /// Its name: stable, part of the program's interface.
    pub name: &'static str,
    /// What it asks, as a phrase that is true of a host that is ready.
    pub title: &'static str,
    /// Judges. Must not pass where it could not look.
    pub examine: fn(&Plan, &Host) -> Found,
}

/// What was found of one condition.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whether the condition holds.
    pub verdict: Verdict,
    /// What the verdict rests on, in a few words.
    pub evidence: String,
    /// Everything that is wrong or worth knowing, each with what to do about it.
    pub diagnostics: Vec<Diagnostic>,
}

/// Whether a condition of a host holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It is of no concern here.
    NotApplicable,
    /// It could not be looked at, or not in full, and so is not known.
    Skipped,
    /// Machines can run, and it costs or risks something.
    Warning,
    /// Machines cannot run.
    Error,
}

impl Found {
    fn ok(evidence: impl Into<String>) -> Self {
        Self::without_diagnostics(Verdict::Ok, evidence)
    }

    fn not_applicable(why: impl Into<String>) -> Self {
        Self::without_diagnostics(Verdict::NotApplicable, why)
    }

    fn not_seen(why: impl Into<String>) -> Self {
        Self::without_diagnostics(Verdict::Skipped, format!("not looked at: {}", why.into()))
    }

    fn without_diagnostics(verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            verdict,
            evidence: evidence.into(),
            diagnostics: Vec::new(),
        }
    }

    /// What follows from these diagnostics; without any, the condition holds.
    fn of(evidence: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Self {
        let severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
        let verdicts = severities.map(|severity| match severity {
            Severity::Error => Verdict::Error,
            Severity::Warning => Verdict::Warning,
        });
        Self {
            verdict: verdicts.max().unwrap_or(Verdict::Ok),
            evidence: evidence.into(),
            diagnostics,
        }
    }

    /// The same, where part of it could not be looked at.
    fn except(mut self, why: &str) -> Self {
        self.verdict = self.verdict.max(Verdict::Skipped);
        self.evidence = format!("{}; not looked at: {why}", self.evidence);
        self
    }
}

/// The members whose machines do not run yet: what they need is still to be had.
fn to_start<'a>(plan: &'a Plan, host: &Host) -> Vec<&'a HostName> {
    let names = plan.members.iter().map(|member| &member.name);
    names.filter(|member| !host.runs(member)).collect()
}

/// Whether machines would be run by this provider.
fn is_run_by(host: &Host, wanted: &Provider) -> bool {
    crate::host::provider(host).as_ref() == Ok(wanted)
}

/// What concerns one provider alone is of no concern with another; `None` where it is.
fn concerns_only(host: &Host, wanted: &Provider) -> Option<Found> {
    match crate::host::provider(host) {
        Ok(provider) if provider == *wanted => None,
        Ok(provider) => {
            let (wanted, provider) = (wanted.title(), provider.title());
            Some(Found::not_applicable(format!(
                "with {wanted} alone, and this is {provider}"
            )))
        }
        Err(_) => Some(Found::not_seen("there is no provider yet")),
    }
}

/// The command line of a task for this cluster.
pub fn task(plan: &Plan, task: &str) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask {task}"),
        name => format!("cargo xtask {task} {name}"),
    }
}

/// `1 machine`, `3 machines`.
fn machines(count: usize) -> String {
    match count {
        1 => "1 machine".to_owned(),
        count => format!("{count} machines"),
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
