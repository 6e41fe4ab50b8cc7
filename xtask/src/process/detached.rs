//! Programs that outlive this process, and processes that are not its children: members of a local
//! cluster.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use camino::Utf8Path;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Starts a program that outlives this process: in its own process group, ignoring SIGHUP, with its
/// output appended to a log, and with this file as its standard input, so that it holds the file's
/// lock from then on.
///
/// Its process ID is written before the program begins: a shell writes it and then becomes the
/// program, so that nothing ever runs unrecorded. The shell also closes the descriptors that our
/// caller left open; otherwise the caller would wait for the program's end.
///
/// # Errors
///
/// Fails if the log cannot be opened or no shell starts. A program that cannot be started ends at
/// once, with the reason in the log.
pub fn detach(
    command: xshell::Cmd<'_>,
    stdin: File,
    log: &Utf8Path,
    pid_file: &Utf8Path,
) -> io::Result<Child> {
    const BECOME: &str = r#"trap "" HUP
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
echo $$ >"$0" && exec "$@""#;
    let program = Command::from(command);
    let stdout = OpenOptions::new().create(true).append(true).open(log)?;
    let stderr = stdout.try_clone()?;
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(BECOME)
        .arg(pid_file)
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    if let Some(folder) = program.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.spawn()
}

/// The arguments of a process; `None` if there is no such process or only a zombie. Outside of
/// Linux, arguments with spaces are split.
pub fn command_line(pid: i32) -> Option<Vec<String>> {
    let line = if cfg!(target_os = "linux") {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        ps(pid, "args")?.replace(' ', "\0")
    };
    let words = line.strip_suffix('\0').unwrap_or(&line);
    (!words.is_empty()).then(|| words.split('\0').map(str::to_owned).collect())
}

/// Whether a process is halted by SIGSTOP, Ctrl-Z or a debugger. It does nothing until it is
/// continued.
pub fn is_halted(pid: i32) -> bool {
    let state = if cfg!(target_os = "linux") {
        // The name before the state may contain spaces and parentheses.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().unwrap_or("").trim().to_owned()
    } else {
        ps(pid, "stat").unwrap_or_default()
    };
    state.starts_with(['T', 't'])
}

/// Whether the process exists, whoever owns it.
pub fn is_there(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// The environment that a process was started with; empty if the system does not show it.
pub fn environment(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Sends a signal to one process.
///
/// # Errors
///
/// `ESRCH` if there is no such process, `EPERM` if it belongs to another user.
pub fn signal(pid: i32, signal: Signal) -> Result<(), Errno> {
    match pid {
        1.. => kill(Pid::from_raw(pid), signal),
        // 0 would mean our own group, -1 everything, and other negative numbers a group.
        _ => Err(Errno::ESRCH),
    }
}

/// Sends a signal to a process group, by its leader.
///
/// # Errors
///
/// As [`signal`].
pub fn signal_group(leader: i32, signal: Signal) -> Result<(), Errno> {
    match leader {
        // For kill(2), group 1 would mean every process.
        2.. => killpg(Pid::from_raw(leader), signal),
        _ => Err(Errno::ESRCH),
    }
}

/// The IDs of the host's visible processes.
pub fn all() -> Vec<i32> {
    if cfg!(target_os = "linux") {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .collect()
    } else {
        let listed = run_ps(&["-A", "-o", "pid="]).unwrap_or_default();
        listed
            .split_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect()
    }
}

/// Whether a process has this file as its standard input; `None` if the system does not show it, as
/// for other users' processes or outside of Linux.
pub fn reads_from(pid: i32, file: &Metadata) -> Option<bool> {
    let stdin = std::fs::metadata(format!("/proc/{pid}/fd/0")).ok()?;
    Some((stdin.dev(), stdin.ino()) == (file.dev(), file.ino()))
}

/// One column of `ps` about one process.
fn ps(pid: i32, column: &str) -> Option<String> {
    run_ps(&["-o", &format!("{column}="), "-p", &pid.to_string()])
}

fn run_ps(arguments: &[&str]) -> Option<String> {
    let output = Command::new("ps")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
