//! The programs that make boxes.

use std::time::Duration;

use camino::Utf8Path;
use xshell::{Cmd, Shell};

use super::Material;
use crate::hint::Hint;
use crate::process;
use crate::reason::Reason;

/// How long a program may take, fetching packages on a slow line included.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A program, and the package of Debian and Ubuntu that holds it.
struct Tool {
    program: &'static str,
    package: &'static str,
    /// What it serves; nothing where it serves all of them.
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

/// Insists on every program that making a box from this takes; the error names those that are missing.
pub(super) fn insist(material: Material) -> Result<(), Reason> {
    let path = path();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<String> = TOOLS
        .iter()
        .filter(|tool| tool.only.is_none_or(|only| only == material))
        .filter(|tool| !is_there(tool.program))
        .map(|tool| format!("`{}`", tool.program))
        .collect();
    let from = match material {
        Material::CloudImage => "a cloud image",
        Material::Packages => "packages",
    };
    match missing.as_slice() {
        [] => Ok(()),
        missing => Err(Reason::from(format!(
            "to make a box from {from} this host lacks {}",
            missing.join(", ")
        ))),
    }
}

/// The line that installs all of them.
pub(super) fn install() -> Hint {
    let mut packages: Vec<&str> = TOOLS.iter().map(|tool| tool.package).collect();
    packages.dedup();
    let packages = packages.join(" ");
    Hint::heals(
        "on Debian and Ubuntu",
        [format!(
            "sudo apt-get install --no-install-recommends {packages} uidmap"
        )],
    )
}

/// Where programs are looked for. Those for file systems are beyond the PATH of most users.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

/// A shell in a folder, in which every tool does today what it does any other day.
pub(super) fn shell(folder: &Utf8Path, source_date: u64) -> Result<Shell, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    shell.change_dir(folder);
    shell.set_var("PATH", path());
    shell.set_var("LC_ALL", "C.UTF-8");
    shell.set_var("TZ", "UTC");
    shell.set_var("SOURCE_DATE_EPOCH", source_date.to_string());
    // What debugfs dates files by.
    shell.set_var("E2FSPROGS_FAKE_TIME", source_date.to_string());
    Ok(shell)
}

/// Runs a tool to its end. `fine`: the exit statuses of success.
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
