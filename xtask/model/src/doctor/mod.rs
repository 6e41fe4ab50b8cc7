//! The checks of a host: whether the plan's machines can run on it. One file each, and one line in
//! [`CHECKS`].

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

pub use report::{HostReport, judge};

use std::fmt::Display;

use crate::command_line::task;
use crate::host::{Host, Provider};
use crate::judgement::Verdict;
use crate::plan::Plan;
use crate::report::{Diagnostic, Severity};
use crate::values::HostName;
use crate::wording::{list, many};

/// All checks, in the order of the report.
pub static CHECKS: &[&HostCheck] = &[
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
pub struct HostCheck {
    /// A stable name, part of the program's interface.
    pub name: &'static str,
    /// A phrase that is true of a host that is ready.
    pub title: &'static str,
    /// Must not pass if it could not look.
    pub judge: fn(&Plan, &Host) -> Judgement,
}

/// The judgement of a check of a host.
pub type Judgement = crate::judgement::Judgement<Diagnostic>;

impl Judgement {
    fn not_seen(why: impl Display) -> Self {
        let mut judgement = Self::new(Verdict::Skipped, "", None);
        judgement.add_unseen(&format!("not checked: {why}"));
        judgement
    }

    /// A judgement from these diagnostics; without any, it passes.
    fn of(seen: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Self {
        let severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
        let verdicts = severities.map(|severity| match severity {
            Severity::Error => Verdict::Fail,
            Severity::Warning => Verdict::Warn,
        });
        Self::new(verdicts.max().unwrap_or(Verdict::Pass), seen, diagnostics)
    }

    /// The same judgement, of which a part could not be checked. A warning stays a warning.
    fn except(mut self, why: &str) -> Self {
        if matches!(self.verdict, Verdict::Pass | Verdict::NotApplicable) {
            self.verdict = Verdict::Skipped;
        }
        self.add_unseen(&format!("not checked: {why}"));
        self
    }
}

/// The members whose machines do not run yet, so that this host must still provide for them.
fn to_start<'a>(plan: &'a Plan, host: &Host) -> Vec<&'a HostName> {
    let names = plan.members.iter().map(|member| &member.name);
    names.filter(|member| !host.runs(member)).collect()
}

/// Whether this provider would run the machines.
fn is_run_by(host: &Host, wanted: &Provider) -> bool {
    crate::host::provider(host).as_ref() == Ok(wanted)
}

/// The judgement of a check that applies only to `wanted`, if another provider runs the machines.
fn concerns_only(host: &Host, wanted: &Provider) -> Option<Judgement> {
    match crate::host::provider(host) {
        Ok(provider) if provider == *wanted => None,
        Ok(provider) => {
            let (wanted, provider) = (wanted.title(), provider.title());
            Some(Judgement::not_applicable(format!(
                "only with {wanted}; this is {provider}"
            )))
        }
        Err(_) => Some(Judgement::not_seen("no provider is usable yet")),
    }
}
