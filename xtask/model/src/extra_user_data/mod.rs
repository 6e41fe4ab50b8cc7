//! The author's own cloud-config, named by `machine.user_data`, which is merged into the rendered user-data.

mod merge;
mod parse;

use std::ops::Range;
use std::sync::Arc;

use serde_yaml::Value;

use crate::definition::Definition;
use crate::plan::Plan;
use crate::render::quote::yaml;
use crate::report::{Diagnostic, Source};

/// A cloud-config of the author, parsed.
#[derive(Debug)]
pub struct ExtraUserData {
    /// The file and its text, for messages that point into it.
    pub source: Arc<Source>,
    /// The entries of its mapping, in the file's order.
    entries: Vec<Entry>,
}

/// A key and its value.
type Entry = (Node, Node);

/// A value in the file.
#[derive(Debug)]
struct Node {
    /// Where it is (byte offsets).
    span: Range<usize>,
    kind: NodeKind,
}

#[derive(Debug)]
enum NodeKind {
    /// A scalar without quotes, whose type is up to its reader: YAML 1.1 reads `0644` and `yes` differently
    /// from YAML 1.2.
    Plain(String),
    /// A scalar in quotes or in a block, which is a text for every reader.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

impl Node {
    fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Plain(text) | NodeKind::Text(text) => Some(text),
            NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    fn items(&self) -> &[Self] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// The value as it is rendered.
    fn value(&self) -> Value {
        match &self.kind {
            NodeKind::Plain(text) if text.is_empty() => Value::Null,
            // In the first column, a mark of documents.
            NodeKind::Plain(text) if text.starts_with("---") || text.starts_with("...") => {
                text.as_str().into()
            }
            NodeKind::Plain(text) if yaml::spans_lines(text) => text.as_str().into(),
            NodeKind::Plain(text) => yaml::plain(text),
            NodeKind::Text(text) => text.as_str().into(),
            NodeKind::List(items) => items.iter().map(Self::value).collect(),
            NodeKind::Map(entries) => {
                let pairs = entries
                    .iter()
                    .map(|(key, value)| (key.value(), value.value()));
                Value::Mapping(pairs.collect())
            }
        }
    }
}

impl ExtraUserData {
    /// Merges this into a rendered cloud-config. Returns what collides, and is therefore left out.
    pub(crate) fn merge_into(&self, ours: &mut Value) -> Vec<Collision> {
        merge::merge(ours, &self.entries)
    }
}

/// Something that cannot be merged, and why.
#[derive(Debug)]
pub(crate) struct Collision {
    span: Range<usize>,
    message: String,
    note: String,
    hint: String,
}

/// Reads the file that `machine.user_data` names into the definition. Returns what is wrong with it.
///
/// What collides is only known if the definition has no errors otherwise.
pub fn read(definition: &mut Definition, source: &Arc<Source>, is_valid: bool) -> Vec<Diagnostic> {
    let entries = match parse::parse(source) {
        Ok(entries) => entries,
        Err(diagnostics) => return diagnostics,
    };
    let mut diagnostics = Vec::new();
    let source = Arc::clone(source);
    let extra = ExtraUserData { source, entries };
    if is_valid {
        let plan = Plan::new(definition);
        let mut ours = (plan.machine.profile.cloud_config)(&plan);
        let collisions = extra.merge_into(&mut ours);
        diagnostics.extend(collisions.into_iter().map(|collision| {
            let diagnostic = Diagnostic::error(collision.message)
                .at(&extra.source, collision.span, "")
                .note(collision.note)
                .hint(collision.hint);
            match definition.machine.user_data.span() {
                Some(span) => diagnostic.and_at(&definition.source, span, "merged here"),
                None => diagnostic,
            }
        }));
    }
    definition.extra_user_data = Some(Arc::new(extra));
    diagnostics
}
