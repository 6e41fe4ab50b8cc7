use std::fmt;

/// What runs a cluster's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriverName {
    /// Processes on this host's loopback addresses.
    Local,
}

impl DriverName {
    /// Every driver there is.
    pub const ALL: &'static [Self] = &[Self::Local];

    /// The name as definitions and command lines spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
