//! A mirror of etcd's releases, on the lab's side of every network.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::etcd_release::{Release, release};
use crate::lab::{Lab, wait_for};

const PORT: u16 = 8000;

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// The mirror. It serves one release, and ends with the lab.
pub(crate) struct Mirror {
    pub(crate) release: &'static Release,
    log: Utf8PathBuf,
}

impl Mirror {
    /// Starts a mirror.
    pub(crate) fn new(lab: &mut Lab) -> Self {
        let release = release();
        let folder = lab.folder().join("mirror");
        let tarball = folder.join(release.path());
        fs::create_dir_all(tarball.parent().unwrap()).unwrap();
        fs::write(&tarball, release.bytes.as_slice()).unwrap();

        let log = lab.folder().join("mirror.log");
        let written = fs::File::create(&log).unwrap();
        let mut server = lab.command("/usr/bin/python3", FOR_EVER);
        server
            .args(["-u", "-m", "http.server", &PORT.to_string()])
            .args(["--directory", folder.as_str()])
            .stdout(Stdio::from(written.try_clone().unwrap()))
            .stderr(Stdio::from(written));
        lab.run_beside(&mut server);
        // Its networks do not exist yet; it serves all of them.
        wait_for("the mirror", || {
            let said = fs::read_to_string(&log).unwrap();
            said.starts_with("Serving HTTP on ").then_some(())
        });
        Self { release, log }
    }

    /// Its URL for machines of this network, where the host has the first address.
    pub(crate) fn url(network: &str) -> String {
        format!("http://{network}.1:{PORT}")
    }

    /// The number of downloads of the release.
    pub(crate) fn asked(&self) -> usize {
        let log = fs::read_to_string(&self.log).unwrap();
        let fetched = format!("\"GET /{} HTTP/1.1\" 200 ", self.release.path());
        log.matches(&fetched).count()
    }
}
