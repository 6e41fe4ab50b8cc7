use super::{Check, Judgement};
use crate::hint::Hint;
use crate::host::virtualization::{Choice, Kvm, choose};
use crate::host::{Host, Look, Provider, provider};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::Virtualization;

pub(super) static CHECK: Check = Check {
    name: "virtualization",
    title: "machines run on the host's processor, not on an emulated one",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    match provider(host) {
        Ok(Provider::VirtualBox) => virtualbox(host),
        Ok(Provider::Other(name)) => {
            Judgement::not_seen(format!("how {name} runs machines is unknown here"))
        }
        // Also without a provider, because it matters for the choice of one.
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
            Judgement::pass("QEMU's emulation, as requested: slow, but works everywhere")
        }
        Choice { asked: false, .. } => {
            let warning = Diagnostic::warning(format!(
                "{}, so QEMU emulates a processor",
                why_not(host)
            ))
            .note("emulation works everywhere, but a machine boots in minutes instead of seconds");
            Judgement::of(
                "QEMU's emulation: machines boot in minutes",
                vec![remedies(warning, host)],
            )
        }
    }
}

/// The judgement if KVM is to be used: on request, or because it can be opened.
fn kvm(host: &Host, asked: bool) -> Judgement {
    match &host.kvm {
        Look::Seen(Kvm::Opens) if asked => Judgement::pass("KVM, as requested"),
        Look::Seen(Kvm::Opens) if host.processor_virtualizes == Look::Missing => {
            let warning = Diagnostic::warning(
                "`/dev/kvm` can be opened, although the processor does not offer virtualization",
            )
            .note("some hosts have their own kind of KVM, under which not every kernel boots")
            .hint(Hint::heals(
                "if machines do not boot, let QEMU emulate a processor",
                ["export XTASK_VIRTUALIZATION=qemu"],
            ));
            Judgement::of("KVM, of an unusual kind", vec![warning])
        }
        Look::Seen(Kvm::Opens) => Judgement::pass("KVM"),
        // The system's libvirt opens it as its own user.
        Look::Seen(Kvm::Forbidden) => {
            Judgement::pass(if asked { "KVM, as requested" } else { "KVM" })
                .except("whether libvirt's own user may open /dev/kvm (this user may not)")
        }
        _ => {
            let error = Diagnostic::error(format!("KVM is requested, but {}", why_not(host))).hint(
                Hint::heals(
                    "let QEMU emulate a processor, slowly",
                    ["export XTASK_VIRTUALIZATION=qemu"],
                ),
            );
            Judgement::of("no KVM", vec![remedies(error, host)])
        }
    }
}

fn why_not(host: &Host) -> String {
    match &host.kvm {
        Look::Seen(Kvm::Opens) => "`/dev/kvm` is not requested".to_owned(),
        Look::Seen(Kvm::Forbidden) => "this user may not open `/dev/kvm`".to_owned(),
        Look::Seen(Kvm::Fails(why)) => format!("`/dev/kvm` cannot be opened ({why})"),
        Look::Missing => "there is no `/dev/kvm`".to_owned(),
        Look::Unknown(why) => format!("whether `/dev/kvm` can be opened is unknown ({why})"),
    }
}

fn remedies(diagnostic: Diagnostic, host: &Host) -> Diagnostic {
    match &host.kvm {
        Look::Seen(Kvm::Fails(_)) => diagnostic
            .hint(Hint::heals("load the kernel module for Intel processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD processors", ["sudo modprobe kvm_amd"])),
        Look::Missing if host.processor_virtualizes == Look::Missing => diagnostic
            .note("the processor does not offer virtualization: it is disabled in the firmware, or this host is a VM without nested virtualization")
            .hint("on bare metal, enable it in the firmware (VT-x, AMD-V, SVM); in a VM, enable nested virtualization on its host"),
        Look::Missing => diagnostic
            .hint(Hint::heals("load the kernel module for Intel processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD processors", ["sudo modprobe kvm_amd"])),
        Look::Seen(Kvm::Opens | Kvm::Forbidden) | Look::Unknown(_) => diagnostic,
    }
}

fn virtualbox(host: &Host) -> Judgement {
    match &host.processor_virtualizes {
        Look::Seen(()) => Judgement::pass("on the host's processor"),
        Look::Unknown(why) => Judgement::not_seen(why),
        Look::Missing => {
            let error = Diagnostic::error(
                "the processor does not offer virtualization, which VirtualBox needs",
            )
            .note("it is disabled in the firmware, or this host is a VM without nested virtualization")
            .hint("on bare metal, enable it in the firmware (VT-x, AMD-V, SVM)")
            .hint(Hint::heals(
                "libvirt works without it, slowly; use it, and see what it needs",
                [
                    "export VAGRANT_DEFAULT_PROVIDER=libvirt",
                    "cargo xtask doctor",
                ],
            ));
            Judgement::of("the processor does not offer it", vec![error])
        }
    }
}
