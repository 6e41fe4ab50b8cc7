//! The reports of a cluster's drills: `drill.html` is the latest, `drills/` holds one file per run.

use std::fs;
use std::io;
use std::time::Duration;

use camino::{Utf8DirEntry, Utf8PathBuf};

use crate::atomic;
use crate::moment::utc;
use crate::state::file_time;
use crate::workspace::Home;

/// How many runs are kept. A report of all drills takes about 400 KB.
const KEPT: usize = 20;

/// The latest report.
pub fn latest(home: &Home) -> Utf8PathBuf {
    home.folder().join("drill.html")
}

/// Writes the report of the run that started at this time, since 1970, and removes the oldest ones.
/// Returns its path.
pub fn keep(home: &Home, started: Duration, page: &str) -> io::Result<Utf8PathBuf> {
    let name = file_time::written(&utc(started));
    let path = folder(home).join(format!("{name}.html"));
    // No later run writes a file of the same name, which would remove the leftovers of a killed one.
    atomic::tidy_up_folder(&folder(home));
    atomic::replace(&path, page)?;
    atomic::replace(&latest(home), page)?;
    // This run's own report stays, even if the clock was ahead before.
    let mut kept = all(home);
    kept.retain(|report| *report != path);
    for old in &kept[..kept.len().saturating_sub(KEPT - 1)] {
        let _ = fs::remove_file(old);
    }
    Ok(path)
}

/// The kept reports, from the oldest to the newest.
pub fn all(home: &Home) -> Vec<Utf8PathBuf> {
    let entries = folder(home).read_dir_utf8().into_iter().flatten().flatten();
    let is_report = |path: &Utf8PathBuf| {
        path.extension() == Some("html") && path.file_stem().is_some_and(file_time::is_time)
    };
    let paths = entries.map(Utf8DirEntry::into_path);
    let mut reports: Vec<Utf8PathBuf> = paths.filter(is_report).collect();
    reports.sort();
    reports
}

fn folder(home: &Home) -> Utf8PathBuf {
    home.folder().join("drills")
}
