//! `cargo xtask logs`: shows the log of a member.

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

/// Show the log of a member
///
/// The log is kept until `cargo xtask destroy`: it includes a member's last messages before a crash,
/// and a restarted member appends to the same file. The size of the log does not affect how fast it
/// is shown. The log of a member on a machine is the journal of its unit.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The member, as `cargo xtask status` names it
    member: HostName,
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// Keep printing new lines, until Ctrl-C or `destroy`
    #[arg(long, short)]
    follow: bool,
    /// The number of last lines to show
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100)]
    lines: u64,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask logs core-01               show the last 100 lines of core-01
  cargo xtask logs core-01 -f -n 0       show only new lines, until Ctrl-C
  cargo xtask logs core-01 -n 1000 | grep warn

Exit status:
  2    the cluster has no such member
  4    the cluster was never started, or the member has no log
  130  Ctrl-C";

/// Runs `logs`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::with_member("logs", &args.cluster, &args.member, &[])?;
    if let Some(machines) = started.driver.machines() {
        return journal(&started, machines, args);
    }
    let path = started.driver.log(&started.home, &args.member);
    show(ui, &path, args).map_err(|error| no_log(&path, args, &error))
}

/// Replaces this process with `journalctl`: on a machine, etcd's log is in the journal.
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
                "`{path}` is created when the member first starts, and removed with its folder"
            ))
            .hint(Hint::informs(
                "see the member's status",
                [format!("cargo xtask status {cluster}")],
            ))
    } else {
        Diagnostic::error(format!("the log `{path}` cannot be read: {error}")).hint(Hint::informs(
            "see its permissions",
            [format!("ls -l '{path}'")],
        ))
    })
}

fn show(ui: Ui, path: &Utf8Path, args: &Args) -> io::Result<Exit> {
    let mut file = File::open(path)?;
    let start = start_of_last_lines(&mut file, args.lines)?;
    file.seek(SeekFrom::Start(start))?;
    let mut has_reader = print_rest(ui, &mut file)?;
    while args.follow && has_reader && ui.is_read_after(Duration::from_millis(100)) {
        let Ok(there) = fs::metadata(path) else {
            ui.say(&format!(
                "{}: the log is gone, probably removed by `cargo xtask destroy {}`",
                args.member, args.cluster
            ));
            break;
        };
        // A restarted member appends. A different file belongs to a cluster that was recreated, and a
        // shorter one was truncated: both are read from the beginning.
        if there.ino() != file.metadata()?.ino() {
            file = File::open(path)?;
        } else if there.len() < file.stream_position()? {
            file.seek(SeekFrom::Start(0))?;
        }
        has_reader = print_rest(ui, &mut file)?;
    }
    Ok(Exit::Success)
}

/// Prints the rest of the file, in pieces. Returns whether the output still has a reader.
fn print_rest(ui: Ui, file: &mut File) -> io::Result<bool> {
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

/// The part of a log that is held in memory at a time, in bytes.
const PIECE: usize = 64 << 10;

/// The offset where the last `lines` lines begin. Reads backwards from the end, and only as far as
/// needed. A last line without a newline counts as a line.
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
            // No line begins after the newline at the end of the file.
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
