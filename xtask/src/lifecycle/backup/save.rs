//! Saves a snapshot and its manifest.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::source::{self, BackupSource};
use super::{definition_sha256, now, unwritten};
use crate::advice;
use crate::atomic::why_not_writable;
use crate::backup::{FORMAT, Manifest};
use crate::etcd::tools::Tools;
use crate::etcd::{maintenance, observe, snapshot};
use crate::hint::Hint;
use crate::lifecycle::reach::Reach;
use crate::observation::{Hash, Look, etcdctl as read};
use crate::plan::Member;
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::state::backups::Unfinished;
use crate::ui::Ui;
use crate::ui::backup::SizeProgress;
use crate::values::ClusterName;
use crate::workspace::Home;

/// How long a member may take to hash or count its keys, of which it may have GiBs.
pub(super) const COUNTING: Duration = Duration::from_secs(10 * 60);

/// Saves a snapshot to this file, which must not exist.
pub(super) fn save(ui: Ui, started: &Started, file: &Utf8Path) -> Outcome<Manifest> {
    let name = &started.home.name;
    let _after_interrupt = process::on_interrupt(format!("{name}: no backup was made"));
    let tools = started.tools()?;
    let members = started.record.members();
    let reach = Reach::of(ui, started.driver, &started.home, members);
    let source = source::find(ui, started, &tools, &reach.members)?;
    move_beyond_compaction(&tools, &source);
    save_from(ui, &started.home, &tools, source, file)
}

/// If the newest revision is compacted, writes and deletes a key. Deletions that are compacted leave no
/// trace in a snapshot, and etcd answers with an older hash for exactly that revision, until somebody
/// writes. Without a quorum or with a full database, this fails, and the proof says why.
fn move_beyond_compaction(tools: &Tools, source: &BackupSource) {
    let member = &source.member;
    let before = source.status.revision.and_then(|now| now.checked_sub(1));
    let is_compacted = |revision| maintenance::is_compacted(tools, member, revision);
    if source.has_quorum && before.is_some_and(is_compacted) {
        let key = format!("/xtask-backup-{}", std::process::id());
        let _ = maintenance::write_and_delete(tools, member, &key);
    }
}

/// Saves a snapshot of this member.
pub(in crate::lifecycle) fn save_from(
    ui: Ui,
    home: &Home,
    tools: &Tools,
    source: BackupSource,
    file: &Utf8Path,
) -> Outcome<Manifest> {
    let name = &home.name;
    let unfinished = Unfinished::of(file).map_err(|error| unwritten(file, &error))?;
    let path = unfinished.snapshot();
    let time = now();
    receive(ui, tools, &source, &path).map_err(|why| unsaved(&source, file, &why))?;
    let revision = snapshot::revision(tools, &path).map_err(|why| unusable(&why))?;
    let digests = snapshot::digests(&path).map_err(|error| unwritten(&path, &error))?;
    if !digests.is_complete {
        return Err(unusable(&"it does not end with its SHA-256".into()));
    }
    let (hash, keys) = observe::keys_at(&source.member, tools, revision, COUNTING);
    warn_of_unknown(ui, revision, [why_unknown(&hash), why_unknown(&keys)]);
    // A member whose data differs must not be the measure of its own snapshot.
    let hash = hash.seen().filter(|_| {
        let differing = differing(tools, &source, revision);
        ui.report(
            &differing
                .iter()
                .map(|other| differs(name, &source, other))
                .collect::<Vec<_>>(),
        );
        differing.is_none()
    });
    let manifest = Manifest {
        format: FORMAT,
        cluster: name.to_string(),
        time,
        member: source.member.name.to_string(),
        revision,
        hash: hash.map(|hash| hash.hash),
        compact_revision: hash.map(|hash| hash.compact_revision),
        keys: keys.seen().copied(),
        cluster_id: source.status.cluster_id.to_string(),
        members: source.members,
        quorum: source.has_quorum,
        etcd: source.status.version,
        definition_sha256: definition_sha256(home),
        sha256: digests.sha256,
        size: digests.size,
        proven: None,
    };
    unfinished
        .finish(&manifest, file)
        .map_err(|error| unwritten(file, &error))?;
    ui.say(&format!("saved as {file}"));
    Ok(manifest)
}

/// Another member whose keys differ, at the last revision that both have reached.
fn differing<'a>(tools: &Tools, source: &'a BackupSource, revision: u64) -> Option<&'a Member> {
    let hash = |member: &Member, at: u64| -> Option<Hash> {
        observe::keys_at(member, tools, at, COUNTING)
            .0
            .seen()
            .copied()
    };
    let differing = source.others.iter().find(|(other, reached)| {
        let at = revision.min(*reached);
        let both = hash(&source.member, at).zip(hash(other, at));
        both.is_some_and(|(ours, theirs)| {
            ours.compact_revision == theirs.compact_revision && ours.hash != theirs.hash
        })
    });
    differing.map(|(other, _)| other)
}

fn differs(name: &ClusterName, source: &BackupSource, other: &Member) -> Diagnostic {
    let (member, other) = (&source.member.name, &other.name);
    Diagnostic::warning(format!("`{member}` and `{other}` hold different keys"))
        .note(format!(
            "the backup is what `{member}` holds, so it cannot be proven"
        ))
        .hint(Hint::informs(
            "see whose data differs",
            [format!("cargo xtask verify {name}")],
        ))
}

fn unsaved(source: &BackupSource, file: &Utf8Path, why: &Reason) -> Failure {
    let member = &source.member.name;
    if let Some(refused) = read::unauthorized(why.as_str()) {
        return Failure::could_not_look(
            Diagnostic::error(format!("`{member}` {refused}")).hint(advice::give_a_user()),
        );
    }
    Failure::failed(
        Diagnostic::error(format!("the snapshot of `{member}` cannot be saved: {why}"))
            .note("nothing of it is left")
            .hint(why_not_writable(file)),
    )
}

/// Runs etcdctl, and shows how far it has come meanwhile.
fn receive(ui: Ui, tools: &Tools, source: &BackupSource, to: &Utf8Path) -> Result<(), Reason> {
    let member = &source.member;
    let mut progress = SizeProgress::new(ui, &member.name, source.status.db_size);
    thread::scope(|scope| {
        let (sender, saved) = mpsc::channel();
        scope.spawn(move || drop(sender.send(snapshot::save(tools, member, to))));
        loop {
            match saved.recv_timeout(progress.interval()) {
                Ok(saved) => {
                    progress.end(saved.is_ok().then(|| size(to)));
                    return saved;
                }
                Err(RecvTimeoutError::Timeout) => {
                    progress.show(size(&Utf8PathBuf::from(format!("{to}.part"))));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("etcdctl was not run".into()),
            }
        }
    })
}

fn size(file: &Utf8Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

fn unusable(why: &Reason) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("the snapshot cannot be used: {why}"))
            .note("nothing of it is left"),
    )
}

fn why_unknown<T>(look: &Look<T>) -> Option<&str> {
    match look {
        Look::Seen(_) => None,
        Look::Failed(why) | Look::NotAsked(why) => Some(why),
    }
}

fn warn_of_unknown(ui: Ui, revision: u64, whys: [Option<&str>; 2]) {
    let mut whys = whys.into_iter().flatten();
    if let Some(why) = whys.next() {
        ui.report(&[Diagnostic::warning(format!(
            "the keys at revision {revision} could not be hashed and counted: {why}"
        ))
        .note("the backup is complete, but it cannot be proven")]);
    }
}
