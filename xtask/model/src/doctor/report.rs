use super::{CHECKS, Verdict};
use crate::host::{Host, Provider, provider, virtualization};
use crate::judgement::Judged;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome, Severity};
use crate::wording::many;

/// Everything that was found of a host.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each condition with what was found of it, in the order of [`CHECKS`].
    pub checks: Vec<Judged<Diagnostic>>,
    /// What would run the machines, where there is anything.
    pub provider: Option<Provider>,
    /// How QEMU would run them, where it is QEMU that does.
    pub virtualization: Option<crate::values::Virtualization>,
}

/// Judges whether the machines of a plan can run on a host.
pub fn judge(plan: &Plan, host: &Host) -> Report {
    let checks = CHECKS.iter().map(|check| Judged {
        name: check.name,
        title: check.title,
        judgement: (check.judge)(plan, host),
    });
    let provider = provider(host).ok();
    let is_libvirt = provider == Some(Provider::Libvirt);
    let choice = virtualization::choose(plan.machine.virtualization, host);
    Report {
        checks: checks.collect(),
        provider,
        virtualization: choice
            .ok()
            .filter(|_| is_libvirt)
            .map(|choice| choice.virtualization),
    }
}

impl Report {
    /// Whether Vagrant can run the machines here.
    pub fn is_usable(&self) -> bool {
        let mut judgements = self.checks.iter().map(|checked| &checked.judgement);
        judgements.all(|judgement| judgement.verdict != Verdict::Fail)
    }

    /// Everything that is wrong or worth knowing: errors first, each kind in the order of [`CHECKS`].
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<Diagnostic> = self.findings().cloned().collect();
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
        diagnostics
    }

    /// The warnings, for whoever goes on.
    ///
    /// # Errors
    /// Everything that was found, where machines cannot run here.
    pub fn outcome(&self) -> Outcome<Vec<Diagnostic>> {
        let diagnostics = self.diagnostics();
        if self.is_usable() {
            Ok(diagnostics)
        } else {
            Err(Failure {
                kind: FailureKind::Host,
                diagnostics,
            })
        }
    }

    /// How many errors, or warnings, there are.
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.findings();
        findings
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    fn findings(&self) -> impl Iterator<Item = &Diagnostic> {
        let checks = self.checks.iter();
        checks.flat_map(|checked| &checked.judgement.findings)
    }

    /// One line: whether machines can run here, and by what.
    pub fn summary(&self, plan: &Plan) -> String {
        let name = &plan.name;
        let warnings = match self.count(Severity::Warning) {
            0 => String::new(),
            count => format!(", with {}", many(count, "warning")),
        };
        if !self.is_usable() {
            return format!("{name} cannot run on virtual machines here");
        }
        match (&self.provider, self.virtualization) {
            (Some(provider), Some(virtualization)) => {
                let by = format!("{} with {}", provider.title(), virtualization.title());
                format!("{name} can run on virtual machines, by {by}{warnings}")
            }
            (Some(provider), None) => {
                let provider = provider.title();
                format!("{name} can run on virtual machines, by {provider}{warnings}")
            }
            (None, _) => format!("{name} can run on virtual machines{warnings}"),
        }
    }
}
