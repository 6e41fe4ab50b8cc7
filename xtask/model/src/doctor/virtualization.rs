use super::{HostCheck, Judgement};
use crate::hint::Hint;
use crate::host::virtualization::{ChosenVirtualization, Kvm, choose};
use crate::host::{Host, Probe, Provider, provider};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::Virtualization;

pub(super) static CHECK: HostCheck = HostCheck {
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
        ChosenVirtualization {
            virtualization: Virtualization::Kvm,
            asked,
        } => kvm(host, asked),
        ChosenVirtualization { asked: true, .. } => {
            Judgement::pass("QEMU's emulation, as requested: slow, but works everywhere")
        }
        ChosenVirtualization { asked: false, .. } => {
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
        Probe::Seen(Kvm::Opens) if asked => Judgement::pass("KVM, as requested"),
        Probe::Seen(Kvm::Opens) if host.processor_virtualizes == Probe::Missing => {
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
        Probe::Seen(Kvm::Opens) => Judgement::pass("KVM"),
        // The system's libvirt opens it as its own user.
        Probe::Seen(Kvm::Forbidden) => {
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
        Probe::Seen(Kvm::Opens) => "`/dev/kvm` is not requested".to_owned(),
        Probe::Seen(Kvm::Forbidden) => "this user may not open `/dev/kvm`".to_owned(),
        Probe::Seen(Kvm::Fails(why)) => format!("`/dev/kvm` cannot be opened ({why})"),
        Probe::Missing => "there is no `/dev/kvm`".to_owned(),
        Probe::Unknown(why) => format!("whether `/dev/kvm` can be opened is unknown ({why})"),
    }
}

fn remedies(diagnostic: Diagnostic, host: &Host) -> Diagnostic {
    match &host.kvm {
        Probe::Seen(Kvm::Fails(_)) => diagnostic
            .hint(Hint::heals("load the kernel module for Intel processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD processors", ["sudo modprobe kvm_amd"])),
        Probe::Missing if host.processor_virtualizes == Probe::Missing => diagnostic
            .note("the processor does not offer virtualization: it is disabled in the firmware, or this host is a VM without nested virtualization")
            .hint("on bare metal, enable it in the firmware (VT-x, AMD-V, SVM); in a VM, enable nested virtualization on its host"),
        Probe::Missing => diagnostic
            .hint(Hint::heals("load the kernel module for Intel processors", ["sudo modprobe kvm_intel"]))
            .hint(Hint::heals("or the one for AMD processors", ["sudo modprobe kvm_amd"])),
        Probe::Seen(Kvm::Opens | Kvm::Forbidden) | Probe::Unknown(_) => diagnostic,
    }
}

fn virtualbox(host: &Host) -> Judgement {
    match &host.processor_virtualizes {
        Probe::Seen(()) => Judgement::pass("on the host's processor"),
        Probe::Unknown(why) => Judgement::not_seen(why),
        Probe::Missing => {
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
