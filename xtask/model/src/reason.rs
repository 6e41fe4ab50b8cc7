//! Why something could not be done.

use std::error::Error;
use std::fmt;

/// Why something could not be done, phrased to end a sentence: `no answer in time`, `it holds no etcd`. The
/// caller knows what was tried, and makes a diagnostic of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The message of a library's error.
    pub fn of(error: impl Error) -> Self {
        Self(error.to_string())
    }

    /// The reason as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Reason {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for Reason {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<Reason> for String {
    fn from(Reason(why): Reason) -> Self {
        why
    }
}

impl Error for Reason {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
