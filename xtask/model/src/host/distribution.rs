/// The distribution that a host has, as far as it decides what packages and services are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Debian.
    Debian,
    /// Ubuntu, which has libvirt as Debian has it, and no Vagrant.
    Ubuntu,
    /// Fedora, and what is made from it.
    Fedora,
    /// Arch Linux.
    Arch,
    /// openSUSE and SUSE's others.
    Suse,
    /// Another one, or none that says what it is.
    Other,
}

impl Distribution {
    /// Reads `/etc/os-release`: what it is, or else what it is like.
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
