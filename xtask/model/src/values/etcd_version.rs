use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Refused;

/// A released version of etcd, such as 3.6.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtcdVersion {
    /// The 3 of 3.6.14.
    pub major: u16,
    /// The 6 of 3.6.14.
    pub minor: u16,
    /// The 14 of 3.6.14.
    pub patch: u16,
}

impl EtcdVersion {
    /// The version with these three numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Major and minor, which decide flags, formats and upgrade paths.
    pub const fn minor_release(self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// Whether this etcd only has the v2 API (every 2.x).
    pub const fn is_v2(self) -> bool {
        self.major == 2
    }

    /// Whether members can join without a vote, as learners (etcd's CHANGELOG-3.4).
    pub const fn has_learners(self) -> bool {
        self.major == 3 && self.minor >= 4
    }

    /// Whether fleet and other v2 clients can use this etcd, by default or with `enable-v2`.
    pub const fn has_v2_api(self) -> bool {
        self.major == 2 || (self.major == 3 && self.minor < 6)
    }
}

impl fmt::Display for EtcdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
    }
}

impl FromStr for EtcdVersion {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || {
            Refused::new(
                format!("`{}` is not an etcd version", text.escape_debug()),
                "write major, minor and patch, as in `3.6.14`",
            )
        };
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            let part = parts.next().ok_or_else(refused)?;
            let plain =
                part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            *number = if plain {
                part.parse().map_err(|_| refused())?
            } else {
                return Err(refused());
            };
        }
        if parts.next().is_some() {
            return Err(refused());
        }
        let [major, minor, patch] = numbers;
        Ok(Self {
            major,
            minor,
            patch,
        })
    }
}

impl Serialize for EtcdVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EtcdVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
