//! What `verify` prints: for people, for programs, for test reports. Pure functions from what was seen
//! and judged to text.

pub mod explain;
pub mod json;
pub mod junit;
pub mod table;

use crate::judgement::Verdict;

/// A verdict's name in machine-readable output.
const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "not-applicable",
        Verdict::Warn => "warn",
        Verdict::Skipped => "skipped",
        Verdict::NotYet => "not-yet",
        Verdict::Fail => "fail",
    }
}

/// Text from elsewhere, fit to be shown: what would move the cursor or break a line is escaped.
pub(in crate::ui) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_bidi_control(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that reorder the text around them.
const fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
