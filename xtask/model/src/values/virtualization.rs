use std::fmt;
use std::str::FromStr;

use super::Refused;

/// How libvirt runs a machine's processors, in its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Virtualization {
    /// On the host's processors, with the kernel's KVM.
    Kvm,
    /// With QEMU's emulation, which is many times slower but works everywhere.
    Qemu,
}

impl Virtualization {
    /// Every kind, the fastest first.
    pub const ALL: &'static [Self] = &[Self::Kvm, Self::Qemu];

    /// The name as definitions and `XTASK_VIRTUALIZATION` spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Qemu => "QEMU's emulation",
        }
    }
}

impl fmt::Display for Virtualization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Virtualization {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let known = Self::ALL.iter().find(|one| one.as_str() == text);
        known.copied().ok_or_else(|| {
            Refused::new(
                format!("unknown virtualization `{}`", text.escape_debug()),
                "use `kvm` or `qemu`, or leave it out to choose automatically",
            )
        })
    }
}
