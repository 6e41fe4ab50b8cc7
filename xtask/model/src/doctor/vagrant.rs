use super::{HostCheck, Judgement, packages};
use crate::hint::Hint;
use crate::host::{Host, Probe, Version};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "vagrant",
    title: "Vagrant is installed, in a version that this project knows",
    judge,
};

/// The first version that can read the catalogue of Flatcar's box.
const LEAST: Version = Version::new(2, 2, 5);

fn judge(_: &Plan, host: &Host) -> Judgement {
    let version = match &host.vagrant {
        Probe::Seen(version) => *version,
        Probe::Missing => {
            let error = Diagnostic::error("`vagrant` is not on your PATH").note(
                "Vagrant creates the virtual machines; this project knows versions 2.3 and 2.4",
            );
            return Judgement::of("not on PATH", vec![install(error, host)]);
        }
        Probe::Unknown(why) => {
            let error = Diagnostic::error("`vagrant` is installed but does not run")
                .note(why.clone())
                .hint(Hint::informs("see the error", ["vagrant --version"]));
            return Judgement::of("does not run", vec![error]);
        }
    };
    let about = if version < LEAST {
        Diagnostic::error(format!("Vagrant {version} is too old")).note(format!(
            "catalogues of boxes need at least {LEAST}; this project knows 2.3 and 2.4"
        ))
    } else if !version.is_at_least(2, 3) {
        Diagnostic::warning(format!("Vagrant {version} is older than 2.3"))
            .note("it should work, but nobody has tried it with this project")
    } else {
        let remark = if version.is_at_least(2, 5) {
            ", newer than any that was tested"
        } else {
            ""
        };
        return Judgement::pass(format!("Vagrant {version}{remark}"));
    };
    Judgement::of(format!("Vagrant {version}"), vec![install(about, host)])
}

fn install(diagnostic: Diagnostic, host: &Host) -> Diagnostic {
    let lines = packages::vagrant(host).into_iter();
    lines.fold(diagnostic, Diagnostic::hint)
}
