//! A member's machine, and what Vagrant notes of it in `vagrant/.vagrant`.

use std::fs;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};

use super::output::State;
use super::provisioned;
use crate::observation::Condition;
use crate::state::Record;
use crate::values::{HostName, MachineName};
use crate::workspace::Home;

/// A member's machine.
pub(super) struct Machine {
    member: HostName,
    name: MachineName,
    folder: Utf8PathBuf,
}

impl Machine {
    pub(super) fn of(home: &Home, member: &HostName) -> Self {
        let name = MachineName::of(&home.name, member);
        let folder = machines(home).join(name.as_str());
        Self {
            member: member.clone(),
            name,
            folder,
        }
    }

    /// The members whose machines have been made and not yet been destroyed.
    pub(super) fn all(home: &Home) -> Vec<HostName> {
        let entries = machines(home).read_dir_utf8().into_iter().flatten();
        let mut members: Vec<HostName> = entries
            .filter_map(|entry| MachineName::member(&home.name, entry.ok()?.file_name()))
            .filter(|member| Self::of(home, member).is_made())
            .collect();
        members.sort();
        members
    }

    /// Vagrant's name for it.
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether Vagrant has made it. The file holds the provider's ID of the machine.
    pub(super) fn is_made(&self) -> bool {
        self.noted("id")
    }

    /// Whether Vagrant has begun to hand it its user-data. That it notes this says nothing of whether
    /// that was done (Vagrant, `builtin/provision.rb`).
    pub(super) fn was_provisioned(&self) -> bool {
        self.noted("action_provision")
    }

    /// The ID that libvirt knows it by, where libvirt alone runs it.
    pub(super) fn domain(&self) -> Option<String> {
        let mut providers = self
            .providers()
            .filter(|folder| folder.join("id").is_file());
        let provider = providers.next()?;
        if provider.file_name() != Some(LIBVIRT) || providers.next().is_some() {
            return None;
        }
        let id = fs::read_to_string(provider.join("id")).ok()?;
        Some(id.trim().to_owned())
    }

    fn noted(&self, file: &str) -> bool {
        self.providers().any(|folder| folder.join(file).is_file())
    }

    /// What each provider notes of it.
    fn providers(&self) -> impl Iterator<Item = Utf8PathBuf> {
        let providers = self.folder.read_dir_utf8().into_iter().flatten().flatten();
        providers.map(Utf8DirEntry::into_path)
    }

    /// The other folder that has this same machine, where this one is a copy of that. Vagrant notes where
    /// it was called last (Vagrant, `machine.rb`, `check_cwd`). A folder that was moved is no copy.
    pub(super) fn original(&self, home: &Home) -> Option<Utf8PathBuf> {
        let here = vagrants_own(home);
        self.providers().find_map(|provider| {
            let original = fs::read_to_string(provider.join("vagrant_cwd")).ok()?;
            let original = Utf8PathBuf::from(original.trim());
            let theirs = original.join(".vagrant");
            if same(&theirs, &here) {
                return None;
            }
            let theirs = theirs.join(provider.strip_prefix(&here).ok()?).join("id");
            let is_shared = fs::read(theirs).ok()? == fs::read(provider.join("id")).ok()?;
            is_shared.then_some(original)
        })
    }

    /// How it is. One that an interrupted `up` has made and not set up has no data.
    pub(super) fn condition(&self, home: &Home, state: Option<&State>) -> Condition {
        let Some(state) = state.filter(|_| self.is_made()) else {
            return Condition::Absent;
        };
        // Without a record, it was not by us that it was made.
        let is_set_up = provisioned::is_noted(home, &self.member)
            || (!Record::is_there(home) && self.was_provisioned());
        // The second is libvirt's word for one that boots and has no address yet.
        let is_on = ["running", "inaccessible"].contains(&state.state.as_str());
        match (state.state.as_str(), is_on, is_set_up) {
            ("not_created", ..) => Condition::Absent,
            (_, true, false) => Condition::Unfinished,
            (_, true, true) => Condition::Running(format!("{} machine", title(&state.provider))),
            (_, false, true) => Condition::Stopped,
            // Only once it runs can be seen how far it got. Before its user-data, it is without data.
            (_, false, false) if self.was_provisioned() => Condition::Stopped,
            (_, false, false) => Condition::Absent,
        }
    }

    /// Removes what Vagrant leaves of a machine that is no more: empty folders.
    pub(super) fn forget(&self) {
        if !self.is_made() {
            // That it cannot be removed changes nothing.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Vagrant's name for its provider of libvirt's machines.
pub(super) const LIBVIRT: &str = "libvirt";

fn machines(home: &Home) -> Utf8PathBuf {
    vagrants_own(home).join("machines")
}

fn vagrants_own(home: &Home) -> Utf8PathBuf {
    let root: &Utf8Path = home.workspace.root();
    root.join("vagrant/.vagrant")
}

/// Whether both are one folder.
fn same(one: &Utf8Path, other: &Utf8Path) -> bool {
    match (one.canonicalize_utf8(), other.canonicalize_utf8()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A provider as its makers spell it.
fn title(provider: &str) -> &str {
    match provider {
        "virtualbox" => "VirtualBox",
        other => other,
    }
}
