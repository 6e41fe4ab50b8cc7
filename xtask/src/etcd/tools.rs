//! A pair of etcd and etcdctl binaries, and where they came from.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use crate::plan::flags::Certificate;
use crate::values::EtcdVersion;

/// A pair of binaries of one version.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The server.
    pub etcd: Utf8PathBuf,
    /// Its client.
    pub etcdctl: Utf8PathBuf,
    /// The version that the server reports.
    pub version: EtcdVersion,
    /// The origin of the pair.
    pub origin: ToolsOrigin,
    /// The certificate with which this host queries the members; none without TLS.
    pub certificate: Option<Certificate>,
    /// The user as whom this host queries members that want one.
    pub credentials: Option<Credentials>,
}

impl Tools {
    /// The same pair, with which members are queried as this user, if there is one.
    #[must_use]
    pub fn known_as(self, credentials: Option<Credentials>) -> Self {
        Self {
            credentials: credentials.or(self.credentials),
            ..self
        }
    }

    /// The same pair, with which members are queried with this certificate.
    #[must_use]
    pub fn with(self, certificate: Option<Certificate>) -> Self {
        Self {
            certificate,
            ..self
        }
    }

    /// The program that restores snapshots: `etcdutl` beside the pair, or etcdctl, which can do so
    /// before 3.6. 3.5 has both, and its etcdctl calls that deprecated.
    pub fn restorer(&self) -> Option<Utf8PathBuf> {
        let beside = [&self.etcdctl, &self.etcd];
        let mut etcdutl = beside
            .map(|path| path.with_file_name("etcdutl"))
            .into_iter();
        let minor = self.version.minor_release();
        match etcdutl.find(|path| path.is_file()) {
            Some(etcdutl) if minor >= (3, 5) => Some(etcdutl),
            _ if minor < (3, 6) => Some(self.etcdctl.clone()),
            _ => None,
        }
    }
}

/// The origin of binaries, in the order in which places are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolsOrigin {
    /// A folder that the user named.
    Named,
    /// PATH, at the pinned version.
    Path,
    /// The official release tarball, from the network or the project's cache.
    Release,
    /// The distribution's package, unpacked into the cache without being installed.
    Package,
    /// PATH, at another version than the pinned one.
    PathOther,
    /// Inside a machine, where it runs.
    Machine,
}

impl fmt::Display for ToolsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Named => "the folder you named",
            Self::Path | Self::PathOther => "PATH",
            Self::Release => "the official release",
            Self::Package => "the distribution's package, not installed",
            Self::Machine => "inside a machine",
        })
    }
}

/// This host's architecture in the naming of etcd's releases.
pub const fn architecture() -> &'static str {
    match std::env::consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        _ => std::env::consts::ARCH,
    }
}
