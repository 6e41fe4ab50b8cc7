use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Refused;
use crate::wording::either;

/// What runs a cluster's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverName {
    /// Virtual machines, with Vagrant.
    Vagrant,
    /// Processes on this host's loopback addresses.
    Local,
}

impl DriverName {
    /// Every driver.
    pub const ALL: &'static [Self] = &[Self::Vagrant, Self::Local];

    /// The name as definitions and command lines spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vagrant => "vagrant",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DriverName {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        Self::ALL
            .iter()
            .copied()
            .find(|driver| driver.as_str() == text)
            .ok_or_else(|| {
                let names = Self::ALL.iter().map(|driver| driver.as_str());
                Refused::new(
                    format!("unknown driver `{}`", text.escape_debug()),
                    format!("use {}", either(names)),
                )
            })
    }
}
