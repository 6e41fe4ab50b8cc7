//! Backups for people: a line for each.

use camino::Utf8Path;

use crate::backup::{Backup, Manifest};
use crate::ui::table::{Table, nothing, number, size};

/// Renders a table of at most this width. `folder`: the cluster's own folder, which is not repeated.
pub fn render(backups: &[Backup], folder: &Utf8Path, width: usize) -> String {
    let heading = ["BACKUP", "REVISION", "KEYS", "SIZE", "ETCD", "STATE"];
    let mut table = Table::new(heading).right(1).right(2).right(3);
    for Backup { file, manifest } in backups {
        let name = file.strip_prefix(folder).unwrap_or(file).to_string();
        table.row(match manifest {
            Ok(manifest) => [
                name,
                manifest.revision.to_string(),
                number(manifest.keys),
                size(Some(manifest.size)),
                manifest.etcd.clone(),
                state(manifest),
            ],
            Err(_) => [
                name,
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                "unusable".to_owned(),
            ],
        });
    }
    table.fit(width, &[4, 3], 0).to_string()
}

fn state(manifest: &Manifest) -> String {
    let proven = match manifest.proven {
        Some(_) => "proven",
        None => "not proven",
    };
    let quorum = if manifest.quorum { "" } else { ", no quorum" };
    format!("{proven}{quorum}")
}
