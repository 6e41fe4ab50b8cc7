use std::fmt;

/// What a machine's processors run on, as libvirt names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Virtualization {
    /// The host's own, by the kernel's KVM.
    Kvm,
    /// QEMU's emulation, many times slower and everywhere the same.
    Qemu,
}

impl Virtualization {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Kvm, Self::Qemu];

    /// The name as definitions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for Virtualization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
