//! Vagrant's output, kept in `.state/<cluster>/vagrant.log`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Duration;

use camino::Utf8PathBuf;
use xshell::Cmd;

use super::command;
use crate::atomic::cannot_write;
use crate::process;
use crate::report::Outcome;
use crate::workspace::Home;

/// The path of the log.
pub(super) fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("vagrant.log")
}

/// Runs Vagrant to its end. `said` receives each line as it comes.
pub(super) fn follow(
    home: &Home,
    vagrant: Cmd<'_>,
    deadline: Duration,
    said: &mut dyn FnMut(&str),
) -> Outcome<()> {
    let path = path(home);
    let mut log =
        open(home).map_err(|error| cannot_write(&path, &error, "it keeps Vagrant's output"))?;
    let finished = process::follow(vagrant, deadline, &mut |line| {
        // A log that can no longer be written, as on a full disk, must not stop the work.
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
