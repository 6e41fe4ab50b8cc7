use std::str::FromStr;

use super::{HostName, Refused, text_value};

/// A cluster's name: the file name of its definition without `.toml`.
///
/// It becomes part of folder names and tokens, so the rules of host names apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

text_value!(ClusterName);

impl FromStr for ClusterName {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        if text == "user-data" {
            return Err(Refused::new(
                "a cluster cannot be named `user-data`",
                "its folder would be `vagrant/user-data`, which is a file of the cluster `default`",
            ));
        }
        HostName::from_str(text)
            .map(|name| Self(name.as_str().to_owned()))
            .map_err(|refused| {
                Refused::new(
                    refused.why.replace("member's name", "cluster's name"),
                    refused.hint.replace("core-01", "staging"),
                )
            })
    }
}
