//! The backup that advice names.

use crate::backup::Restorable;
use crate::process::quoted;
use crate::state::backups;
use crate::values::EtcdVersion;
use crate::workspace::Home;

/// The newest backup of the cluster's own folder that this version can restore. `above`: of those that hold
/// a higher revision, the one with the highest.
pub(in crate::lifecycle) fn restorable(
    home: &Home,
    version: EtcdVersion,
    above: Option<u64>,
) -> Option<Restorable> {
    let files = backups::files(home).into_iter();
    let known = files.filter_map(|file| {
        let manifest = backups::manifest(&file).ok()?;
        let is_ours = manifest.cluster == home.name.as_str()
            && manifest.minor_release() == Some(version.minor_release());
        is_ours.then_some((file, manifest.revision))
    });
    let mut known: Vec<_> = known.collect();
    if let Some(above) = above {
        known.retain(|(_, revision)| *revision > above);
        known.sort_by_key(|(_, revision)| *revision);
    }
    // Comparing checksums takes time.
    let mut newest_first = known.into_iter().rev();
    let (file, revision) = newest_first.find(|(file, _)| backups::read(file).manifest.is_ok())?;
    Some(Restorable {
        file: quoted(file.file_name()?),
        revision,
    })
}
