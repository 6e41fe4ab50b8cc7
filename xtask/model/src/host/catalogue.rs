//! Reads the catalogue of a box that this project has built.

use std::fmt::Write as _;

use serde::Deserialize;

/// A box, with a build for each supported provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Catalogue {
    /// The name that Vagrant knows the box by.
    pub name: String,
    /// Its versions, the current one first.
    pub versions: Vec<Edition>,
}

/// A version of a box.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Edition {
    /// One build for each provider.
    pub providers: Vec<Build>,
}

/// A box file for one provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// The name of the provider, as Vagrant calls it.
    pub name: String,
    /// Where the file is.
    pub url: String,
    /// The checksum of the file, if the catalogue has one.
    pub checksum: Option<String>,
}

impl Catalogue {
    /// Reads a catalogue file.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The build for a provider.
    pub fn build(&self, provider: &str) -> Option<&Build> {
        let builds = &self.versions.first()?.providers;
        builds.iter().find(|build| build.name == provider)
    }
}

impl Build {
    /// The name of its file, which lies beside the catalogue. The path in the URL may be outdated, if the
    /// workspace was moved.
    pub fn file_name(&self) -> Option<&str> {
        let (_, name) = self.url.rsplit_once('/')?;
        Some(name).filter(|name| !name.is_empty())
    }
}

/// The URL of a file on this host. Vagrant passes it to curl unchanged, which allows no blanks in a URL and
/// reads brackets and braces as patterns.
pub fn file_url(path: &str) -> String {
    let mut url = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
