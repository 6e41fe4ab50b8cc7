//! A box's description in the format of Vagrant's catalogues: `.state/.cache/boxes/<profile>.json`.
//! `vagrant/Vagrantfile` reads it, and Vagrant checks the box against it.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use crate::atomic;
use crate::cache::{Cache, Locked, refused};
use crate::host::catalogue::file_url;
use crate::reason::Reason;

/// A finished box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedBox {
    /// Vagrant's name of the box. It contains a part of the checksum, because Vagrant takes boxes
    /// of the same name for the same box.
    pub name: String,
    /// A description for people.
    pub description: String,
    /// The file of the box.
    pub file: Utf8PathBuf,
    /// The SHA-256 of the file.
    pub sha256: String,
    /// The digest of the inputs that it was made from.
    pub inputs: String,
}

impl FinishedBox {
    /// Reads the catalogue of a profile; `None` if the catalogue or its box is missing.
    pub(super) fn read(cache: &Cache, profile: &str) -> Option<Self> {
        let text = fs::read_to_string(path(cache, profile)).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let provider = &value["versions"][0]["providers"][0];
        let url = text(&provider["url"])?;
        // The workspace may have been moved, so the box is looked up beside its catalogue.
        let file = cache.folder().join(Utf8Path::new(&url).file_name()?);
        file.is_file().then_some(Self {
            name: text(&value["name"])?,
            description: text(&value["description"])?,
            file,
            sha256: text(&provider["checksum"])?,
            inputs: text(&value["inputs"])?,
        })
    }

    /// Writes the catalogue atomically.
    pub(super) fn write(&self, cache: &Cache, profile: &str) -> Result<(), Reason> {
        let path = path(cache, profile);
        atomic::replace(&path, &self.text()).map_err(refused("write", &path))
    }

    /// Whether the catalogue on disk has this content. Its path of the box is outdated after the
    /// workspace was moved.
    pub(super) fn is_written(&self, cache: &Cache, profile: &str) -> bool {
        fs::read_to_string(path(cache, profile)).is_ok_and(|text| text == self.text())
    }

    fn text(&self) -> String {
        let value = json!({
            "name": self.name,
            "description": self.description,
            "inputs": self.inputs,
            "versions": [{
                "version": "1",
                "providers": [{
                    "name": "libvirt",
                    "url": file_url(self.file.as_str()),
                    "checksum_type": "sha256",
                    "checksum": self.sha256,
                }],
            }],
        });
        format!("{value:#}\n")
    }

    /// Whether the box was written while this task waited for the lock.
    pub(super) fn is_newer_than(&self, locked: &Locked) -> bool {
        let written = fs::metadata(&self.file).and_then(|file| file.modified());
        written.is_ok_and(|written| written >= locked.asked())
    }
}

fn path(cache: &Cache, profile: &str) -> Utf8PathBuf {
    cache.folder().join(format!("{profile}.json"))
}
