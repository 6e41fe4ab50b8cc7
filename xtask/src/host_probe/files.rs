//! Reads the files of the host probe.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};

use camino::{Utf8Path, Utf8PathBuf};

use crate::host::catalogue::{Build, Catalogue};
use crate::host::virtualization::Kvm;
use crate::host::{CreatedMachine, Probe, Providers};

/// The text of a file.
pub(super) fn text(path: impl AsRef<Utf8Path>) -> Probe<String> {
    let path = path.as_ref();
    match fs::read_to_string(path) {
        Ok(text) => Probe::Seen(text),
        Err(error) => not_read(path, &error),
    }
}

fn not_read<T>(path: &Utf8Path, error: &io::Error) -> Probe<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Probe::Missing,
        _ => Probe::Unknown(format!("{path} cannot be read: {error}")),
    }
}

/// An environment variable; `None` if it is unset or empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where Vagrant keeps boxes and plugins.
pub(super) fn vagrant_home() -> Option<Utf8PathBuf> {
    let home = || variable("HOME").map(|home| Utf8PathBuf::from(home).join(".vagrant.d"));
    variable("VAGRANT_HOME")
        .map(Utf8PathBuf::from)
        .or_else(home)
}

/// Whether `/dev/kvm` can be opened.
pub(super) fn kvm() -> Probe<Kvm> {
    let path = "/dev/kvm";
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Probe::Seen(Kvm::Opens),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Probe::Missing,
            ErrorKind::PermissionDenied => Probe::Seen(Kvm::Forbidden),
            _ => Probe::Seen(Kvm::Fails(error.to_string())),
        },
    }
}

/// The number of processors that this program may use.
pub(super) fn processors() -> Probe<u32> {
    match std::thread::available_parallelism() {
        Ok(count) => Probe::Seen(u32::try_from(count.get()).unwrap_or(u32::MAX)),
        Err(error) => Probe::Unknown(error.to_string()),
    }
}

/// The machines that Vagrant created and did not destroy: `machines/<machine>/<provider>/id`.
pub(super) fn machines(vagrants_own: &Utf8Path) -> Vec<CreatedMachine> {
    let machines = folders(&vagrants_own.join("machines"));
    let providers = machines.iter().flat_map(|machine| folders(machine));
    let machines = providers.filter_map(|folder| {
        let id = fs::read_to_string(folder.join("id")).ok()?;
        Some(CreatedMachine {
            name: folder.parent()?.file_name()?.to_owned(),
            provider: folder.file_name()?.to_owned(),
            id: id.trim().to_owned(),
        })
    });
    machines.collect()
}

/// The names of this project's boxes that Vagrant keeps, in folders whose names escape the slash.
pub(super) fn kept_boxes() -> Vec<String> {
    let boxes = vagrant_home().map(|home| folders(&home.join("boxes")));
    let names = boxes
        .iter()
        .flatten()
        .filter_map(|folder| folder.file_name());
    let own = names.filter_map(|name| name.strip_prefix("xtask-VAGRANTSLASH-"));
    own.map(|name| format!("xtask/{name}")).collect()
}

/// The entries of a folder.
pub(super) fn folders(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let mut paths: Vec<Utf8PathBuf> = entries.map(camino::Utf8DirEntry::into_path).collect();
    paths.sort();
    paths
}

/// The size of the catalogue's box for the provider that would be used.
pub(super) fn box_size(
    folder: &Utf8Path,
    catalogue: &Probe<Catalogue>,
    providers: &Providers,
) -> Probe<u64> {
    let provider = providers.choose();
    let build = catalogue
        .seen()
        .zip(provider.ok())
        .and_then(|(catalogue, provider)| catalogue.build(provider.as_str()));
    let Some(name) = build.and_then(Build::file_name) else {
        return Probe::Missing;
    };
    let path = folder.join(name);
    match fs::metadata(&path) {
        Ok(file) => Probe::Seen(file.len()),
        Err(error) => not_read(&path, &error),
    }
}
