//! Rules that a definition can break although each of its values is valid: one file per rule, and one line in
//! [`RULES`] or [`RULES_ACROSS`].

mod channel;
mod checksum;
mod compaction;
mod corruption;
mod counted_addresses;
mod docker_bridge;
mod duplicate_address;
mod duplicate_name;
mod election_timeout;
mod flags;
mod fleet;
mod forwarded_ports;
mod hexadecimal_name;
mod image_version;
mod member_address;
mod member_count;
mod member_name;
mod package_version;
mod ports;
mod public_subnet;
mod quota;
mod runtime;
mod shared_addresses;
mod shared_folders;
mod tls;
mod unmaintained;
mod unsafe_flags;
mod version;
mod without_effect;

use std::ops::Range;

pub(crate) use member_count::MOST as MOST_MEMBERS;
pub(super) use member_count::too_many as too_many_members;

use super::Definition;
use crate::report::Diagnostic;

/// Every rule that concerns one definition.
pub static RULES: &[&Rule] = &[
    &member_count::RULE,
    &member_name::RULE,
    &hexadecimal_name::RULE,
    &member_address::RULE,
    &duplicate_name::RULE,
    &duplicate_address::RULE,
    &counted_addresses::RULE,
    &docker_bridge::RULE,
    &public_subnet::RULE,
    &channel::RULE,
    &image_version::RULE,
    &forwarded_ports::RULE,
    &shared_folders::RULE,
    &version::RULE,
    &corruption::RULE,
    &unmaintained::RULE,
    &runtime::RULE,
    &package_version::RULE,
    &checksum::RULE,
    &ports::RULE,
    &election_timeout::RULE,
    &compaction::RULE,
    &quota::RULE,
    &flags::RULE,
    &unsafe_flags::RULE,
    &fleet::RULE,
    &tls::RULE,
    &without_effect::RULE,
];

/// Every rule that concerns several definitions.
pub static RULES_ACROSS: &[&RuleAcross] = &[&shared_addresses::RULE];

/// A rule that concerns one definition.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which is also its file's and its golden file's.
    pub name: &'static str,
    /// Adds what is wrong. Values that could not be read are not judged.
    pub judge: fn(&Definition, &mut Vec<Diagnostic>),
}

/// A rule that concerns several definitions.
#[derive(Debug)]
pub struct RuleAcross {
    /// Its name, which is also its file's and its golden file's.
    pub name: &'static str,
    /// Adds what is wrong.
    pub judge: fn(&[Definition], &mut Vec<Diagnostic>),
}

/// Points at the first of these places that the author wrote, and at the others as related. Defaults have no
/// place.
fn at(
    definition: &Definition,
    mut diagnostic: Diagnostic,
    places: &[(Option<Range<usize>>, &str)],
) -> Diagnostic {
    for (span, label) in places {
        let Some(span) = span.clone() else { continue };
        diagnostic = if diagnostic.place.is_none() {
            diagnostic.at(&definition.source, span, *label)
        } else {
            diagnostic.and_at(&definition.source, span, *label)
        };
    }
    if diagnostic.place.is_none() {
        let path = &definition.source.path;
        diagnostic = diagnostic.note(format!("this concerns `{path}` and its default values"));
    }
    diagnostic
}
