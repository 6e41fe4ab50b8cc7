//! Whether machines run on the processor itself, or on one that QEMU emulates.

use std::fmt;
use std::str::FromStr;

use super::{Host, Look};
use crate::values::Refused;

/// How QEMU runs machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Virtualization {
    /// By the processor, through the kernel's KVM.
    Kvm,
    /// By emulating a processor, which is many times slower and works everywhere.
    Qemu,
}

impl Virtualization {
    /// The name as `XTASK_VIRTUALIZATION` spells it, and libvirt too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }

    /// The name that people use.
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
        match text {
            "kvm" => Ok(Self::Kvm),
            "qemu" => Ok(Self::Qemu),
            _ => Err(Refused::new(
                format!("there is no virtualization `{}`", text.escape_debug()),
                "use `kvm` or `qemu`, or leave it out to have it chosen",
            )),
        }
    }
}

/// Whether `/dev/kvm`, which is there, can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// This user can open it for reading and writing.
    Opens,
    /// This user may not; the group that may, where there is one.
    Forbidden(Option<String>),
    /// It cannot be opened by anybody; why.
    Fails(String),
}

/// How QEMU is to run machines, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// How.
    pub virtualization: Virtualization,
    /// Whether somebody asks for it, rather than that it follows from the host.
    pub asked: bool,
}

/// How QEMU is to run machines: as the environment says, or the definition, or else by KVM where this
/// user can open it.
///
/// # Errors
/// The environment names something that there is not.
pub fn choose(defined: Option<Virtualization>, host: &Host) -> Result<Choice, Refused> {
    let asked = match &host.virtualization_asked {
        Some(text) => Some(text.parse()?),
        None => defined,
    };
    let by_itself = match &host.kvm {
        Look::Seen(Kvm::Opens) => Virtualization::Kvm,
        _ => Virtualization::Qemu,
    };
    Ok(Choice {
        virtualization: asked.unwrap_or(by_itself),
        asked: asked.is_some(),
    })
}

/// The name of a group in the text of `/etc/group`.
pub fn group_name(text: &str, id: u32) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
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
