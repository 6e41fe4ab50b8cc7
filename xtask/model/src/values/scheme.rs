use std::fmt;
use std::net::SocketAddrV4;

use serde::{Deserialize, Serialize};

/// How members are spoken to, on all their ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In plain text.
    #[default]
    Http,
    /// With TLS, where both sides show a certificate.
    Https,
}

impl Scheme {
    /// What a definition's `tls` means.
    pub const fn of(tls: bool) -> Self {
        if tls { Self::Https } else { Self::Http }
    }

    /// Whether it is plain text.
    pub const fn is_http(&self) -> bool {
        matches!(self, Self::Http)
    }

    /// The URL of a host and a port. In a text that serves several machines, the host may be a placeholder that
    /// the machine fills in.
    pub fn url(self, host: impl fmt::Display, port: u16) -> String {
        format!("{self}://{host}:{port}")
    }

    /// The scheme, address and port of a member's URL.
    pub fn split(url: &str) -> Option<(Self, SocketAddrV4)> {
        let (scheme, socket) = url.split_once("://")?;
        let mut schemes = [Self::Http, Self::Https].into_iter();
        let scheme = schemes.find(|one| one.to_string() == scheme)?;
        Some((scheme, socket.parse().ok()?))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
