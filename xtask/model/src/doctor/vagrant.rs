use super::{Check, Judgement, packages};
use crate::hint::Hint;
use crate::host::{Host, Look, Version};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: Check = Check {
    name: "vagrant",
    title: "Vagrant is there, and is one that this project knows",
    judge,
};

/// The first version that can read the catalogue of Flatcar's box.
const LEAST: Version = Version::new(2, 2, 5);

fn judge(_: &Plan, host: &Host) -> Judgement {
    let version = match &host.vagrant {
        Look::Seen(version) => *version,
        Look::Missing => {
            let error = Diagnostic::error("there is no `vagrant` on your PATH").note(
                "Vagrant makes the virtual machines; this project knows its versions 2.3 and 2.4",
            );
            return Judgement::of("not on PATH", vec![install(error, host)]);
        }
        Look::Unknown(why) => {
            let error = Diagnostic::error("`vagrant` is there and does not run")
                .note(why.clone())
                .hint(Hint::informs("see for yourself", ["vagrant --version"]));
            return Judgement::of("does not run", vec![error]);
        }
    };
    let about = if version < LEAST {
        Diagnostic::error(format!("Vagrant {version} is too old")).note(format!(
            "it takes {LEAST} to read the catalogues of boxes; this project knows 2.3 and 2.4"
        ))
    } else if !version.is_at_least(2, 3) {
        Diagnostic::warning(format!("Vagrant {version} is older than 2.3"))
            .note("it should work, and nobody has tried it with this project")
    } else {
        let remark = if version.is_at_least(2, 5) {
            ", newer than any that was tried"
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
