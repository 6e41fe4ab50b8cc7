/// A host's distribution, which decides the names of packages and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Debian.
    Debian,
    /// Ubuntu, which has Debian's libvirt but no Vagrant.
    Ubuntu,
    /// Fedora and its derivatives.
    Fedora,
    /// Arch Linux.
    Arch,
    /// openSUSE and SUSE's other distributions.
    Suse,
    /// Another or an unknown one.
    Other,
}

impl Distribution {
    /// Reads `/etc/os-release`: the distribution, or else one that it is like.
    pub fn read(text: &str) -> Self {
        let value = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let names = ["ID", "ID_LIKE"].map(|name| value(name).unwrap_or_default().trim_matches('"'));
        let mut known = names.iter().flat_map(|names| names.split_whitespace());
        known.find_map(Self::named).unwrap_or(Self::Other)
    }

    fn named(id: &str) -> Option<Self> {
        match id {
            "debian" => Some(Self::Debian),
            "ubuntu" => Some(Self::Ubuntu),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            "suse" | "opensuse" => Some(Self::Suse),
            _ => None,
        }
    }
}
