use std::str::FromStr;

use super::{Refused, text_value};
use crate::wording::count;

/// The name of one of etcd's command line flags, without leading dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagName(String);

text_value!(FlagName);

impl FromStr for FlagName {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint =
            "write it as `etcd --help` lists it, without leading dashes, as in `snapshot-count`";
        if text.starts_with('-') {
            return Err(Refused::new("a flag name has no leading dashes", hint));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "a flag name", hint));
        }
        if text.is_empty() || text.len() > 64 || text.ends_with('-') {
            return Err(Refused::new(format!("`{text}` is not a flag name"), hint));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The value of one of etcd's command line flags.
///
/// It passes through cloud-config, systemd and sometimes a shell, each with its own special characters (`$`,
/// `%`, quotes, backslashes, blanks). etcd's flags need none of them, so none are allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagValue(String);

text_value!(FlagValue);

impl From<bool> for FlagValue {
    fn from(value: bool) -> Self {
        Self(value.to_string())
    }
}

impl From<i64> for FlagValue {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl FromStr for FlagValue {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use letters, digits and `. - _ : / , = + * @ [ ]`";
        let allowed = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(
                    c,
                    '.' | '-' | '_' | ':' | '/' | ',' | '=' | '+' | '*' | '@' | '[' | ']'
                )
        };
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "a flag's value", hint));
        }
        if text.is_empty() {
            return Err(Refused::new(
                "the flag's value is empty",
                "remove the flag to use etcd's default",
            ));
        }
        if text.len() > 1024 {
            let length = count(text.len());
            return Err(Refused::new(
                format!("the flag's value is {length} bytes; the limit is 1,024"),
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
