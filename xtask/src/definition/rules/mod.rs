//! What makes a definition wrong although each of its values is right: one file a rule, and one
//! line in [`RULES`] or [`RULES_ACROSS`].

use super::Definition;
use crate::report::Diagnostic;

/// Every rule that concerns one definition.
pub static RULES: &[&Rule] = &[];

/// Every rule that concerns several definitions.
pub static RULES_ACROSS: &[&RuleAcross] = &[];

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
