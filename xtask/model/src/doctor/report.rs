use super::{CHECKS, Verdict};
use crate::host::{Host, Provider, provider, virtualization};
use crate::judgement::Judged;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome, Severity};
use crate::wording::many;

/// What all checks found on a host.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// Each check with its judgement, in the order of [`CHECKS`].
    pub checks: Vec<Judged<Diagnostic>>,
    /// The provider that would run the machines, if one is usable.
    pub provider: Option<Provider>,
    /// How QEMU would run them, if the provider is libvirt.
    pub virtualization: Option<crate::values::Virtualization>,
}

/// Judges whether the machines of a plan can run on a host.
pub fn judge(plan: &Plan, host: &Host) -> HostReport {
    let checks = CHECKS.iter().map(|check| Judged {
        name: check.name,
        title: check.title,
        judgement: (check.judge)(plan, host),
    });
    let provider = provider(host).ok();
    let is_libvirt = provider == Some(Provider::Libvirt);
    let choice = virtualization::choose(plan.machine.virtualization, host);
    HostReport {
        checks: checks.collect(),
        provider,
        virtualization: choice
            .ok()
            .filter(|_| is_libvirt)
            .map(|choice| choice.virtualization),
    }
}

impl HostReport {
    /// Whether Vagrant can run the machines here.
    pub fn is_usable(&self) -> bool {
        let mut judgements = self.checks.iter().map(|checked| &checked.judgement);
        judgements.all(|judgement| judgement.verdict != Verdict::Fail)
    }

    /// All findings: errors first, then warnings, each in the order of [`CHECKS`].
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<Diagnostic> = self.findings().cloned().collect();
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
        diagnostics
    }

    /// The warnings, for a caller that continues.
    ///
    /// # Errors
    /// All findings, if machines cannot run here.
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

    /// The number of errors or of warnings.
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

    /// One line: whether machines can run here, and with what.
    pub fn summary(&self, plan: &Plan) -> String {
        let name = &plan.name;
        let warnings = match self.count(Severity::Warning) {
            0 => String::new(),
            count => format!(" ({})", many(count, "warning")),
        };
        if !self.is_usable() {
            return format!("{name} cannot run on virtual machines here");
        }
        match (&self.provider, self.virtualization) {
            (Some(provider), Some(virtualization)) => {
                let with = format!("{} and {}", provider.title(), virtualization.title());
                format!("{name} can run on virtual machines with {with}{warnings}")
            }
            (Some(Provider::Other(other)), _) => {
                format!("{name} may run on virtual machines with {other}: not checked{warnings}")
            }
            (Some(provider), None) => {
                let provider = provider.title();
                format!("{name} can run on virtual machines with {provider}{warnings}")
            }
            (None, _) => format!("{name} can run on virtual machines{warnings}"),
        }
    }
}
