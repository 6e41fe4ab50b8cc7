//! What earlier looks at a cluster have shown: `.state/<name>/seen.json`.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::atomic;
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
    })
}

/// Takes note of what is seen now, where that is more than before: the revision that every member
/// has reached. That it cannot be written down keeps nobody from looking.
pub fn note(home: &Home<'_>, plan: &Plan, observation: &Observation) {
    let revisions = observation.members.iter().map(|member| {
        let status = member.status.seen()?;
        let is_ours = status.cluster_id == plan.cluster_id;
        status.revision.filter(|_| is_ours)
    });
    // Unless all tell, nobody knows what all have.
    let Some(revision) = revisions
        .collect::<Option<Vec<u64>>>()
        .and_then(|revisions| revisions.into_iter().min())
    else {
        return;
    };
    let before = observation.before.map_or(0, |before| before.revision);
    if revision > before {
        let seen = Seen {
            format: FORMAT,
            cluster_id: plan.cluster_id.to_string(),
            revision,
        };
        let text = serde_json::to_string_pretty(&seen).unwrap_or_default() + "\n";
        let _ = atomic::replace(&path(home), &text);
    }
}

fn path(home: &Home<'_>) -> camino::Utf8PathBuf {
    home.workspace.state(home.name).join("seen.json")
}
