use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Refused, text_value};

/// A single host name label as RFC 1123 allows it, in lower case.
///
/// It is lower case because host names are case-insensitive, but etcd's member names are not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

text_value!(HostName);

impl HostName {
    /// The longest label that DNS can carry, in bytes (RFC 1035, 2.3.4).
    pub const LONGEST: usize = 63;

    /// A name made from parts that are known to be valid.
    pub(super) const fn trusted(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for HostName {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use 1 to 63 lower-case letters, digits and inner hyphens, as in `core-01`";
        if text.is_empty() {
            return Err(Refused::new("the name is empty", hint));
        }
        if text.len() > Self::LONGEST {
            let length = text.len();
            return Err(Refused::new(
                format!("the name is {length} bytes; the limit is 63"),
                hint,
            ));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            let shown = other.escape_default();
            return Err(Refused::new(
                format!("`{shown}` is not allowed in a member's name"),
                hint,
            ));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(Refused::new(
                "a member's name cannot start or end with a hyphen",
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
