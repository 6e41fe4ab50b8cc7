use std::str::FromStr;

use super::{Refused, text_value};

/// The name of a container image without its tag, such as `quay.io/coreos/etcd`.
///
/// The grammar is the one of the distribution project's `reference` package, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName(String);

text_value!(ImageName);

impl FromStr for ImageName {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "write the registry and the image's path, as in `quay.io/coreos/etcd`";
        if text.is_empty() || text.len() > 255 {
            let length = text.len();
            return Err(Refused::new(
                format!("an image name is 1 to 255 bytes long, not {length}"),
                hint,
            ));
        }
        if text.contains('@') {
            return Err(Refused::new(
                "the image name has a digest",
                "write only the name: the tag follows from `etcd.version`",
            ));
        }
        let allowed = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '/' | ':')
        };
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(Refused::character(other, "an image name", hint));
        }
        let (registry, path) = match text.split_once('/') {
            Some((registry, path)) => (Some(registry), path),
            None => (None, text),
        };
        if path.contains(':') {
            return Err(Refused::new(
                "the image name has a tag",
                "write only the name: the tag follows from `etcd.version`",
            ));
        }
        let mut parts = path.split('/');
        let registry_is_right = registry.is_none_or(is_registry);
        if !registry_is_right || !parts.all(is_path_component) {
            return Err(Refused::new(format!("`{text}` is not an image name"), hint));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    is_path_component(host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
}

fn is_path_component(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends(text.chars().next()) && ends(text.chars().next_back()) && !text.contains(':')
}
