//! A release of etcd for the tests, like an official one.

use std::fs;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use xtask::download;
use xtask::values::{Architecture, EtcdVersion, Sha256};

use crate::etcd_binaries;

/// A tarball and its version.
pub(crate) struct Release {
    pub(crate) version: EtcdVersion,
    pub(crate) sha256: Sha256,
    pub(crate) bytes: Arc<Vec<u8>>,
}

impl Release {
    /// Its path in the official place and in every mirror.
    pub(crate) fn path(&self) -> String {
        let version = self.version;
        format!("v{version}/etcd-v{version}-linux-{}.tar.gz", machine())
    }
}

/// A tarball like the official ones, with the binaries of the distribution's package.
pub(crate) fn release() -> &'static Release {
    static RELEASE: OnceLock<Release> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let tools = etcd_binaries::tools();
        packed("release", tools.version, [&tools.etcd, &tools.etcdctl])
    })
}

/// A newer one, with the binaries of Debian 13.
pub(crate) fn newer_release() -> &'static Release {
    static RELEASE: OnceLock<Release> = OnceLock::new();
    RELEASE.get_or_init(|| release_in(etcd_binaries::of_debian_13(), "3.5.16"))
}

/// A tarball with the binaries in this folder, which are of this version.
pub(crate) fn release_in(folder: &Utf8Path, version: &str) -> Release {
    let [etcd, etcdctl] = ["etcd", "etcdctl"].map(|name| folder.join(name));
    packed(version, version.parse().unwrap(), [&etcd, &etcdctl])
}

fn packed(folder: &str, version: EtcdVersion, binaries: [&Utf8PathBuf; 2]) -> Release {
    let name = format!("etcd-v{version}-linux-{}", machine());
    let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join(&name)).unwrap();
    for binary in binaries {
        fs::copy(binary, folder.join(&name).join(binary.file_name().unwrap())).unwrap();
    }
    fs::write(folder.join(&name).join("README.md"), "# etcd\n").unwrap();
    let tarball = folder.join("release.tar.gz");
    let status = Command::new("tar")
        .args([
            "--create",
            "--use-compress-program=gzip -1",
            "--owner=1000",
            "--group=1000",
        ])
        .args([
            "--file",
            tarball.as_str(),
            "--directory",
            folder.as_str(),
            &name,
        ])
        .status();
    assert!(status.unwrap().success());
    Release {
        version,
        sha256: download::sha256(&tarball).unwrap().parse().unwrap(),
        bytes: Arc::new(fs::read(&tarball).unwrap()),
    }
}

/// This host's architecture.
pub(crate) fn machine() -> Architecture {
    let name = xtask::etcd::tools::architecture();
    *Architecture::ALL
        .iter()
        .find(|known| known.as_str() == name)
        .unwrap()
}
