use std::str::FromStr;

use super::{Refused, quantity};

/// How much history etcd keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// All of it.
    Off,
    /// That of the last minutes.
    Minutes(u32),
    /// The last revisions.
    Revisions(u64),
}

impl Compaction {
    /// Compaction by revision.
    ///
    /// # Errors
    /// For numbers that etcd does not take as revisions to keep.
    pub fn revisions(number: i128) -> Result<Self, Refused> {
        match u64::try_from(number) {
            Ok(kept) if kept > 0 && i64::try_from(kept).is_ok() => Ok(Self::Revisions(kept)),
            _ => Err(Refused::new(
                format!("`{number}` is not a number of revisions"),
                "write how many to keep, as in `25000`, or `\"off\"` to keep all of them",
            )),
        }
    }
}

impl FromStr for Compaction {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        if text == "off" {
            return Ok(Self::Off);
        }
        if text.parse() == Ok(0) {
            return Self::revisions(0);
        }
        if text.parse::<u64>().is_ok() {
            return Err(Refused::new(
                format!("`{text}` has no unit"),
                format!(
                    "write a unit, as in `\"1h\"`, or remove the quotes to keep {text} revisions"
                ),
            ));
        }
        quantity::minutes(text).map(Self::Minutes)
    }
}
