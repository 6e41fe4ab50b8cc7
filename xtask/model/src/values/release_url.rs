use std::str::FromStr;

use super::{Refused, text_value};

/// A URL with the same layout as etcd's own releases: `<url>/v<version>/etcd-v<version>-linux-<arch>.tar.gz`.
///
/// Plain HTTP is allowed, because a download is used only if its checksum is right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReleaseUrl(String);

text_value!(ReleaseUrl);

impl ReleaseUrl {
    /// Where the etcd project publishes its releases.
    pub fn official() -> Self {
        Self("https://github.com/etcd-io/etcd/releases/download".to_owned())
    }
}

impl FromStr for ReleaseUrl {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "write the URL of the folder that holds `v3.6.14/` and the like, as in `https://mirror.example/etcd`";
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or_else(|| Refused::new("the URL is neither https:// nor http://", hint))?;
        if text.len() > 512 {
            return Err(Refused::new("the URL is longer than 512 bytes", hint));
        }
        if rest.contains('@') {
            return Err(Refused::new(
                "the URL carries a user name or password",
                "definitions are under version control, so they hold no secrets",
            ));
        }
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | ':' | '/');
        if let Some(other) = rest.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "a release URL", hint));
        }
        let host = rest.split('/').next().unwrap_or_default();
        if !host.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(Refused::new("the URL has no host", hint));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}
