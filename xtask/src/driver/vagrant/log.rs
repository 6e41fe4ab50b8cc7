//! What Vagrant says, kept in `.state/<cluster>/vagrant.log`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Duration;

use camino::Utf8PathBuf;
use xshell::Cmd;

use super::command;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Home;

/// The file.
pub(super) fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("vagrant.log")
}

/// Runs Vagrant to its end. `said` is told each line as it comes.
pub(super) fn follow(
    home: &Home,
    vagrant: Cmd<'_>,
    deadline: Duration,
    said: &mut dyn FnMut(&str),
) -> Outcome<()> {
    let path = path(home);
    let mut log = open(home).map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("cannot write `{path}`: {error}"))
                .note("what Vagrant says is kept there")
                .hint("see who may write there, and whether its disk has room"),
        )
    })?;
    let finished = process::follow(vagrant, deadline, &mut |line| {
        // A log that cannot be written any more, as on a full disk, must not end the work.
        let _ = writeln!(log, "{line}");
        said(line);
    });
    if finished.success() {
        Ok(())
    } else {
        Err(command::failed(&finished, &finished.stdout, Some(&path)))
    }
}

fn open(home: &Home) -> io::Result<File> {
    let path = path(home);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).open(path)
}
