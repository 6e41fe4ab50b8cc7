//! Replaces the certificate authority of a running cluster. While both authorities are trusted, certificates of either
//! are accepted:
//!
//! 1. A new authority is made in `new-ca/`, and `both-TIME.crt` holds the certificates of both. Members are restarted to
//!    trust both.
//! 2. Once they do, the new authority signs the certificates anew and takes the place of the old one. Members are
//!    restarted to trust only that.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};

use super::openssl::Kind;
use super::{Pki, authority, make, renew_by, signer_in, unwritten, without_authority};
use crate::atomic;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::workspace::Home;

impl Pki {
    fn successor(&self) -> Utf8PathBuf {
        self.folder.join("new-ca")
    }

    /// The authorities that this host's tools trust.
    pub(super) fn published(&self) -> Utf8PathBuf {
        self.folder.join("trusted.crt")
    }

    /// The certificates of both authorities, while both are trusted. No two replacements share a path, which tells what
    /// a running member trusts.
    pub(super) fn both(&self) -> Option<Utf8PathBuf> {
        let entries = self.folder.read_dir_utf8().into_iter().flatten().flatten();
        let is_it = |path: &Utf8PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.starts_with("both-") && name.ends_with(".crt")
        };
        entries.map(Utf8DirEntry::into_path).filter(is_it).max()
    }
}

/// Whether the authority of this cluster is being replaced.
pub fn is_replaced(home: &Home) -> bool {
    Pki::of(home).both().is_some()
}

/// Makes a new authority, or takes the one that the definition names now. From then on, members that start trust
/// both.
pub fn begin(home: &Home, plan: &Plan) -> Outcome<()> {
    let pki = Pki::of(home);
    complete(&pki)?;
    let begun = pki.both();
    // One that will never sign gets a successor, too. Members may trust it already, which does no harm.
    if begun.is_some() && signer_in(pki.successor(), home, plan).is_ok() {
        return Ok(());
    }
    make(&pki.successor(), |part| authority(part, home, plan))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let both = pki.folder.join(format!("both-{now}.crt"));
    let certificate =
        |folder: Utf8PathBuf| fs::read_to_string(folder.join(Kind::Authority.certificate()));
    let text = certificate(pki.authority())
        .and_then(|old| Ok(old.trim_end().to_owned() + "\n" + &certificate(pki.successor())?));
    text.and_then(|text| write(&both, &text))
        .map_err(|error| unwritten(&both, &error))?;
    if let Some(begun) = begun.filter(|begun| *begun != both) {
        fs::remove_file(&begun).map_err(|error| unwritten(&begun, &error))?;
    }
    publish(&pki)
}

/// Writes the file of the authorities that this host's tools trust, whose path stays: clients read it again for each
/// connection.
pub(super) fn publish(pki: &Pki) -> Outcome<()> {
    let path = pki.published();
    let text = fs::read_to_string(pki.trusted()).unwrap_or_default();
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(without_authority(pki));
    }
    if fs::read_to_string(&path).is_ok_and(|published| published == text) {
        return Ok(());
    }
    write(&path, &text).map_err(|error| unwritten(&path, &error))
}

fn write(path: &Utf8Path, text: &str) -> io::Result<()> {
    atomic::replace(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Lets the new authority take the place of the old one, if there is one. All members trust both. Returns whether there
/// was one, so that members have to be restarted to forget the old one.
pub fn succeed(home: &Home, plan: &Plan) -> Outcome<bool> {
    let pki = Pki::of(home);
    if pki.both().is_none() {
        return Ok(false);
    }
    let signer = signer_in(pki.successor(), home, plan)?;
    renew_by(&pki, home, plan, &signer)?;
    // A name that is removed later, if this is killed.
    let former = pki.folder.join(format!(".ca.{}.new", std::process::id()));
    fs::rename(pki.authority(), &former).map_err(|error| unwritten(&former, &error))?;
    complete(&pki)?;
    publish(&pki)?;
    fs::remove_dir_all(&former).map_err(|error| unwritten(&former, &error))?;
    Ok(true)
}

/// Completes what a killed [`succeed`] has left: the old authority is gone, or the new one has its place already.
pub(super) fn complete(pki: &Pki) -> Outcome<()> {
    let (place, successor) = (pki.authority(), pki.successor());
    if !place.exists() && successor.exists() {
        fs::rename(&successor, &place).map_err(|error| unwritten(&place, &error))?;
    }
    if successor.exists() {
        return Ok(());
    }
    match pki.both() {
        Some(both) => fs::remove_file(&both).map_err(|error| unwritten(&both, &error)),
        None => Ok(()),
    }
}
