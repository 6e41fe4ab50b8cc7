//! A release of etcd for the tests, like an official one.

use std::fs;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use camino::Utf8Path;
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
        let version = tools.version;
        let name = format!("etcd-v{version}-linux-{}", machine());
        let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join(&name)).unwrap();
        for binary in [&tools.etcd, &tools.etcdctl] {
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
    })
}

/// This host's architecture.
pub(crate) fn machine() -> Architecture {
    let name = xtask::etcd::tools::architecture();
    *Architecture::ALL
        .iter()
        .find(|known| known.as_str() == name)
        .unwrap()
}
