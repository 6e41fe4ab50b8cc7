//! What a drill restored, in the JSON of `drill`.

use serde::Serialize;

use super::milliseconds;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::values::HostName;

#[derive(Serialize)]
pub(super) struct RestoredJson<'a> {
    survivor: Option<&'a str>,
    snapshot_revision: u64,
    revision: u64,
    at_milliseconds: u64,
    lost_as_announced: usize,
    lost_beyond: Option<usize>,
    served_after_milliseconds: Option<u64>,
}

impl<'a> RestoredJson<'a> {
    pub(super) fn of(drill: &'a Drill, summary: &Summary) -> Option<Self> {
        let (restored, restoration) = (drill.restored.as_ref()?, summary.restoration?);
        let read_back = summary.read_back.as_ref();
        Some(Self {
            survivor: restored.survivor.as_ref().map(HostName::as_str),
            snapshot_revision: restored.snapshot,
            revision: restored.revision,
            at_milliseconds: milliseconds(restored.at),
            lost_as_announced: restoration.announced,
            lost_beyond: read_back.map(|read_back| read_back.lost.len()),
            served_after_milliseconds: restoration.served_after.map(milliseconds),
        })
    }
}
