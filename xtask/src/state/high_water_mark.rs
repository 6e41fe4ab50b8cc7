//! The highest revision that earlier looks at a cluster saw: `.state/<name>/seen.json`.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic::{self, cannot_write};
use crate::check;
use crate::hint::Hint;
use crate::observation::{LastRevision, Observation, Unreadable};
use crate::plan::identity::{self, EtcdId};
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::report::Outcome;
use crate::restore::Skipped;
use crate::state::{DataSeen, versioned};
use crate::workspace::Home;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct HighWaterMark {
    /// The version of this format.
    format: u32,
    /// The cluster's ID, as etcd prints it.
    cluster_id: String,
    /// The highest revision that every member reached.
    revision: u64,
    /// A lower revision that was seen later, if data was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fell_to: Option<u64>,
    /// The revision of the backup that was restored last, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored: Option<u64>,
    /// The revisions that restorations have skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

/// The recorded revision of this cluster, if any.
///
/// # Errors
///
/// Names the unreadable file, and the reason.
pub fn recall(home: &Home, plan: &Plan) -> Result<Option<LastRevision>, Unreadable> {
    let file = format!(".state/{}/seen.json", home.name);
    let seen = read(home, plan.cluster_id).map_err(|why| Unreadable {
        what: format!("`{file}` cannot be read: {why}"),
        hint: Some(Hint::heals(
            "restore the file, or remove it to forget the recorded revision",
            [format!("rm {}", home.workspace.typed(Utf8Path::new(&file)))],
        )),
    })?;
    Ok(seen.map(|seen| LastRevision {
        revision: seen.revision,
        fell_to: seen.fell_to,
        restored: seen.restored,
    }))
}

/// The highest revision that was seen of the cluster with this ID; `None` if none is recorded or it
/// cannot be read.
pub fn revision(home: &Home, cluster_id: EtcdId) -> Option<u64> {
    Some(read(home, cluster_id).ok()??.revision)
}

/// The revisions that restorations of the cluster with this ID have skipped, as far as that is known.
pub fn skipped(home: &Home, cluster_id: EtcdId) -> Vec<Skipped> {
    let seen = read(home, cluster_id).ok().flatten();
    seen.map(|seen| seen.skipped).unwrap_or_default()
}

/// Records that a backup of this revision was restored, on purpose: from now on, only later revisions
/// count. `now`: the revision of the restored keys, which may have been raised.
pub fn restored(home: &Home, cluster_id: EtcdId, backup: u64, now: u64) -> Outcome<()> {
    let mut skipped = skipped(home, cluster_id);
    // Repeated after an interruption, or not part of the backup's history.
    skipped.retain(|one| one.to <= backup);
    skipped.extend((now > backup).then_some(Skipped {
        after: backup,
        to: now,
    }));
    let seen = HighWaterMark {
        format: FORMAT,
        cluster_id: cluster_id.to_string(),
        revision: now,
        fell_to: None,
        restored: Some(backup),
        skipped,
    };
    let path = path(home);
    atomic::replace(&path, &text(&seen))
        .map_err(|error| cannot_write(&path, &error, "it records that older data was restored"))
}

/// Whether all of these members were seen with data. An unreadable file counts as yes.
pub fn saw_data_of_all(home: &Home, members: &[Member]) -> bool {
    let id = identity::cluster_id(members.iter().map(|member| member.id));
    !matches!(read(home, id), Ok(None))
}

fn read(home: &Home, cluster_id: EtcdId) -> Result<Option<HighWaterMark>, Reason> {
    let seen: Option<HighWaterMark> = versioned::read(&path(home), FORMAT)?;
    Ok(seen.filter(|seen| seen.cluster_id == cluster_id.to_string()))
}

/// Records what a look shows if it is news: a higher revision that every member reached, or a loss
/// of data, which stays recorded. A failure to write must not prevent a look, and an unreadable
/// file is left for the user to repair. `data`: opened before the look.
pub fn note(home: &Home, plan: &Plan, observation: &Observation, data: &DataSeen) {
    // In the meantime, another look may have recorded more, or another task may have destroyed the
    // cluster.
    let Ok(noted) = recall(home, plan) else {
        return;
    };
    if !data.is_still_there() {
        return;
    }
    if noted.is_some_and(|noted| noted.fell_to.is_some())
        || is_restored_since(noted, observation.before)
    {
        return;
    }
    let is_new = |before: &LastRevision| before.fell_to.is_none();
    let lost = check::lost(plan, observation);
    let seen = match (observation.before.filter(is_new), lost) {
        (Some(before), Some(_)) => LastRevision {
            fell_to: lost,
            ..before
        },
        _ => match reached_by_all(plan, observation) {
            Some(revision) if noted.is_none_or(|noted| revision > noted.revision) => LastRevision {
                revision,
                fell_to: None,
                restored: noted.and_then(|noted| noted.restored),
            },
            _ => return,
        },
    };
    let seen = HighWaterMark {
        format: FORMAT,
        cluster_id: plan.cluster_id.to_string(),
        revision: seen.revision,
        fell_to: seen.fell_to,
        restored: seen.restored,
        skipped: skipped(home, plan.cluster_id),
    };
    let _ = atomic::replace(&path(home), &text(&seen));
}

/// Whether a backup was restored since this was recorded: what a look saw before that is forgotten.
fn is_restored_since(now: Option<LastRevision>, before: Option<LastRevision>) -> bool {
    let backup = |seen: Option<LastRevision>| seen?.restored;
    let revision = |seen: Option<LastRevision>| seen.map(|seen| seen.revision);
    backup(now) != backup(before) || revision(now) < revision(before)
}

fn text(seen: &HighWaterMark) -> String {
    serde_json::to_string_pretty(seen).unwrap_or_default() + "\n"
}

/// The revision that every member reached by the end of the look; `None` unless all report one.
fn reached_by_all(plan: &Plan, observation: &Observation) -> Option<u64> {
    let revisions = observation.members.iter().map(|member| {
        let status = member.status.seen()?;
        let later = member.later.seen().and_then(|[_, last]| last.revision);
        let is_ours = status.cluster_id == plan.cluster_id;
        status.revision.max(later).filter(|_| is_ours)
    });
    let revisions = revisions.collect::<Option<Vec<u64>>>()?;
    revisions.into_iter().min()
}

fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("seen.json")
}
