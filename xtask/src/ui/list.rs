//! Output of `list`: one line or object per cluster.

use serde::Serialize;

use super::json as to_json;
use super::table::{Table, nothing};
use crate::observation::{Listed, Snapshot};

/// Renders a table of at most this width, without colours.
pub fn table(clusters: &[Listed], width: usize) -> String {
    let mut table = Table::new(["CLUSTER", "RUNNING", "LEADER", "DRIVER", "ENDPOINTS"]);
    for Listed {
        name,
        seen,
        has_errors,
        ..
    } in clusters
    {
        let mut cells = [(); 5].map(|()| nothing());
        cells[0] = name.to_string();
        match seen {
            None if *has_errors => cells[1] = "has errors".to_owned(),
            None => cells[1] = "not started".to_owned(),
            Some(Err(_)) => cells[1] = "unknown".to_owned(),
            Some(Ok(snapshot)) => {
                cells[1] = format!("{} of {}", snapshot.running(), snapshot.members.len());
                if let Some(leader) = snapshot.leader() {
                    cells[2] = leader.name.to_string();
                }
                cells[3] = snapshot.driver.as_str().to_owned();
                let endpoints = endpoints(snapshot);
                let others = if endpoints.len() > 1 { ",…" } else { "" };
                cells[4] = endpoints
                    .first()
                    .map_or_else(nothing, |first| format!("{first}{others}"));
            }
        }
        table.row(cells);
    }
    table.fit(width, &[3, 4], 2).to_string()
}

fn endpoints(snapshot: &Snapshot) -> Vec<&str> {
    let members = snapshot.members.iter();
    members.map(|member| member.endpoint.as_str()).collect()
}

/// Renders indented JSON.
pub fn json(clusters: &[Listed]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        format: u32,
        clusters: Vec<ClusterJson<'a>>,
    }
    to_json(&Document {
        format: 1,
        clusters: clusters.iter().map(ClusterJson::of).collect(),
    })
}

#[derive(Serialize)]
struct ClusterJson<'a> {
    name: &'a str,
    defined: bool,
    has_errors: bool,
    started: bool,
    driver: Option<&'static str>,
    running_version: Option<String>,
    members: Option<usize>,
    running: Option<usize>,
    leader: Option<&'a str>,
    endpoints: Vec<&'a str>,
    differences: &'a [String],
    error: Option<&'a str>,
}

impl<'a> ClusterJson<'a> {
    fn of(listed: &'a Listed) -> Self {
        let (seen, failure) = match &listed.seen {
            None => (None, None),
            Some(Ok(snapshot)) => (Some(snapshot), None),
            Some(Err(failure)) => (None, failure.diagnostics.first()),
        };
        Self {
            name: listed.name.as_str(),
            defined: listed.is_defined,
            has_errors: listed.has_errors,
            started: listed.seen.is_some(),
            driver: seen.map(|seen| seen.driver.as_str()),
            running_version: seen.map(|seen| seen.version.to_string()),
            members: seen.map(|seen| seen.members.len()),
            running: seen.map(Snapshot::running),
            leader: seen
                .and_then(Snapshot::leader)
                .map(|leader| leader.name.as_str()),
            endpoints: seen.map_or_else(Vec::new, endpoints),
            differences: seen.map_or(&[], |seen| &seen.changes[..]),
            error: failure.map(|failure| failure.message.as_str()),
        }
    }
}
