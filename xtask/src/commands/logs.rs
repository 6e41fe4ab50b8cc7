//! `cargo xtask logs`: what a member wrote to its log.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::Utf8Path;

use super::Exit;
use crate::driver::{self, Machines};
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::ui::Ui;
use crate::values::{ClusterName, HostName};

/// Show what a member wrote to its log
///
/// The log outlives its member: after a restart the member goes on in the same file, and after a
/// crash its last words are there, until `cargo xtask destroy`. A log of any size is as quick to
/// show as a small one. Of a member on a machine it is the journal of its unit.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The member, as `cargo xtask status` names it
    member: HostName,
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// Go on with what it writes, until Ctrl-C or `destroy`
    #[arg(long, short)]
    follow: bool,
    /// How many of the last lines to show
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100)]
    lines: u64,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask logs core-01               the last 100 lines of core-01
  cargo xtask logs core-01 -f -n 0       what it writes from now on, until Ctrl-C
  cargo xtask logs core-01 -n 1000 | grep warn

Exit status:
  2    the cluster has no such member
  4    the cluster was never started, or the member has no log
  130  Ctrl-C, as with any program that it ends";

/// Runs `logs`.
///
/// # Errors
/// Fails where there is no such cluster, member or log.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.cluster)?;
    started.insist_on(&args.member)?;
    if let Some(machines) = started.driver.machines() {
        return journal(&started, machines, args);
    }
    let path = started.driver.log(&started.home, &args.member);
    show(ui, &path, args).map_err(|error| no_log(&path, args, &error))
}

/// On a machine, etcd's log is in the journal. `journalctl` takes this process's place.
fn journal(started: &Started, machines: &dyn Machines, args: &Args) -> Outcome<Exit> {
    let shell = process::shell()?;
    let lines = args.lines.to_string();
    let journal = machines
        .ssh(&shell, &started.home, &args.member)?
        .args(["--", "sudo", "journalctl", "--unit=etcd.service"])
        .args(["--no-pager", "--output=cat", "--lines", &lines])
        .args(args.follow.then_some("--follow"));
    Err(driver::hand_over_to_ssh(journal))
}

fn no_log(path: &Utf8Path, args: &Args, error: &io::Error) -> Failure {
    let (member, cluster) = (&args.member, &args.cluster);
    Failure::could_not_look(if error.kind() == ErrorKind::NotFound {
        Diagnostic::error(format!("`{member}` has no log"))
                .note(format!(
                    "it would be `{path}`; it begins when the member first starts, and is gone where its folder was removed"
                ))
                .hint(Hint::informs(
                    "see how the member is",
                    [format!("cargo xtask status {cluster}")],
                ))
    } else {
        Diagnostic::error(format!("the log `{path}` cannot be read: {error}")).hint(Hint::informs(
            "see who may read it",
            [format!("ls -l '{path}'")],
        ))
    })
}

fn show(ui: Ui, path: &Utf8Path, args: &Args) -> io::Result<Exit> {
    let mut file = File::open(path)?;
    let start = start_of_last_lines(&mut file, args.lines)?;
    file.seek(SeekFrom::Start(start))?;
    let mut heard = pass_on(ui, &mut file)?;
    while args.follow && heard && ui.is_read_after(Duration::from_millis(100)) {
        let Ok(there) = fs::metadata(path) else {
            ui.say(&format!(
                "{}: the log is gone, as after `cargo xtask destroy {}`",
                args.member, args.cluster
            ));
            break;
        };
        // A member that starts again appends. Another file is that of a cluster made anew, and a
        // shorter one was emptied by somebody: both are read from their beginning.
        if there.ino() != file.metadata()?.ino() {
            file = File::open(path)?;
        } else if there.len() < file.stream_position()? {
            file.seek(SeekFrom::Start(0))?;
        }
        heard = pass_on(ui, &mut file)?;
    }
    Ok(Exit::Success)
}

/// Prints everything from here to the end of the file, in pieces. Returns whether somebody reads it.
fn pass_on(ui: Ui, file: &mut File) -> io::Result<bool> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(true);
        }
        if !ui.print_bytes(&piece[..length]) {
            return Ok(false);
        }
    }
}

/// How much of a log is in memory at a time, in bytes.
const PIECE: usize = 64 << 10;

/// Where the last so many lines begin. Reads backwards from the end, and no further than that. A last
/// line without its newline is a line.
fn start_of_last_lines(file: &mut File, lines: u64) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut found = 0;
    let mut position = end;
    let mut piece = vec![0; PIECE];
    while position > 0 {
        let length = usize::try_from(position).map_or(PIECE, |before| before.min(PIECE));
        position -= length as u64;
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(&mut piece[..length])?;
        for index in (0..length).rev() {
            let next_line = position + index as u64 + 1;
            // The newline at the very end begins no line.
            if piece[index] != b'\n' || next_line == end {
                continue;
            }
            found += 1;
            if found == lines {
                return Ok(next_line);
            }
        }
    }
    Ok(0)
}
