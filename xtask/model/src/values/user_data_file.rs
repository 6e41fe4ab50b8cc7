use std::str::FromStr;

use super::{Refused, text_value};

/// A file beside the definitions, by its path relative to `cluster/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserDataFile(String);

text_value!(UserDataFile);

impl FromStr for UserDataFile {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "write the name of a file in `cluster/`, as in `my-units.yaml`";
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        if let Some(other) = text.chars().find(|&c| !is_allowed(c)) {
            return Err(Refused::character(other, "the name of this file", hint));
        }
        let is_inside = !text.split('/').any(|part| matches!(part, "" | "." | ".."));
        if !is_inside || text.len() > 255 {
            let shown: String = text.chars().take(60).collect();
            let why = format!("`{shown}` is not the path of a file below `cluster/`");
            return Err(Refused::new(why, hint));
        }
        if text.ends_with(".toml") {
            let why = format!("`{text}` would be read as a definition");
            return Err(Refused::new(why, hint));
        }
        Ok(Self(text.to_owned()))
    }
}
