//! Judgements over a plan and what was seen of this host: whether the plan's machines can run on it.
//! One file each, and one line in [`CHECKS`].

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

pub use report::{Report, judge};

use std::fmt::Display;

use crate::command_line::task;
use crate::host::{Host, Provider};
use crate::judgement::Verdict;
use crate::plan::Plan;
use crate::report::{Diagnostic, Severity};
use crate::values::HostName;
use crate::wording::{list, many};

/// Everything that is looked for, in the order in which it is reported.
pub static CHECKS: &[&Check] = &[
    &vagrant::CHECK,
    &vagrantfile::CHECK,
    &architecture::CHECK,
    &provider::CHECK,
    &virtualization::CHECK,
    &machine_box::CHECK,
    &range::CHECK,
    &subnet::CHECK,
    &addresses::CHECK,
    &forwarding::CHECK,
    &processors::CHECK,
    &memory::CHECK,
    &disk::CHECK,
    &leftovers::CHECK,
];

/// A named condition of a host.
#[derive(Debug)]
pub struct Check {
    /// Its name: stable, part of the program's interface.
    pub name: &'static str,
    /// What it asks, as a phrase that is true of a host that is ready.
    pub title: &'static str,
    /// Judges. Must not pass where it could not look.
    pub judge: fn(&Plan, &Host) -> Judgement,
}

/// What was found of one condition.
pub type Judgement = crate::judgement::Judgement<Diagnostic>;

impl Judgement {
    fn not_seen(why: impl Display) -> Self {
        let mut judgement = Self::new(Verdict::Skipped, "", None);
        judgement.add_unseen(&format!("not looked at: {why}"));
        judgement
    }

    /// What follows from these diagnostics; without any, the condition holds.
    fn of(seen: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Self {
        let severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
        let verdicts = severities.map(|severity| match severity {
            Severity::Error => Verdict::Fail,
            Severity::Warning => Verdict::Warn,
        });
        Self::new(verdicts.max().unwrap_or(Verdict::Pass), seen, diagnostics)
    }

    /// The same, where part of it could not be looked at. A warning stays one.
    fn except(mut self, why: &str) -> Self {
        if matches!(self.verdict, Verdict::Pass | Verdict::NotApplicable) {
            self.verdict = Verdict::Skipped;
        }
        self.add_unseen(&format!("not looked at: {why}"));
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
fn concerns_only(host: &Host, wanted: &Provider) -> Option<Judgement> {
    match crate::host::provider(host) {
        Ok(provider) if provider == *wanted => None,
        Ok(provider) => {
            let (wanted, provider) = (wanted.title(), provider.title());
            Some(Judgement::not_applicable(format!(
                "with {wanted} alone, and this is {provider}"
            )))
        }
        Err(_) => Some(Judgement::not_seen("there is no provider yet")),
    }
}
