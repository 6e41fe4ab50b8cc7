//! What a restoration will do, for people who decide about it.

use std::fmt::Write as _;

use crate::restore::{Loss, Preview};
use crate::ui::moment::long;
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
    row("lost", &lost(preview));
    row(
        "members",
        &format!("{}: stopped, restored and started", list(&preview.members)),
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
    row("revisions", &revisions(preview));
    text
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

fn lost(preview: &Preview) -> String {
    let since = match (preview.age, &preview.survivor) {
        (Some(age), None) => format!("of the last {}", long(age)),
        (None, None) => "since the backup".to_owned(),
        (_, Some(member)) => format!("that {member} had not received"),
    };
    match preview.loss {
        Loss::Unknown => format!("all changes {since}: how many is unknown"),
        Loss::NothingSeen => format!("changes {since}; none is known: no later revision was seen"),
        Loss::Revisions { from, to } => {
            let count = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
            let revisions = if from == to {
                format!("revision {from}")
            } else {
                format!("revisions {from} to {to} ({})", many(count, "change"))
            };
            format!("{revisions} or more: the changes {since}")
        }
        Loss::All { at } => {
            format!("all that the cluster holds now, at revision {at}: it has another history")
        }
    }
}

fn revisions(preview: &Preview) -> String {
    match preview.bump {
        Some(bump) => format!(
            "continue at {}; all before are marked as compacted, for watchers",
            preview.revision + bump
        ),
        None => format!(
            "go back to {}: etcd {} cannot raise them, so restart clients that watch",
            preview.revision, preview.version
        ),
    }
}
