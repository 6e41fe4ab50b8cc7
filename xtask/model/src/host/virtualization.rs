//! Whether machines run on the host's processor, or on one that QEMU emulates.

use super::{Host, Probe};
use crate::values::{Refused, Virtualization};

/// Whether an existing `/dev/kvm` can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// This user can open it for reading and writing.
    Opens,
    /// This user may not open it.
    Forbidden,
    /// No user can open it; the reason.
    Fails(String),
}

/// How QEMU should run machines, and whether that was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenVirtualization {
    /// How QEMU would run the processors.
    pub virtualization: Virtualization,
    /// Whether it was requested; otherwise it follows from the host.
    pub asked: bool,
}

/// How QEMU should run machines: as the environment says, else as the definition says, else with KVM if this
/// host has it. This user need not be able to open it, because libvirt's own user does.
pub fn choose(
    defined: Option<Virtualization>,
    host: &Host,
) -> Result<ChosenVirtualization, Refused> {
    let asked = match &host.virtualization_asked {
        Some(text) => Some(text.parse()?),
        None => defined,
    };
    let by_itself = match &host.kvm {
        Probe::Seen(Kvm::Opens | Kvm::Forbidden) => Virtualization::Kvm,
        _ => Virtualization::Qemu,
    };
    Ok(ChosenVirtualization {
        virtualization: asked.unwrap_or(by_itself),
        asked: asked.is_some(),
    })
}

/// Whether the flags in `/proc/cpuinfo` say that the processor supports virtualization: `vmx` for Intel,
/// `svm` for AMD. Other processors have no such flag.
pub fn in_cpuinfo(text: &str) -> Probe<()> {
    let line = text.lines().find(|line| line.starts_with("flags"));
    match line {
        None => Probe::Unknown("/proc/cpuinfo does not list this processor's flags".to_owned()),
        Some(flags) if flags.split_whitespace().any(|f| f == "vmx" || f == "svm") => {
            Probe::Seen(())
        }
        Some(_) => Probe::Missing,
    }
}
