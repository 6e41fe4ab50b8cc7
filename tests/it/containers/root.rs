//! The root file systems that machines begin with, each made once and kept.

use std::fs::{self, File};
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::etcd_binaries::{debian_archive, tried_thrice};
use crate::harness::not_run;
use crate::network;
use crate::support::{project, require_tool};

/// The folder with `root` and `packages`. Nothing in it is changed by those who use it.
pub(super) fn debian_13() -> &'static Utf8Path {
    static ROOT: OnceLock<Result<Kept, String>> = OnceLock::new();
    let kept = ROOT.get_or_init(|| Kept::new("debian-13", include_str!("root.sh")));
    &kept.as_ref().unwrap_or_else(|why| not_run(why)).folder
}

/// The folder with a `root` that has Docker's engine and its registry.
pub(super) fn with_docker() -> &'static Utf8Path {
    static ROOT: OnceLock<Result<Kept, String>> = OnceLock::new();
    let kept = ROOT.get_or_init(|| Kept::new("with-docker", include_str!("with_docker.sh")));
    &kept.as_ref().unwrap_or_else(|why| not_run(why)).folder
}

/// A folder that is whole, and stays until this process ends.
struct Kept {
    folder: Utf8PathBuf,
    _in_use: File,
}

impl Kept {
    /// Its name tells what it is made of. What is in Debian's archive today is no part of that: it
    /// would have to be asked each time, and a machine that is a few days older serves as well.
    fn new(name: &str, script: &str) -> Result<Self, String> {
        let archive = debian_archive()?;
        let cache = project().join(".state/.cache/machines").join(name);
        let digest: String = Sha256::digest(format!("{archive}\n{script}"))
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let folder = cache.join(digest);
        fs::create_dir_all(&cache).unwrap();
        let lock = || {
            let path = cache.join("lock");
            File::options().append(true).create(true).open(path)
        };
        loop {
            let in_use = lock().unwrap();
            in_use.lock_shared().unwrap();
            if folder.is_dir() {
                return Ok(Self {
                    folder,
                    _in_use: in_use,
                });
            }
            drop(in_use);
            let alone = lock().unwrap();
            alone.lock().unwrap();
            if !folder.is_dir() {
                network::outside(|| make(&folder, script, &archive))?;
            }
        }
    }
}

/// Makes it beside its place, whatever an interrupted run left there, and removes those of before.
fn make(folder: &Utf8Path, script: &str, archive: &str) -> Result<(), String> {
    require_tool("mmdebstrap", "mmdebstrap");
    for entry in folder.parent().unwrap().read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let beside = folder.with_extension("part");
    let made = tried_thrice(|| {
        let _ = fs::remove_dir_all(&beside);
        fs::create_dir(&beside).unwrap();
        let made = Command::new("sh")
            .args(["-c", script, "root.sh", archive])
            .current_dir(&beside)
            .output()
            .unwrap();
        if made.status.success() {
            Ok(())
        } else {
            Err(made)
        }
    });
    made.map_err(|made| {
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        format!("no root file system could be made: {said}")
    })?;
    fs::rename(beside, folder).unwrap();
    Ok(())
}
