use std::str::FromStr;

use super::{Refused, text_value};

/// A SHA-256 checksum as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sha256(String);

text_value!(Sha256);

impl FromStr for Sha256 {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "copy the 64 hexadecimal digits from the release's `SHA256SUMS`";
        if let Some(other) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(Refused::character(other, "a SHA-256 checksum", hint));
        }
        if text.len() != 64 {
            let length = text.len();
            return Err(Refused::new(
                format!("a SHA-256 checksum has 64 hexadecimal digits, not {length}"),
                hint,
            ));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}
