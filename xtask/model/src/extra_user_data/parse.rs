//! Parses the author's cloud-config with all places and the styles of scalars, which `serde_yaml` does not tell.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_yaml::Value;

use super::{Entry, Node, NodeKind};
use crate::render::quote::yaml;
use crate::report::{Diagnostic, Source};

/// No cloud-config is nested deeper.
const MOST_LEVELS: usize = 32;

/// libyaml reads no longer keys.
const LONGEST_KEY: usize = 1000;

/// The entries of the file's mapping, or what is wrong with it.
pub(super) fn parse(source: &Arc<Source>) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let text = &source.text;
    let first = text.lines().next().unwrap_or_default();
    if text.starts_with('\u{feff}') {
        let diagnostic = Diagnostic::error("the file begins with a byte order mark")
            .at(source, 0..first.len(), "")
            .note("not every reader of a cloud-config accepts it")
            .hint("save the file as UTF-8 without a byte order mark");
        return Err(vec![diagnostic]);
    }
    if first.trim_end() != "#cloud-config" {
        let diagnostic = Diagnostic::error("the file does not begin with `#cloud-config`")
            .at(source, 0..first.len(), "")
            .note("only a cloud-config can be merged into the machines' user-data")
            .hint("write `#cloud-config` as its first line");
        return Err(vec![diagnostic]);
    }
    let mut tree = Tree {
        source,
        lines: line_starts(text),
        open: Vec::new(),
        root: None,
        diagnostics: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => tree.add_event(event, span),
            Err(error) => {
                let at = tree.offset(error.marker());
                tree.error(format!("invalid YAML: {}", error.info()), at..at, "");
            }
        }
        // Nothing after an error is certain.
        if !tree.diagnostics.is_empty() {
            return Err(tree.diagnostics);
        }
    }
    let root = tree.root.take();
    let place = root
        .as_ref()
        .map_or(0..first.len(), |root| root.span.clone());
    tree.compare(root.as_ref());
    match root.map(|root| root.kind) {
        Some(NodeKind::Map(entries)) if tree.diagnostics.is_empty() => return Ok(entries),
        Some(NodeKind::Map(_)) => {}
        _ => {
            let hint = "write keys and values, as in `packages: [htop]`";
            tree.error("the file is not a mapping".to_owned(), place, hint);
        }
    }
    Err(tree.diagnostics)
}

struct Tree<'a> {
    source: &'a Arc<Source>,
    /// The byte offset of each line's start.
    lines: Vec<usize>,
    open: Vec<Open>,
    root: Option<Node>,
    diagnostics: Vec<Diagnostic>,
}

/// A collection that has not ended.
struct Open {
    start: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        keys: BTreeMap<String, Range<usize>>,
        /// The key whose value is next.
        key: Option<Node>,
    },
}

