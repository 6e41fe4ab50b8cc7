use std::str::FromStr;

use super::{Refused, text_value};

/// A release channel of an operating system, such as `stable`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel(String);

text_value!(Channel);

impl FromStr for Channel {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use 1 to 32 lower-case letters, digits and hyphens, as in `stable`";
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "a channel", hint));
        }
        if text.is_empty() || text.len() > 32 {
            let length = text.len();
            return Err(Refused::new(
                format!("a channel is 1 to 32 bytes long, not {length}"),
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
