use super::{Check, Judgement};
use crate::hint::Hint;
use crate::host::virtualization::{Choice, Kvm, choose};
use crate::host::{Host, Look, Provider, provider};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::Virtualization;

pub(super) static CHECK: Check = Check {
    name: "virtualization",
    title: "machines run on the processor itself, not on an emulated one",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    match provider(host) {
        Ok(Provider::VirtualBox) => virtualbox(host),
        Ok(Provider::Other(name)) => {
            Judgement::not_seen(format!("how {name} runs machines is not known here"))
        }
        // Without a provider, too: it matters for the choice of one.
        Ok(Provider::Libvirt) | Err(_) => qemu(plan, host),
    }
}

fn qemu(plan: &Plan, host: &Host) -> Judgement {
    let choice = match choose(plan.machine.virtualization, host) {
        Ok(choice) => choice,
        Err(refused) => {
            let error = Diagnostic::error(format!("`XTASK_VIRTUALIZATION`: {}", refused.why))
                .hint(refused.hint);
            return Judgement::of("not understood", vec![error]);
        }
    };
    match choice {
        Choice {
            virtualization: Virtualization::Kvm,
            asked,
        } => kvm(host, asked),
        Choice { asked: true, .. } => {
            Judgement::pass("QEMU's emulation, as asked: slow, and everywhere")
        }
        Choice { asked: false, .. } => {
            let warning =
                Diagnostic::warning(format!("{}, so QEMU emulates a processor", why_not(host)))
                    .note(
                        "it works everywhere, and a machine boots in minutes rather than seconds",
                    );
            Judgement::of(
                "QEMU's emulation: machines boot in minutes",
                vec![remedies(warning, host)],
            )
        }
    }
}

/// KVM is to be used: as somebody asks, or because it can be opened.
fn kvm(host: &Host, asked: bool) -> Judgement {
    match &host.kvm {
        Look::Seen(Kvm::Opens) if asked => Judgement::pass("KVM, as asked"),
        Look::Seen(Kvm::Opens) if host.processor_virtualizes == Look::Missing => {
            let warning = Diagnostic::warning(
                "`/dev/kvm` can be opened, though the processor does not offer virtualization",
            )
            .note("some hosts have a KVM of their own making, under which not every kernel boots")
            .hint(Hint::heals(
                "if machines do not boot, have QEMU emulate a processor",
                ["export XTASK_VIRTUALIZATION=qemu"],
            ));
            Judgement::of("KVM, of an unusual kind", vec![warning])
        }
        Look::Seen(Kvm::Opens) => Judgement::pass("KVM"),
        // The system's libvirt opens it by a user of its own.
        Look::Seen(Kvm::Forbidden) => Judgement::pass(if asked { "KVM, as asked" } else { "KVM" })
            .except("whether libvirt's own user may open /dev/kvm, which this one may not"),
        _ => {
            let error = Diagnostic::error(format!("KVM is asked for, and {}", why_not(host))).hint(
                Hint::heals(
                    "to have QEMU emulate a processor, slowly",
                    ["export XTASK_VIRTUALIZATION=qemu"],
                ),
            );
            Judgement::of("no KVM", vec![remedies(error, host)])
        }
    }
}

fn why_not(host: &Host) -> String {
    match &host.kvm {
        Look::Seen(Kvm::Opens) => "`/dev/kvm` is not asked for".to_owned(),
        Look::Seen(Kvm::Forbidden) => "this user may not open `/dev/kvm`".to_owned(),
        Look::Seen(Kvm::Fails(why)) => format!("`/dev/kvm` cannot be opened ({why})"),
        Look::Missing => "there is no `/dev/kvm`".to_owned(),
        Look::Unknown(why) => format!("whether `/dev/kvm` can be opened is not known ({why})"),
    }
}

fn remedies(diagnostic: Diagnostic, host: &Host) -> Diagnostic {
    match &host.kvm {
        Look::Seen(Kvm::Fails(_)) => diagnostic
            .hint(Hint::heals("load the kernel's module for Intel's processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD's", ["sudo modprobe kvm_amd"])),
        Look::Missing if host.processor_virtualizes == Look::Missing => diagnostic
            .note("the processor does not offer virtualization: it is switched off in its firmware, or this host is itself a machine without it")
            .hint("on hardware: switch it on in the firmware (VT-x, AMD-V, SVM); in a machine: have its host pass it on"),
        Look::Missing => diagnostic
            .hint(Hint::heals("load the kernel's module for Intel's processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD's", ["sudo modprobe kvm_amd"])),
        Look::Seen(Kvm::Opens | Kvm::Forbidden) | Look::Unknown(_) => diagnostic,
    }
}

fn virtualbox(host: &Host) -> Judgement {
    match &host.processor_virtualizes {
        Look::Seen(()) => Judgement::pass("by the processor"),
        Look::Unknown(why) => Judgement::not_seen(why),
        Look::Missing => {
            let error = Diagnostic::error(
                "the processor does not offer virtualization, which VirtualBox needs",
            )
            .note("it is switched off in its firmware, or this host is itself a machine without it")
            .hint("on hardware: switch it on in the firmware (VT-x, AMD-V, SVM)")
            .hint(Hint::heals(
                "libvirt does without, slowly; use it, and see what it takes",
                [
                    "export VAGRANT_DEFAULT_PROVIDER=libvirt",
                    "cargo xtask doctor",
                ],
            ));
            Judgement::of("the processor does not offer it", vec![error])
        }
    }
}
