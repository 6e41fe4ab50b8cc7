//! Helpers for tests of clusters with TLS.

use camino::{Utf8Path, Utf8PathBuf};

use crate::apply_support::count;
use crate::scratch::{Ran, Scratch};

/// A definition of so many members with TLS.
pub(crate) fn with_tls(network: u8, members: u8, more: &str) -> String {
    count(network, members, &format!("tls = true\n{more}"))
}

#[track_caller]
pub(crate) fn started(name: &str, definition: &str, etcd: &Utf8Path) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name, etcd).expect(0);
    scratch
}

pub(crate) fn up(scratch: &Scratch, name: &str, etcd: &Utf8Path) -> Ran {
    scratch.run(&["up", name, "--etcd-dir", etcd.as_str(), "--timeout", "5m"])
}

/// The folder of a cluster's certificates.
pub(crate) fn pki(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    scratch.root().join(".state").join(name).join("pki")
}
