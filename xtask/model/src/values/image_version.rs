use std::str::FromStr;

use super::{Refused, text_value};

/// The version of a machine image, such as `4230.2.2` or `current`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageVersion(String);

text_value!(ImageVersion);

impl FromStr for ImageVersion {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use 1 to 64 letters, digits, dots, hyphens and underscores, as in `4230.2.2`";
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "an image version", hint));
        }
        if text.is_empty() || text.len() > 64 {
            let length = text.len();
            return Err(Refused::new(
                format!("an image version is 1 to 64 bytes long, not {length}"),
                hint,
            ));
        }
        // It becomes part of a URL, where `..` would lead elsewhere.
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || text.contains("..") {
            return Err(Refused::new(
                format!("`{text}` is not an image version"),
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
