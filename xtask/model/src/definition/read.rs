//! Reads a definition: every known key, and everything that is wrong, in one pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::de::DeTable;

use super::Definition;
use super::keys::{SECTION, keys};
use super::reader::{Found, Reader, in_order};
use super::rules::RULES;
use super::setting::Setting;
use super::syntax::{SyntaxError, parse, without_lost_lines};
use crate::profile::Runtime;
use crate::report::{Diagnostic, Source};
use crate::values::{ClusterName, Compaction};

/// Reads a definition and applies every rule that concerns only this definition.
///
/// The definition can be used if none of the diagnostics is an error. They are sorted by their places in the
/// file.
pub fn read(name: ClusterName, source: Arc<Source>) -> (Definition, Vec<Diagnostic>) {
    let (document, mut syntax) = parse(&source.text);
    let blanked = without_lost_lines(&source.text, &mut syntax);
    let document = match &blanked {
        None => document,
        Some(text) => {
            let (document, others) = parse(text);
            syntax.extend(others);
            document
        }
    };
    let mut definition = Definition::with_defaults(name, Arc::clone(&source));
    let mut reader = Reader {
        source: &source,
        syntax,
        diagnostics: Vec::new(),
        syntax_diagnostics: Vec::new(),
    };
    read_table(&mut definition, &mut reader, "", document.get_ref());
    let Reader {
        syntax,
        mut diagnostics,
        syntax_diagnostics,
        ..
    } = reader;
    if syntax.is_empty() {
        settle_defaults(&mut definition);
        for rule in RULES {
            (rule.judge)(&definition, &mut diagnostics);
        }
    } else {
        // The text that the parser could not read may be the very key that a diagnostic misses.
        keep_the_certain(&source, &syntax, &mut diagnostics);
        diagnostics.extend(syntax.iter().map(|error| error.diagnostic(&source)));
    }
    diagnostics.extend(syntax_diagnostics);
    in_file_order(&mut diagnostics);
    (definition, diagnostics)
}

/// Sorts diagnostics by file and place; those without a place come last.
pub fn in_file_order(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        let place = |d: &Diagnostic| {
            d.place
                .as_ref()
                .map(|label| (label.source.path.clone(), label.span.start, label.span.end))
        };
        let (a, b) = (place(a), place(b));
        (a.is_none(), a).cmp(&(b.is_none(), b))
    });
}

fn read_table<'v>(
    definition: &mut Definition,
    reader: &mut Reader<'_>,
    parent: &str,
    table: &'v DeTable<'v>,
) {
    let mut entries = in_order(table);
    // Hints about members name addresses of the network.
    entries.sort_by_key(|(key, _)| parent.is_empty() && key.get_ref() == "members");
    for (key, value) in entries {
        let path = if parent.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{parent}.{}", key.get_ref())
        };
        if let Some(known) = keys().find(|known| known.path == path) {
            let mut found = Found {
                reader,
                path,
                key: key.get_ref().to_string(),
                shape: &known.shape,
                value,
            };
            (known.read)(definition, &mut found);
        } else if is_section(&path) {
            let mut found = Found {
                reader,
                path: path.clone(),
                key: key.get_ref().to_string(),
                shape: &SECTION,
                value,
            };
            if let Some(table) = found.table() {
                read_table(definition, reader, &path, table);
            }
        } else {
            let known = keys_below(parent);
            reader.unknown_key(parent, key.get_ref(), key.span(), &known);
        }
    }
}

/// Whether the path is a table of known keys.
fn is_section(path: &str) -> bool {
    keys().any(|key| {
        key.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The keys and tables that are allowed in a table.
fn keys_below(parent: &str) -> Vec<&'static str> {
    let mut known: Vec<&str> = keys()
        .filter_map(|key| {
            let rest = if parent.is_empty() {
                key.path
            } else {
                key.path.strip_prefix(parent)?.strip_prefix('.')?
            };
            rest.split('.').next()
        })
        .collect();
    known.dedup();
    known
}

/// Fills in the defaults that depend on other keys: the profile decides which etcd runs, and how.
fn settle_defaults(definition: &mut Definition) {
    let profile = definition.machine.profile.clone();
    let etcd = &mut definition.etcd;
    if !etcd.runtime.is_written() {
        etcd.runtime = Setting::default(profile.get().runtimes[0]);
    }
    if !etcd.version.is_written() {
        let packaged = profile
            .get()
            .packaged_etcd
            .filter(|_| *etcd.runtime.get() == Runtime::Package);
        etcd.version = Setting::default(packaged.unwrap_or(profile.get().usual_etcd));
    }
    // Compaction came with etcd 3.0.
    if !etcd.auto_compaction.is_written() && etcd.version.get().is_v2() {
        etcd.auto_compaction = Setting::default(Compaction::Off);
    }
    // If the profile is unknown, so are the defaults that depend on it.
    if profile.known().is_none() {
        let span = profile.span().unwrap_or(0..0);
        if !etcd.runtime.is_written() {
            etcd.runtime.set(span.clone(), None);
        }
        if !etcd.version.is_written() {
            etcd.version.set(span, None);
        }
    }
}

/// Drops diagnostics that may only follow from text that the parser could not read.
fn keep_the_certain(source: &Source, syntax: &[SyntaxError], diagnostics: &mut Vec<Diagnostic>) {
    let text = &source.text;
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|&end| end < at);
    let broken: BTreeSet<usize> = syntax.iter().map(|error| line(error.span.start)).collect();
    let broken_header = syntax
        .iter()
        .filter(|error| error.is_in_header(text))
        .map(|error| error.span.start)
        .min();
    diagnostics.retain(|diagnostic| {
        let Some(place) = &diagnostic.place else {
            return true;
        };
        // Below a broken header, the table of a key is unknown.
        let unsure_table = broken_header.is_some_and(|header| header <= place.span.start);
        !broken.contains(&line(place.span.start)) && !unsure_table
    });
}
