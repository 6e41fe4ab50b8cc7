//! The restoration of a drill, which holds the cluster's lock and asks nothing.

use std::fs;

use camino::Utf8PathBuf;

use super::{Preparation, RestoreSource};
use crate::atomic::cannot_write;
use crate::lifecycle::replace_data;
use crate::report::Outcome;
use crate::session::Session;
use crate::state::backups;
use crate::values::HostName;

/// Data that was replaced, on purpose and by a drill.
pub(in crate::lifecycle) struct Replaced {
    /// The snapshot that was restored.
    file: Utf8PathBuf,
    /// The revision of its keys.
    pub(in crate::lifecycle) snapshot: u64,
    /// The revision of the restored keys.
    pub(in crate::lifecycle) revision: u64,
    members: Vec<HostName>,
    /// A part of the names of the data that was moved aside.
    time: String,
}

/// Replaces the data of all members, which do not run afterwards.
///
/// # Errors
///
/// The old data is still there, unless a restoration is decided and not complete.
pub(in crate::lifecycle) fn rehearse(
    session: &Session,
    source: RestoreSource<'_>,
) -> Outcome<Replaced> {
    let Session { ui, home, plan, .. } = session;
    let restoration = Preparation::of(*ui, session, source)?.stage()?;
    let replaced = Replaced {
        file: restoration.backup.clone().into(),
        snapshot: restoration.backup_revision,
        revision: restoration.revision,
        members: restoration.members.clone(),
        time: restoration.time.clone(),
    };
    replace_data::replace(*ui, home, plan, restoration)?;
    Ok(replaced)
}

impl Replaced {
    /// Removes what only the drill needed: the replaced data and the snapshot.
    pub(in crate::lifecycle) fn discard(&self, session: &Session) -> Outcome<()> {
        let data = session.driver.data();
        data.discard_aside(&session.home, &self.members, &self.time)?;
        backups::remove(&self.file)
            .map_err(|error| cannot_write(&self.file, &error, "it is the backup of a drill"))?;
        // Stays if there are other backups.
        let _ = fs::remove_dir(backups::folder(&session.home));
        Ok(())
    }
}