impl Tree<'_> {
    fn add_event(&mut self, event: Event<'_>, span: Span) {
        let span = self.span(span);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let hint = "write everything into the first";
                self.error("the file has a second YAML document".to_owned(), span, hint);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let kind = match style {
                    ScalarStyle::Plain => NodeKind::Plain(text.into_owned()),
                    _ if is_block && self.is_unended(&span) => {
                        NodeKind::Text(text.strip_suffix('\n').unwrap_or(&text).to_owned())
                    }
                    _ => NodeKind::Text(text.into_owned()),
                };
                self.add(Node { span, kind });
            }
            Event::Alias(_) => self.refuse_properties(1, false, &span),
            Event::SequenceStart(anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                self.start(&span, OpenContent::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                let (entries, keys) = (Vec::new(), BTreeMap::new());
                self.start(
                    &span,
                    OpenContent::Map {
                        entries,
                        keys,
                        key: None,
                    },
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&span),
            _ => {}
        }
    }

    /// Whether a block ends with the file, and the file without a line break. The parser adds one.
    fn is_unended(&self, block: &Range<usize>) -> bool {
        let text = &self.source.text;
        block.end == text.len() && !text.ends_with('\n')
    }

    /// Refuses what would be lost, or read differently, after rendering.
    fn refuse_properties(&mut self, anchor: usize, has_tag: bool, span: &Range<usize>) {
        if anchor > 0 {
            let message = "YAML anchors and aliases are not supported here".to_owned();
            self.error(message, span.clone(), "write the value out at each place");
        }
        if has_tag {
            let message = "YAML tags are not supported here".to_owned();
            self.error(message, span.clone(), "write the value without a tag");
        }
    }

    fn start(&mut self, span: &Range<usize>, content: OpenContent) {
        if self.open.len() >= MOST_LEVELS {
            let message = "the YAML is nested too deeply".to_owned();
            self.error(message, span.clone(), "");
        }
        let start = span.start;
        self.open.push(Open { start, content });
    }

    fn end(&mut self, span: &Range<usize>) {
        if let Some(Open { start, content }) = self.open.pop() {
            let kind = match content {
                OpenContent::List(items) => NodeKind::List(items),
                OpenContent::Map { entries, .. } => NodeKind::Map(entries),
            };
            let span = start..span.end.max(start);
            self.add(Node { span, kind });
        }
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Map { entries, keys, key }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let refused = refused_key(self.source, keys, &node);
                    self.diagnostics.extend(refused);
                    *key = Some(node);
                }
            },
        }
    }

    /// Refuses what libyaml reads differently: cloud-init and coreos-cloudinit have relatives of it.
    fn compare(&mut self, root: Option<&Node>) {
        match serde_yaml::from_str::<Value>(&self.source.text) {
            Ok(read) => {
                if let Some(node) = root.and_then(|root| differing(root, &read)) {
                    let message = "readers of YAML disagree on this value".to_owned();
                    self.error(message, node.span.clone(), "write it in double quotes");
                }
            }
            Err(error) => {
                let at = error.location().map_or(0, |location| {
                    let column = location.column().saturating_sub(1);
                    self.offset(&Marker::new(location.index(), location.line(), column))
                });
                // Its place is part of the text.
                let text = error.to_string();
                let fact = text.split(" at line ").next().unwrap_or_default();
                self.error(format!("invalid YAML: {fact}"), at..at, "");
            }
        }
    }

    fn span(&self, span: Span) -> Range<usize> {
        let start = self.offset(&span.start);
        start..self.offset(&span.end).max(start)
    }

    /// The byte offset of a place. The parser's own offsets count some comments in bytes, others in characters.
    fn offset(&self, marker: &Marker) -> usize {
        let line = marker.line().saturating_sub(1);
        let start = self.lines.get(line).copied();
        let start = start.unwrap_or(self.source.text.len());
        let rest = self.source.text.get(start..).unwrap_or_default();
        let line = rest.split(['\r', '\n']).next().unwrap_or_default();
        let column = line.char_indices().nth(marker.col());
        start + column.map_or(line.len(), |(at, _)| at)
    }

    fn error(&mut self, message: String, span: Range<usize>, hint: &str) {
        let diagnostic = Diagnostic::error(message).at(self.source, span, "");
        self.diagnostics.push(if hint.is_empty() {
            diagnostic
        } else {
            diagnostic.hint(hint)
        });
    }
}

/// The first part that was read as another value.
fn differing<'a>(node: &'a Node, read: &Value) -> Option<&'a Node> {
    let differs = match (&node.kind, read) {
        // What this stands for is up to its reader.
        (NodeKind::Plain(text), Value::Null | Value::Bool(_) | Value::Number(_)) => {
            yaml::spans_lines(text)
        }
        (NodeKind::Plain(text) | NodeKind::Text(text), Value::String(read)) => text != read,
        (NodeKind::List(items), Value::Sequence(read)) if items.len() == read.len() => {
            let mut pairs = items.iter().zip(read);
            return pairs.find_map(|(item, read)| differing(item, read));
        }
        (NodeKind::Map(entries), Value::Mapping(read)) if entries.len() == read.len() => {
            let mut pairs = entries.iter().zip(read);
            return pairs.find_map(|((key, value), (read_key, read_value))| {
                differing(key, read_key).or_else(|| differing(value, read_value))
            });
        }
        _ => true,
    };
    differs.then_some(node)
}

/// Why a key is refused, if it is; otherwise remembers it.
fn refused_key(
    source: &Arc<Source>,
    keys: &mut BTreeMap<String, Range<usize>>,
    key: &Node,
) -> Option<Diagnostic> {
    let error = |message: String, label: &str| {
        Diagnostic::error(message).at(source, key.span.clone(), label)
    };
    let Some(text) = key.text() else {
        return Some(error("a key is not a text".to_owned(), ""));
    };
    if text.len() > LONGEST_KEY || yaml::spans_lines(text) {
        let message = format!("a key is longer than a line or {LONGEST_KEY} bytes");
        return Some(error(message, ""));
    }
    if matches!(&key.kind, NodeKind::Plain(text) if text == "<<") {
        let message = "YAML merge keys are not supported here".to_owned();
        return Some(error(message, "").hint("write the keys out at each place"));
    }
    let first = keys.insert(text.to_owned(), key.span.clone())?;
    let message = format!("the key `{}` is defined twice", text.escape_debug());
    let twice = error(message, "again here").and_at(source, first, "first here");
    Some(twice.hint("keep one of them"))
}

/// The byte offset of each line's start, for the line breaks that the parser counts.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let breaks = bytes
        .iter()
        .enumerate()
        .filter(|&(at, &byte)| byte == b'\n' || byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0)
        .chain(breaks.map(|(at, _)| at + 1))
        .collect()
}
