//! `doctor --format json`: one object, stable within its `format`.
//!
//! Fields may be added without a new format. Existing fields are not removed and keep their
//! meaning.

use serde::Serialize;

use crate::doctor::HostReport;
use crate::host::Provider;
use crate::judgement::{Judged, Verdict};
use crate::plan::Plan;
use crate::report::{Diagnostic, Severity};
use crate::ui::json;
use crate::values::Virtualization;

/// The number of this format.
pub const FORMAT: u32 = 1;

/// Renders a report as indented JSON, with a newline at the end.
pub fn render(plan: &Plan, report: &HostReport, exit_status: u8) -> String {
    let document = Document {
        format: FORMAT,
        cluster: plan.name.as_str(),
        usable: report.is_usable(),
        exit_status,
        summary: report.summary(plan),
        provider: report.provider.as_ref().map(Provider::as_str),
        virtualization: report.virtualization.map(Virtualization::as_str),
        findings: report.checks.iter().map(FindingJson::of).collect(),
    };
    json(&document)
}

/// A verdict's name in machine-readable output.
const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "ok",
        Verdict::NotApplicable => "not-applicable",
        Verdict::Skipped => "skipped",
        Verdict::Warn => "warning",
        Verdict::NotYet | Verdict::Fail => "error",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    cluster: &'a str,
    usable: bool,
    exit_status: u8,
    summary: String,
    provider: Option<&'a str>,
    virtualization: Option<&'static str>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    name: &'static str,
    title: &'static str,
    verdict: &'static str,
    evidence: String,
    diagnostics: Vec<AdviceJson<'a>>,
}

#[derive(Serialize)]
struct AdviceJson<'a> {
    severity: &'static str,
    message: &'a str,
    notes: &'a [String],
    hints: Vec<String>,
}

impl<'a> FindingJson<'a> {
    fn of(checked: &'a Judged<Diagnostic>) -> Self {
        let judgement = &checked.judgement;
        Self {
            name: checked.name,
            title: checked.title,
            verdict: verdict_name(judgement.verdict),
            evidence: judgement.evidence(),
            diagnostics: judgement.findings.iter().map(AdviceJson::of).collect(),
        }
    }
}

impl<'a> AdviceJson<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &diagnostic.message,
            notes: &diagnostic.notes,
            hints: diagnostic.hints.iter().map(ToString::to_string).collect(),
        }
    }
}
