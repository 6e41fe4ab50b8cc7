//! What earlier looks at a cluster have shown: `.state/<name>/seen.json`.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::check;
use crate::driver::Home;
use crate::observation::{Before, Observation};
use crate::plan::Plan;

/// What was seen, and of which cluster.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// The version of this format.
    format: u32,
    /// The cluster's ID, as etcd prints it.
    cluster_id: String,
    /// The highest revision that every member had reached.
    revision: u64,
    /// A lower one that the keys were found at later, where data was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fell_to: Option<u64>,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

/// What was seen of this cluster before. What cannot be read was not seen: it only serves to find more.
pub fn recall(home: &Home<'_>, plan: &Plan) -> Option<Before> {
    let text = fs::read_to_string(path(home)).ok()?;
    let seen: Seen = serde_json::from_str(&text).ok()?;
    let is_meant = seen.format == FORMAT && seen.cluster_id == plan.cluster_id.to_string();
    is_meant.then_some(Before {
        revision: seen.revision,
        fell_to: seen.fell_to,
    })
}

/// Takes note of what is seen now, where that is more than before: the revision that every member has
/// reached; or that data was lost, which stays noted whatever is seen later. That it cannot be written
/// down keeps nobody from looking.
pub fn note(home: &Home<'_>, plan: &Plan, observation: &Observation) {
    // Another look may have written more meanwhile.
    let noted = recall(home, plan);
    if noted.is_some_and(|noted| noted.fell_to.is_some()) {
        return;
    }
    let is_new = |before: &Before| before.fell_to.is_none();
    let lost = check::lost(plan, observation);
    let seen = match (observation.before.filter(is_new), lost) {
        (Some(before), Some(_)) => Before {
            fell_to: lost,
            ..before
        },
        _ => match reached_by_all(plan, observation) {
            Some(revision) if noted.is_none_or(|noted| revision > noted.revision) => Before {
                revision,
                fell_to: None,
            },
            _ => return,
        },
    };
    let seen = Seen {
        format: FORMAT,
        cluster_id: plan.cluster_id.to_string(),
        revision: seen.revision,
        fell_to: seen.fell_to,
    };
    let text = serde_json::to_string_pretty(&seen).unwrap_or_default() + "\n";
    let _ = atomic::replace(&path(home), &text);
}

/// The revision that every member has reached; none unless all tell.
fn reached_by_all(plan: &Plan, observation: &Observation) -> Option<u64> {
    let revisions = observation.members.iter().map(|member| {
        let status = member.status.seen()?;
        let is_ours = status.cluster_id == plan.cluster_id;
        status.revision.filter(|_| is_ours)
    });
    let revisions = revisions.collect::<Option<Vec<u64>>>()?;
    revisions.into_iter().min()
}

fn path(home: &Home<'_>) -> camino::Utf8PathBuf {
    home.workspace.state(home.name).join("seen.json")
}
