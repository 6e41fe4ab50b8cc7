use super::{FINDINGS, Finding, Found, Verdict};
use crate::host::{Host, Provider, provider, virtualization};
use crate::plan::Plan;
use crate::report::{Diagnostic, Exit, Failure, FailureKind, Outcome, Severity};

/// Everything that was found of a host.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each condition with what was found of it, in the order of [`FINDINGS`].
    pub examined: Vec<Examined>,
    /// What would run the machines, where there is anything.
    pub provider: Option<Provider>,
    /// How QEMU would run them, where it is QEMU that does.
    pub virtualization: Option<crate::values::Virtualization>,
}

/// A condition that was examined.
#[derive(Debug, Clone)]
pub struct Examined {
    /// Which.
    pub finding: &'static Finding,
    /// What was found.
    pub found: Found,
}

/// Examines everything.
pub fn examine(plan: &Plan, host: &Host) -> Report {
    let examined = FINDINGS.iter().map(|&finding| Examined {
        finding,
        found: (finding.examine)(plan, host),
    });
    let provider = provider(host).ok();
    let is_libvirt = provider == Some(Provider::Libvirt);
    let choice = virtualization::choose(plan.machine.virtualization, host);
    Report {
        examined: examined.collect(),
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
        let mut verdicts = self.examined.iter().map(|one| one.found.verdict);
        verdicts.all(|verdict| verdict != Verdict::Error)
    }

    /// The exit status that says so.
    pub fn exit(&self) -> Exit {
        if self.is_usable() {
            Exit::Success
        } else {
            Exit::Host
        }
    }

    /// Everything that is wrong or worth knowing: errors first, each kind in the order of [`FINDINGS`].
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let found = self.examined.iter().map(|one| &one.found);
        let mut diagnostics: Vec<Diagnostic> = found
            .flat_map(|found| found.diagnostics.iter().cloned())
            .collect();
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
        let diagnostics = self.examined.iter().flat_map(|one| &one.found.diagnostics);
        diagnostics
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    /// One line: whether machines can run here, and by what.
    pub fn summary(&self, plan: &Plan) -> String {
        let name = &plan.name;
        let warnings = match self.count(Severity::Warning) {
            0 => String::new(),
            1 => ", with 1 warning".to_owned(),
            count => format!(", with {count} warnings"),
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
