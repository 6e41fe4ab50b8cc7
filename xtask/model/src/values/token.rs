use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ClusterName, Refused, text_value};

/// etcd's `initial-cluster-token`, which together with the peer URLs decides the cluster's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

text_value!(Token);

impl Token {
    /// etcd's default token (every version from 2.0.0 to 3.6).
    pub const ETCD_DEFAULT: &'static str = "etcd-cluster";

    /// The token of a generation. Raising the number gives a cluster a new identity.
    #[must_use]
    pub fn of_generation(&self, generation: u32) -> Self {
        Self(format!("{}-{generation}", self.0))
    }

    /// Whether this is etcd's default token.
    pub fn is_etcd_default(&self) -> bool {
        self.0 == Self::ETCD_DEFAULT
    }
}

impl From<&ClusterName> for Token {
    fn from(name: &ClusterName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl FromStr for Token {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use 1 to 96 letters, digits, dots, hyphens and underscores, starting with a letter or digit";
        if text.is_empty() || text.len() > 96 {
            return Err(Refused::new(
                format!("a token is 1 to 96 bytes long, not {}", text.len()),
                hint,
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            let shown = other.escape_default();
            return Err(Refused::new(
                format!("`{shown}` is not allowed in a token"),
                hint,
            ));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(Refused::new(
                "a token must start with a letter or a digit",
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
