use std::str::FromStr;

use super::{Refused, text_value};

/// A folder of the host: absolute, below the home folder (`~/…`), or relative to a folder that the key
/// decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostFolder(String);

text_value!(HostFolder);

impl FromStr for HostFolder {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use letters, digits, spaces and `. - _ + @ /`, as in `~/src` or `./shared`";
        let allowed = |c: char| is_plain(c) || matches!(c, ' ' | '+' | '@');
        let rest = text.strip_prefix("~/").unwrap_or(text);
        check(text, rest, allowed, hint)?;
        Ok(Self(text.to_owned()))
    }
}

/// A file of the host: absolute, below the home folder (`~/…`), or relative to the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile(String);

text_value!(HostFile);

impl FromStr for HostFile {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        text.parse().map(|HostFolder(path)| Self(path))
    }
}

/// A folder of a machine: absolute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestFolder(String);

text_value!(GuestFolder);

impl FromStr for GuestFolder {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "use an absolute path of letters, digits and `. - _ /`, as in `/srv/shared`";
        check(text, text, is_plain, hint)?;
        if !text.starts_with('/') {
            return Err(Refused::new(
                format!("the machine's folder `{text}` is not absolute"),
                hint,
            ));
        }
        if text
            .split('/')
            .skip(1)
            .any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(Refused::new(
                format!("`{text}` is not a plain path of a folder"),
                hint,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/')
}

fn check(
    text: &str,
    rest: &str,
    allowed: impl Fn(char) -> bool,
    hint: &str,
) -> Result<(), Refused> {
    if let Some(other) = rest.chars().find(|&c| !allowed(c)) {
        return Err(Refused::character(other, "a folder", hint));
    }
    if text.is_empty() || text.len() > 255 {
        let length = text.len();
        return Err(Refused::new(
            format!("a folder is 1 to 255 bytes long, not {length}"),
            hint,
        ));
    }
    if text.starts_with('-') || text.starts_with(' ') || text.ends_with(' ') {
        return Err(Refused::new(
            format!("`{text}` is not the name of a folder"),
            hint,
        ));
    }
    Ok(())
}
