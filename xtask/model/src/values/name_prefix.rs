use std::str::FromStr;

use super::{HostName, Refused, text_value};

/// The start of the names of counted members: `core` gives `core-01`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePrefix(String);

text_value!(NamePrefix);

impl NamePrefix {
    /// `core`, as in coreos-vagrant (`$instance_name_prefix`).
    pub fn core() -> Self {
        Self("core".to_owned())
    }

    /// The name of the member with this number, which starts at 1 (coreos-vagrant's `"%s-%02d"`).
    pub fn numbered(&self, number: u8) -> HostName {
        HostName::trusted(format!("{}-{number:02}", self.0))
    }
}

impl FromStr for NamePrefix {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let prefix = HostName::from_str(text)?;
        let most = HostName::LONGEST - "-255".len();
        if text.len() > most {
            return Err(Refused::new(
                format!("the prefix is {} bytes; the limit is {most}", text.len()),
                "leave room for the member's number, as in `core` for `core-01`",
            ));
        }
        Ok(Self(prefix.as_str().to_owned()))
    }
}
