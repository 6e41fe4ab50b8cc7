//! What a restoration will do, for people who decide about it.

use std::fmt::Write as _;

use crate::moment::long;
use crate::restore::{Loss, Preview};
use crate::ui::table::{number, size};
use crate::wording::{list, many};

/// Renders the preview, a line for each thing.
pub fn preview(preview: &Preview) -> String {
    let mut text = format!("restore cluster `{}`\n", preview.cluster);
    let mut row = |what: &str, is: &str| {
        let _ = writeln!(text, "  {what:<10}{is}");
    };
    row("from", &from(preview));
    row("holds", &holds(preview));
    rows(&mut row, "lost", &lost(preview));
    row(
        "members",
        &format!("{}: stopped, restored and started", members(preview)),
    );
    if !preview.left_out.is_empty() {
        row(
            "without",
            &format!(
                "{}: the old data stays, under the old identity",
                list(&preview.left_out)
            ),
        );
    }
    row(
        "old data",
        "moved aside, beside the new data; nothing is deleted",
    );
    rows(&mut row, "revisions", &revisions(preview));
    text
}

fn rows(row: &mut impl FnMut(&str, &str), what: &str, lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        row(if number == 0 { what } else { "" }, line);
    }
}

/// Facts that speak against the restoration, or that somebody must know.
pub fn warnings(preview: &Preview) -> Vec<String> {
    let mut warnings = Vec::new();
    let cluster = preview.cluster.as_str();
    if let Some(manifest) = &preview.manifest
        && manifest.cluster != cluster
    {
        let other = manifest.cluster.escape_debug();
        warnings.push(format!("this is a backup of another cluster, `{other}`"));
    }
    if preview.survivor.is_some() && preview.has_quorum {
        warnings.push("the cluster has a quorum, so nothing is lost yet".to_owned());
    } else if preview.survivor.is_some() && preview.can_start {
        warnings.push(format!(
            "a majority has its data: `cargo xtask up {cluster}` may start it without a loss"
        ));
    }
    for member in &preview.undefined {
        warnings.push(format!(
            "member `{member}` is not defined: it keeps its data, and must not run beside the restored ones"
        ));
    }
    warnings
}

fn members(preview: &Preview) -> String {
    match preview.members.len() {
        // More do not fit the line.
        4.. => many(preview.members.len(), "member"),
        _ => list(&preview.members),
    }
}

fn from(preview: &Preview) -> String {
    let file = preview.file.file_name().unwrap_or(preview.file.as_str());
    let age = preview.age.map(long);
    match (&preview.survivor, age) {
        (Some(member), _) => format!("{member}, whose data was just saved as {file}"),
        (None, Some(age)) => format!("{file}, taken {age} ago"),
        (None, None) => format!("{file}, taken at an unknown time"),
    }
}

fn holds(preview: &Preview) -> String {
    let revision = format!("revision {}", preview.revision);
    let Some(manifest) = &preview.manifest else {
        return format!("{revision}; it has no manifest, so only its checksum was verified");
    };
    let proven = match (manifest.proven.is_some(), manifest.quorum) {
        (true, true) => "proven",
        (true, false) => "proven, taken without a quorum",
        (false, true) => "not proven",
        (false, false) => "taken without a quorum",
    };
    let keys = match manifest.keys {
        Some(1) => "1 key".to_owned(),
        keys => format!("{} keys", number(keys)),
    };
    format!(
        "{revision}, {keys}, {}, {proven}",
        size(Some(manifest.size))
    )
}

/// What is lost, in up to three lines.
fn lost(preview: &Preview) -> Vec<String> {
    let since = match (preview.age, &preview.survivor) {
        (Some(age), None) => format!("in the last {}", long(age)),
        (None, None) => "since the backup".to_owned(),
        (_, Some(member)) => format!("that {member} had not received"),
    };
    let mut lines = match preview.loss {
        Loss::Unknown => vec![format!("all changes {since}: how many is unknown")],
        Loss::NothingSeen => vec![
            format!("changes {since};"),
            "none is known: no later revision was seen".to_owned(),
        ],
        Loss::Revisions { from, to, changes } => {
            let changes = usize::try_from(changes).unwrap_or(usize::MAX);
            vec![
                format!("at least {} {since}:", many(changes, "change")),
                if from == to {
                    format!("revision {from}")
                } else {
                    format!("revisions {from} to {to}")
                },
            ]
        }
        Loss::All { at } => vec![
            format!("all that the cluster holds now, at revision {at}:"),
            "it has another history, or lost its data".to_owned(),
        ],
    };
    // etcd notes only with the next entry of its log that one is committed, and drops the rest.
    if preview.survivor.is_some() {
        lines.push("if it was killed, perhaps its last write, too".to_owned());
    }
    lines
}

fn revisions(preview: &Preview) -> Vec<String> {
    match preview.bump {
        Some(bump) => vec![format!(
            "continue at {}; all earlier ones count as compacted",
            preview.revision + bump
        )],
        None => vec![
            format!(
                "go back to {}, because etcd {} cannot raise them:",
                preview.revision, preview.version
            ),
            "restart the clients that watch keys".to_owned(),
        ],
    }
}
