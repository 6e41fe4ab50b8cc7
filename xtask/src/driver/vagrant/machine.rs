//! A member's machine, and Vagrant's notes about it in `vagrant/.vagrant`.

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

    /// The members whose machines exist.
    pub(super) fn all(home: &Home) -> Vec<HostName> {
        let entries = machines(home).read_dir_utf8().into_iter().flatten();
        let mut members: Vec<HostName> = entries
            .filter_map(|entry| MachineName::member(&home.name, entry.ok()?.file_name()))
            .filter(|member| Self::of(home, member).is_made())
            .collect();
        members.sort();
        members
    }

    /// Vagrant's name of the machine.
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether Vagrant has created the machine. The file holds the provider's ID.
    pub(super) fn is_made(&self) -> bool {
        self.noted("id")
    }

    /// Whether Vagrant has started to provision the machine. The file does not say whether that
    /// succeeded (Vagrant, `builtin/provision.rb`).
    pub(super) fn was_provisioned(&self) -> bool {
        self.noted("action_provision")
    }

    /// The libvirt ID of the machine, if libvirt alone runs it.
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

    /// The providers' folders of notes.
    fn providers(&self) -> impl Iterator<Item = Utf8PathBuf> {
        let providers = self.folder.read_dir_utf8().into_iter().flatten().flatten();
        providers.map(Utf8DirEntry::into_path)
    }

    /// The original folder of this machine, if this workspace is a copy. Vagrant notes the folder
    /// of its last call (Vagrant, `machine.rb`, `check_cwd`). A moved folder is no copy.
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

    /// The machine's condition. A machine that an interrupted `up` created but did not set up has
    /// no data.
    pub(super) fn condition(&self, home: &Home, state: Option<&State>) -> Condition {
        let Some(state) = state.filter(|_| self.is_made()) else {
            return Condition::Absent;
        };
        // Without a record, somebody else created it.
        let is_set_up = provisioned::is_noted(home, &self.member)
            || (!Record::is_there(home) && self.was_provisioned());
        // libvirt calls a booting machine without an address inaccessible.
        let is_on = ["running", "inaccessible"].contains(&state.state.as_str());
        match (state.state.as_str(), is_on, is_set_up) {
            ("not_created", ..) => Condition::Absent,
            (_, true, false) => Condition::Unfinished,
            (_, true, true) => Condition::Running(format!("{} machine", title(&state.provider))),
            (_, false, true) => Condition::Stopped,
            // Only a running machine shows how far it got. Before it has its user-data, it has no
            // etcd data.
            (_, false, false) if self.was_provisioned() => Condition::Stopped,
            (_, false, false) => Condition::Absent,
        }
    }

    /// Removes the empty folders that Vagrant leaves of a destroyed machine.
    pub(super) fn forget(&self) {
        if !self.is_made() {
            // A folder that stays does no harm.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Vagrant's name of the libvirt provider.
pub(super) const LIBVIRT: &str = "libvirt";

fn machines(home: &Home) -> Utf8PathBuf {
    vagrants_own(home).join("machines")
}

fn vagrants_own(home: &Home) -> Utf8PathBuf {
    let root: &Utf8Path = home.workspace.root();
    root.join("vagrant/.vagrant")
}

/// Whether both paths are the same folder.
fn same(one: &Utf8Path, other: &Utf8Path) -> bool {
    match (one.canonicalize_utf8(), other.canonicalize_utf8()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The usual spelling of a provider.
fn title(provider: &str) -> &str {
    match provider {
        "virtualbox" => "VirtualBox",
        other => other,
    }
}
