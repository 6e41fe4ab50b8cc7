//! The programs that make boxes.

use std::time::Duration;

use camino::Utf8Path;
use xshell::{Cmd, Shell};

use super::Material;
use crate::hint::Hint;
use crate::process;
use crate::reason::Reason;
use crate::wording::list_of_words;

/// How long a program may take, including slow downloads.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A program, and its package in Debian and Ubuntu.
struct Tool {
    program: &'static str,
    package: &'static str,
    /// The only material that needs it; `None` if all do.
    only: Option<Material>,
}

static TOOLS: &[Tool] = &[
    Tool {
        program: "mmdebstrap",
        package: "mmdebstrap",
        only: Some(Material::Packages),
    },
    Tool {
        program: "genext2fs",
        package: "genext2fs",
        only: Some(Material::Packages),
    },
    Tool {
        program: "debugfs",
        package: "e2fsprogs",
        only: None,
    },
    Tool {
        program: "qemu-img",
        package: "qemu-utils",
        only: None,
    },
    Tool {
        program: "tar",
        package: "tar",
        only: None,
    },
];

/// Fails if a program is missing that this material needs, and names it.
pub(super) fn require(material: Material) -> Result<(), Reason> {
    let path = path();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| tool.only.is_none_or(|only| only == material))
        .filter(|tool| !is_there(tool.program))
        .map(|tool| tool.program)
        .collect();
    let from = match material {
        Material::CloudImage => "a cloud image",
        Material::Packages => "packages",
    };
    match missing.as_slice() {
        [] => Ok(()),
        missing => Err(Reason::from(format!(
            "this host lacks {}, needed to make a box from {from}",
            list_of_words(missing)
        ))),
    }
}

/// The command that installs all tools.
pub(super) fn install() -> Hint {
    let mut packages: Vec<&str> = TOOLS.iter().map(|tool| tool.package).collect();
    packages.dedup();
    let packages = packages.join(" ");
    Hint::heals(
        "install the tools on Debian or Ubuntu",
        [format!(
            "sudo apt-get install --no-install-recommends {packages} uidmap"
        )],
    )
}

/// The search path. File system tools are outside most users' PATH.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

/// A shell in which every tool gives the same result on any day.
pub(super) fn shell(folder: &Utf8Path, source_date: u64) -> Result<Shell, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    shell.change_dir(folder);
    shell.set_var("PATH", path());
    shell.set_var("LC_ALL", "C.UTF-8");
    shell.set_var("TZ", "UTC");
    shell.set_var("SOURCE_DATE_EPOCH", source_date.to_string());
    // debugfs takes its dates from this variable.
    shell.set_var("E2FSPROGS_FAKE_TIME", source_date.to_string());
    Ok(shell)
}

/// Runs a tool to its end. `fine`: the exit statuses that mean success.
pub(super) fn run(command: Cmd<'_>, fine: &[i32]) -> Result<String, Reason> {
    let finished = process::run(command, PATIENCE);
    match finished.ending {
        process::Ending::Exited(status) if fine.contains(&status) => Ok(finished.stdout),
        _ => {
            let program = finished.command.split(' ').find(|word| !word.contains('='));
            Err(Reason::from(format!(
                "`{}` {}: {}",
                program.unwrap_or_default(),
                finished.ending(),
                finished.last_lines(3).replace('\n', "; ")
            )))
        }
    }
}
