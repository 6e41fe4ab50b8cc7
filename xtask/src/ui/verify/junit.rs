//! `verify --format junit`: one test case per check, for the test reports of CI systems.
//!
//! A failed check is a failure. A check that was skipped or does not apply is skipped. A warning
//! passes, with its text in `system-out`.

use std::fmt::Write;

use super::verdict_name;
use crate::check::{ClusterReport, Finding};
use crate::judgement::{Judged, Verdict};
use crate::plan::Plan;

/// Renders a report as one test suite.
pub fn render(plan: &Plan, report: &ClusterReport) -> String {
    let failures = report.names(&[Verdict::NotYet, Verdict::Fail]).len();
    let skipped = report
        .names(&[Verdict::Skipped, Verdict::NotApplicable])
        .len();
    let tests = report.checks.len();
    let name = attribute(&format!("verify {}", plan.name));
    let counts =
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites name=\"{name}\" {counts}>");
    let _ = writeln!(text, "  <testsuite name=\"{name}\" {counts}>");
    for checked in &report.checks {
        test_case(&mut text, &name, checked);
    }
    let _ = writeln!(
        text,
        "    <system-out>{}</system-out>",
        escaped(&report.summary(plan))
    );
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn test_case(text: &mut String, class: &str, checked: &Judged<Finding>) {
    let name = attribute(&format!("{}: {}", checked.name, checked.title));
    let judgement = &checked.judgement;
    let evidence = attribute(&judgement.evidence());
    let details = escaped(&details(&judgement.findings));
    let _ = writeln!(text, "    <testcase classname=\"{class}\" name=\"{name}\">");
    match judgement.verdict {
        Verdict::Pass | Verdict::Warn => {
            let _ = writeln!(
                text,
                "      <system-out>{evidence}{}</system-out>",
                after(&details)
            );
        }
        Verdict::Skipped | Verdict::NotApplicable => {
            let _ = writeln!(text, "      <skipped message=\"{evidence}\"/>");
            if !details.is_empty() {
                let _ = writeln!(text, "      <system-out>{details}</system-out>");
            }
        }
        Verdict::NotYet | Verdict::Fail => {
            let kind = verdict_name(judgement.verdict);
            let _ = writeln!(
                text,
                "      <failure type=\"{kind}\" message=\"{evidence}\">{details}</failure>"
            );
        }
    }
    text.push_str("    </testcase>\n");
}

fn after(details: &str) -> String {
    if details.is_empty() {
        String::new()
    } else {
        format!("\n{details}")
    }
}

fn details(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| {
        let member = finding.member();
        let about = member
            .map(|member| format!("{member} "))
            .unwrap_or_default();
        let hint = finding.hint.as_ref();
        let hint = hint.map(|hint| format!("\nhint: {hint}"));
        format!("{about}{}{}", finding.text, hint.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Escapes text for an attribute, where a reader would turn line breaks into spaces.
fn attribute(text: &str) -> String {
    escaped(text).replace('\t', "&#9;").replace('\n', "&#10;")
}

/// Escapes text for XML 1.0. Characters that XML cannot represent are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
