//! The results of drills, for the tasks that run clients: on standard output, and as a report for a browser.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;

use crate::atomic;
use crate::drill::Drill;
use crate::drill::run::Run;
use crate::host_probe;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::drill_reports;
use crate::ui::drill::Format;
use crate::ui::{self, Ui};
use crate::values::DriverName;
use crate::workspace::Home;

/// How the clients worked.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// When the first drill started.
    pub started: SystemTime,
    /// The driver of the members.
    pub driver: DriverName,
    /// The minimum duration of a fault; none if none was injected.
    pub hold: Option<Duration>,
    /// The maximum rate of all clients together, in requests per second.
    pub rate: u32,
}

/// Prints the results of drills, and writes their report: to this file, or else among the cluster's own. `ended`: the
/// failure after the last of them, which matters more than one to write.
pub fn publish<T>(
    ui: Ui,
    home: &Home,
    how: Circumstances,
    drills: &[Drill],
    format: Format,
    file: Option<&Utf8Path>,
    ended: Outcome<T>,
) -> Outcome<T> {
    let run = run(how);
    ui.print(&match format {
        Format::Table => ui::drill::table::render(drills, ui.width()),
        Format::Json => ui::drill::json::render(&run, drills),
    });
    let page = ui::drill::html::render(&run, drills);
    let written = match file {
        Some(path) => write(ui, path, &page),
        None => keep(ui, home, &run, &page),
    };
    // If both failed, as on a full disk, what was not healed or completed matters more.
    if let (Err(unwritten), Err(_)) = (&written, &ended) {
        ui.report(&unwritten.diagnostics);
    }
    let ended = ended?;
    written?;
    Ok(ended)
}

fn run(how: Circumstances) -> Run {
    let Circumstances {
        started,
        driver,
        hold,
        rate,
    } = how;
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| process::quoted(&word.to_string_lossy()));
    let command = ["cargo".to_owned(), "xtask".to_owned()];
    Run {
        started: started.duration_since(UNIX_EPOCH).unwrap_or_default(),
        host: host_probe::name(),
        kernel: host_probe::kernel(),
        processors: host_probe::processors(),
        driver,
        xtask: env!("CARGO_PKG_VERSION").to_owned(),
        command: command
            .into_iter()
            .chain(words)
            .collect::<Vec<_>>()
            .join(" "),
        hold,
        rate,
    }
}

fn write(ui: Ui, path: &Utf8Path, page: &str) -> Outcome<()> {
    atomic::replace(path, page).map_err(|error| unwritten(path, &error))?;
    ui.say(&format!("report for a browser: {path}"));
    Ok(())
}

fn keep(ui: Ui, home: &Home, run: &Run, page: &str) -> Outcome<()> {
    let latest = drill_reports::latest(home);
    let kept =
        drill_reports::keep(home, run.started, page).map_err(|error| unwritten(&latest, &error))?;
    ui.say(&format!("report for a browser: {latest}"));
    ui.say(&format!("kept as {kept}"));
    Ok(())
}

fn unwritten(path: &Utf8Path, error: &io::Error) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("cannot write `{path}`: {error}"))
            .note("the results are shown above")
            .hint(atomic::why_not_writable(path)),
    )
}
