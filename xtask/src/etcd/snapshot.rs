//! Snapshots of a member's database: saving, checking and restoring them with etcd's own programs.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};
use xshell::{Cmd, Shell};

use super::client_environment;
use super::command::{client, command};
use super::tools::Tools;
use crate::observation::etcdctl as read;
use crate::plan::{Member, Plan};
use crate::process::{self, Finished};
use crate::reason::Reason;
use crate::values::EtcdVersion;

/// How long a database of many GiB may take on a slow disk.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How long a snapshot may take during which its file does not grow. At the end, a slow disk writes it out.
const STANDSTILL: Duration = Duration::from_secs(300);

/// The length of the SHA-256 that etcd appends to a snapshot.
const TRAILER: usize = 32;

/// The size of a database's pages is a multiple of this. A snapshot that was not sent by etcd, such
/// as a copied database file, has no trailer and only whole pages.
const SECTOR: u64 = 512;

/// Saves a snapshot of this member's database to a new file. While it runs, the file's name ends in
/// `.part`.
pub fn save(tools: &Tools, member: &Member, to: &Utf8Path) -> Result<(), Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let save = client(&shell, tools)
        .envs(client_environment(tools, Some(&[member.client_url()])))
        .args(["snapshot", "save", to.as_str()]);
    // A member that hangs sends nothing more.
    let part = Utf8PathBuf::from(format!("{to}.part"));
    let mut size = 0;
    let mut grows = || {
        let now = part.metadata().map_or(0, |file| file.len());
        now > std::mem::replace(&mut size, now)
    };
    succeeded(&process::run_while(save, STANDSTILL, &mut grows)).map(drop)
}

/// The revision of the keys in a snapshot, by etcd's own check of its database.
pub fn revision(tools: &Tools, file: &Utf8Path) -> Result<u64, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let status =
        restorer(tools, &shell)?.args(["snapshot", "status", file.as_str(), "--write-out=json"]);
    read::snapshot_revision(&succeeded(&process::run(status, PATIENCE))?)
}

/// Restores a snapshot into a new data folder of a member of this plan. `bump`: how much to raise the
/// revision, if [`can_bump`]; everything before is marked as compacted then.
pub fn restore(
    tools: &Tools,
    file: &Utf8Path,
    plan: &Plan,
    member: &Member,
    data: &Utf8Path,
    bump: Option<u64>,
) -> Result<(), Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let mut restore = restorer(tools, &shell)?
        .args(["snapshot", "restore", file.as_str()])
        .arg(format!("--name={}", member.name))
        .arg(format!(
            "--initial-advertise-peer-urls={}",
            member.peer_url()
        ))
        .arg(format!("--initial-cluster={}", plan.initial_cluster()))
        .arg(format!("--initial-cluster-token={}", plan.etcd.token))
        .arg(format!("--data-dir={data}"));
    if let Some(bump) = bump {
        restore = restore
            .arg(format!("--bump-revision={bump}"))
            .arg("--mark-compacted");
    }
    succeeded(&process::run(restore, PATIENCE)).map(drop)
}

/// Whether the restoring program can raise revisions: etcdutl, from 3.5.10 on (etcd's CHANGELOG-3.5).
pub fn can_bump(tools: &Tools) -> bool {
    let restorer = tools.restorer();
    let is_etcdutl = restorer.is_some_and(|path| path.file_name() == Some("etcdutl"));
    is_etcdutl && tools.version >= EtcdVersion::new(3, 5, 10)
}

fn restorer<'a>(tools: &Tools, shell: &'a Shell) -> Result<Cmd<'a>, Reason> {
    let program = tools
        .restorer()
        .ok_or("there is no `etcdutl` beside `etcdctl`")?;
    let environment = client_environment(tools, None);
    Ok(command(shell, &program).envs(environment))
}

fn succeeded(finished: &Finished) -> Result<String, Reason> {
    if finished.success() {
        return Ok(finished.stdout.clone());
    }
    let (command, ending) = (&finished.command, finished.ending());
    let why = read::reason(&finished.stderr).or_else(|| {
        let last = finished.last_lines(1);
        (!last.is_empty()).then(|| format!("`{command}` {ending}: {last}"))
    });
    Err(why
        .unwrap_or_else(|| format!("`{command}` {ending}"))
        .into())
}

/// The size and the checksum of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// The SHA-256 of the whole file, in hexadecimal digits.
    pub sha256: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// Whether the file ends with the SHA-256 of everything before, as etcd writes it.
    pub is_complete: bool,
}

/// Reads a snapshot once and computes its checksums.
pub fn digests(file: &Utf8Path) -> io::Result<Digests> {
    let mut file = File::open(file)?;
    let (mut whole, mut content) = (Sha256::new(), Sha256::new());
    let mut size = 0;
    // Always ends with the last bytes that were read, which may be the trailer.
    let mut held = Vec::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        size += u64::try_from(length).unwrap_or_default();
        whole.update(&piece[..length]);
        held.extend_from_slice(&piece[..length]);
        let before = held.len().saturating_sub(TRAILER);
        content.update(&held[..before]);
        held.drain(..before);
    }
    let is_complete = size % SECTOR == TRAILER as u64 && content.finalize()[..] == held[..];
    let sha256 = whole.finalize();
    Ok(Digests {
        sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        size,
        is_complete,
    })
}
