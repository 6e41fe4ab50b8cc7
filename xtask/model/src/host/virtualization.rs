//! Whether machines run on the processor itself, or on one that QEMU emulates.

use super::{Host, Look};
use crate::values::{Refused, Virtualization};

/// Whether `/dev/kvm`, which is there, can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// This user can open it for reading and writing.
    Opens,
    /// This user may not.
    Forbidden,
    /// It cannot be opened by anybody; why.
    Fails(String),
}

/// How QEMU is to run machines, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What QEMU would run the processors on.
    pub virtualization: Virtualization,
    /// Whether somebody asks for it, rather than that it follows from the host.
    pub asked: bool,
}

/// How QEMU is to run machines: as the environment says, or the definition, or else by KVM where this
/// host has it. It may be that this user cannot open it: libvirt's own opens it for them.
pub fn choose(defined: Option<Virtualization>, host: &Host) -> Result<Choice, Refused> {
    let asked = match &host.virtualization_asked {
        Some(text) => Some(text.parse()?),
        None => defined,
    };
    let by_itself = match &host.kvm {
        Look::Seen(Kvm::Opens | Kvm::Forbidden) => Virtualization::Kvm,
        _ => Virtualization::Qemu,
    };
    Ok(Choice {
        virtualization: asked.unwrap_or(by_itself),
        asked: asked.is_some(),
    })
}

/// Whether the flags in the text of `/proc/cpuinfo` say that the processor can run machines: `vmx` of
/// Intel's, `svm` of AMD's. Other processors have no such flag.
pub fn in_cpuinfo(text: &str) -> Look<()> {
    let line = text.lines().find(|line| line.starts_with("flags"));
    match line {
        None => Look::Unknown("/proc/cpuinfo does not tell of this processor's flags".to_owned()),
        Some(flags) if flags.split_whitespace().any(|f| f == "vmx" || f == "svm") => Look::Seen(()),
        Some(_) => Look::Missing,
    }
}
