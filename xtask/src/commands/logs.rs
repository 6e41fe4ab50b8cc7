//! `cargo xtask logs`: what a member wrote to its log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::mpsc;
use std::time::Duration;

use camino::Utf8Path;

use super::cluster::Started;
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::ui;
use crate::values::{ClusterName, HostName};

/// Show what a member wrote to its log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask logs core-01               the last 100 lines of core-01
  cargo xtask logs core-01 -f -n 0       what it writes from now on, until Ctrl-C")]
pub struct Args {
    /// The member
    member: HostName,
    /// The cluster: a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// Go on with what it writes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How many of the last lines to show
    #[arg(long, short = 'n', default_value_t = 100)]
    lines: usize,
}

/// Runs `logs`.
///
/// # Errors
/// Fails where there is no such cluster, member or log.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = Started::find(&args.cluster)?;
    started.member(&args.member)?;
    let path = started.driver.log(&started.home(), &args.member);
    show(&path, args).map_err(|error| {
        Failure::new(
            Exit::CouldNotLook,
            Diagnostic::error(format!("the log `{path}` cannot be read: {error}")).hint(format!(
                "see how the member is: `cargo xtask status {}`",
                args.cluster
            )),
        )
    })
}

fn show(path: &Utf8Path, args: &Args) -> io::Result<Exit> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut last = std::collections::VecDeque::with_capacity(args.lines.min(4096));
    let mut line = Vec::new();
    let mut position = 0;
    while reader.read_until(b'\n', &mut line)? > 0 {
        position += line.len() as u64;
        last.push_back(String::from_utf8_lossy(&line).into_owned());
        if last.len() > args.lines {
            last.pop_front();
        }
        line.clear();
    }
    let mut heard = ui::print(&last.into_iter().collect::<String>());
    let (_never, tick) = mpsc::channel::<()>();
    while args.follow && heard {
        let _ = tick.recv_timeout(Duration::from_millis(100));
        // A member that starts again appends, so the file only ever grows, unless it was destroyed.
        if std::fs::metadata(path)?.len() <= position {
            continue;
        }
        reader.seek(SeekFrom::Start(position))?;
        let mut more = Vec::new();
        position += reader.read_to_end(&mut more)? as u64;
        heard = ui::print(&String::from_utf8_lossy(&more));
    }
    Ok(Exit::Success)
}
