//! Reads the catalogue that describes a box which this project has built.

use serde::Deserialize;

/// A box, with a build for each provider that it fits.
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
    /// Its builds.
    pub providers: Vec<Build>,
}

/// A box file for one provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// The provider's name.
    pub name: String,
    /// Where the file is.
    pub url: String,
    /// The file's checksum.
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
    /// The path of its file, where that is one of this host.
    pub fn file(&self) -> Option<&str> {
        match self.url.strip_prefix("file://") {
            Some(path) => Some(path),
            None => Some(self.url.as_str()).filter(|url| url.starts_with('/')),
        }
    }
}
