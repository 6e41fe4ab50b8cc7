//! A change of the version that is under way: what the members ran before, and which of them still do.

use serde::{Deserialize, Serialize};

use super::{Record, RecordedDefinition, RecordedEtcd};
use crate::etcd::tools::Tools;
use crate::observation::VersionChange;
use crate::values::{EtcdVersion, HostName};

/// What a cluster ran before a change of its version that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedBefore {
    /// The etcd binaries.
    etcd: RecordedEtcd,
    /// What the definition said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    defined: Option<RecordedDefinition>,
    /// The members that still run it, if they are processes.
    members: Vec<HostName>,
    /// Whether all members serve with the version after it. From then on, the cluster moves to that on its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_over: bool,
}

impl Record {
    /// Records that members get another version, on these binaries if they are processes. `others`: the members that
    /// do not run it yet.
    pub fn begin_upgrade(
        &mut self,
        tools: Option<&Tools>,
        defined: RecordedDefinition,
        others: Vec<HostName>,
    ) {
        let now = RecordedBefore {
            etcd: self.etcd.clone(),
            defined: self.defined,
            members: Vec::new(),
            is_over: false,
        };
        let returns_to = |before: &RecordedBefore| {
            tools.is_some_and(|tools| tools.version == before.etcd.version)
        };
        match &mut self.before {
            Some(before) if returns_to(before) => *before = now,
            before => drop(before.get_or_insert(now)),
        }
        if let (Some(tools), Some(before)) = (tools, &mut self.before) {
            before.members = others;
            self.use_tools(tools);
        }
        self.defined = Some(defined);
    }

    /// Records that a member is about to run the version of the record, not the one before.
    pub fn gets_version(&mut self, name: &HostName) {
        if let Some(before) = &mut self.before {
            before.members.retain(|one| one != name);
        }
    }

    /// Records that a member gets new data: with the version before, while others still run that. It can join them
    /// whatever the cluster speaks.
    pub(super) fn gets_data(&mut self, name: &HostName) {
        if let Some(before) = &mut self.before {
            before.members.retain(|one| one != name);
            if !before.members.is_empty() {
                before.members.push(name.clone());
            }
        }
    }

    /// Records that this member serves with the version of the record. If it is the last one, the cluster is about to
    /// move to that version.
    pub fn serves_with_version(&mut self) {
        if let Some(before) = &mut self.before {
            before.is_over = before.members.is_empty();
        }
    }

    /// The binaries of the version that a member ran before, if a change of the version has not come to it yet.
    pub fn tools_before(&self, name: &HostName) -> Option<Tools> {
        let before = self.before.as_ref()?;
        let runs_it = before.members.contains(name);
        runs_it.then(|| before.etcd.tools()).flatten()
    }

    /// The change of the version that is under way, for a definition with this one; none if it is a change to or from
    /// neither.
    pub fn version_change(&self, defined: EtcdVersion) -> Option<VersionChange> {
        self.before.as_ref()?;
        let to = self.defined.map_or(self.etcd.version, |then| then.version);
        match defined {
            same if same == to => Some(VersionChange::Begun),
            _ => self
                .is_set_back_to(defined)
                .then_some(VersionChange::SetBack(to)),
        }
    }

    /// The versions that the definition named when members were started, also before a change that is under way.
    pub fn defined_versions(&self) -> Vec<EtcdVersion> {
        let before = self.before.as_ref().and_then(|before| before.defined);
        let defined = self.defined.into_iter().chain(before);
        defined.map(|defined| defined.version).collect()
    }

    /// Whether a change of the version is under way.
    pub const fn is_upgrading(&self) -> bool {
        self.before.is_some()
    }

    /// Records that all members have the version, and that the cluster has followed.
    pub fn end_upgrade(&mut self) {
        self.before = None;
    }

    /// The etcd to start members with for a definition with this version: the one before, if it was set back in the
    /// middle of a change.
    pub fn etcd_for(&self, version: EtcdVersion) -> &RecordedEtcd {
        match &self.before {
            Some(before) if self.is_set_back_to(version) => &before.etcd,
            _ => &self.etcd,
        }
    }

    /// The binaries of this version, if it was the one before a change that is under way.
    pub fn tools_of(&self, version: EtcdVersion) -> Option<Tools> {
        let before = self.before.as_ref()?;
        self.is_version_before(version)
            .then(|| before.etcd.tools())
            .flatten()
    }

    /// Records that members are started for a definition with this version. If it was set back, the change is undone,
    /// and its other version is the one before from now on: etcd may not go back any more.
    pub fn start_for(&mut self, version: EtcdVersion) {
        if self.is_set_back_to(version)
            && let Some(before) = &mut self.before
        {
            // Also those that have run the other one: it may not start.
            before.members.clear();
            std::mem::swap(&mut self.etcd, &mut before.etcd);
            std::mem::swap(&mut self.defined, &mut before.defined);
        }
    }

    /// Whether this version was the one before a change that is under way, and the cluster has not moved on.
    pub fn is_set_back_to(&self, version: EtcdVersion) -> bool {
        self.is_version_before(version)
            && self.before.as_ref().is_some_and(|before| !before.is_over)
    }

    fn is_version_before(&self, version: EtcdVersion) -> bool {
        let is_it = |etcd: &RecordedEtcd, defined: Option<RecordedDefinition>| {
            defined.map_or(etcd.version, |defined| defined.version) == version
        };
        let before = self.before.as_ref();
        before.is_some_and(|before| is_it(&before.etcd, before.defined))
            && !is_it(&self.etcd, self.defined)
    }
}
