//! The certificates of a cluster with TLS: `.state/<name>/pki/`. openssl makes them: it is there on nearly every
//! host, and costs no compilation.
//!
//! `ca/` holds the certificate authority, `client/` the certificate of this host's tools, and
//! `members/<name>-<address>/` that of each member. Each folder is complete, or not there. `trusted.crt` holds the
//! authorities that this host's tools trust.

mod openssl;
mod succession;
mod wrong;

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use camino::{Utf8Path, Utf8PathBuf};

use crate::atomic::{self, cannot_write};
use crate::command_line;
use crate::hint::Hint;
use crate::plan::flags::Certificate;
use crate::plan::{Member, Plan};
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::Scheme;
use crate::workspace::Home;
use openssl::{Kind, Signer};

pub use succession::{begin as replace_authority, is_replaced, succeed};
pub use wrong::{Flaw, mend, spoil};

/// The certificates of one cluster.
#[derive(Debug)]
pub struct Pki {
    home: Home,
    folder: Utf8PathBuf,
}

impl Pki {
    /// Those of this cluster, which may not exist.
    pub fn of(home: &Home) -> Self {
        Self {
            home: home.clone(),
            folder: home.folder().join("pki"),
        }
    }

    /// Whether this file holds the authorities that are trusted now.
    pub fn is_trusted(&self, file: &str) -> bool {
        self.trusted() == file
    }

    /// Whether the cluster has an authority.
    pub fn is_there(&self) -> bool {
        self.authority().exists()
    }

    /// The certificate of this host's tools.
    pub fn client(&self) -> Certificate {
        self.certificate(&Kind::Client)
    }

    /// The certificate of a member. Another address needs another one.
    pub fn member(&self, member: &Member) -> Certificate {
        self.certificate(&Kind::Member(member))
    }

    fn authority(&self) -> Utf8PathBuf {
        self.folder.join("ca")
    }

    /// The certificates of all authorities that are trusted. Members read this file only when they start, so another
    /// content has another path.
    fn trusted(&self) -> Utf8PathBuf {
        match self.both() {
            Some(both) => both,
            None => self.authority().join(Kind::Authority.certificate()),
        }
    }

    fn folder_of(&self, kind: &Kind<'_>) -> Utf8PathBuf {
        match kind {
            Kind::Authority => self.authority(),
            Kind::Client => self.folder.join("client"),
            Kind::Member(Member { name, address, .. }) => self
                .folder
                .join("members")
                .join(format!("{name}-{address}")),
        }
    }

    /// Whether a certificate and its key are there, as far as that is seen without openssl.
    fn has(&self, kind: &Kind<'_>) -> bool {
        let folder = self.folder_of(kind);
        let has = |file: &str| fs::metadata(folder.join(file)).is_ok_and(|file| is_whole(&file));
        has(kind.certificate()) && has(kind.key())
    }

    fn certificate(&self, kind: &Kind<'_>) -> Certificate {
        let folder = self.folder_of(kind);
        Certificate {
            authorities: match kind {
                Kind::Client => self.published(),
                Kind::Authority | Kind::Member(_) => self.trusted(),
            }
            .into_string(),
            certificate: folder.join(kind.certificate()).into_string(),
            key: folder.join(kind.key()).into_string(),
        }
    }
}

/// The certificate with which this host queries the members of a cluster; none without TLS.
pub fn client(home: &Home, scheme: Scheme) -> Option<Certificate> {
    (!scheme.is_http()).then(|| Pki::of(home).client())
}

/// Makes what is missing of the certificates of these members, of the tools, and of their authority. Does nothing
/// without TLS.
pub fn prepare(home: &Home, plan: &Plan) -> Outcome<()> {
    if plan.scheme().is_http() {
        return Ok(());
    }
    let pki = Pki::of(home);
    succession::complete(&pki)?;
    if !pki.is_there() {
        // The existing certificates would not be trusted with another authority.
        if pki.published().exists() || pki.folder_of(&Kind::Client).exists() {
            return Err(without_authority(&pki));
        }
        make(&pki.authority(), |part| authority(part, home, plan))?;
    }
    succession::publish(&pki)?;
    let mut missing = kinds(plan);
    missing.retain(|kind| !pki.has(kind));
    if missing.is_empty() {
        return Ok(());
    }
    let signer = &signer(&pki, home, plan)?;
    thread::scope(|scope| {
        let making = missing.into_iter().map(|kind| {
            let folder = pki.folder_of(&kind);
            let fill = move |part: &Utf8Path| openssl::issue(part, &home.name, &kind, None, signer);
            scope.spawn(move || make(&folder, fill))
        });
        let making: Vec<_> = making.collect();
        let mut made = making.into_iter().map(ScopedJoinHandle::join);
        made.try_for_each(|made| made.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Fails if this host has no certificate that the running members of a cluster accept.
pub fn require_client(home: &Home, scheme: Scheme) -> Outcome<()> {
    let Some(certificate) = client(home, scheme) else {
        return Ok(());
    };
    let pki = Pki::of(home);
    let name = &home.name;
    let up = [format!("cargo xtask up {name}")];
    for path in certificate.files() {
        let why = match File::open(path).and_then(|file| file.metadata()) {
            Ok(file) if is_whole(&file) => continue,
            Ok(_) => "it is empty, or not a regular file".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Failure::could_not_look(
                    Diagnostic::error(format!("`{path}` cannot be read: {error}"))
                        .note("without it, no member answers, and health is unknown")
                        .hint("run this as the user who started the cluster"),
                ));
            }
            Err(error) => error.to_string(),
        };
        let diagnostic = Diagnostic::error(format!(
            "the certificate of this host cannot be used: `{path}`: {why}"
        ))
        .note("without it, no member answers, and health is unknown");
        return Err(Failure::could_not_look(if pki.is_there() {
            diagnostic.hint(Hint::heals(
                "issue it again; running members are not affected",
                up,
            ))
        } else {
            diagnostic
                .hint("restore the folder, if you can")
                .hint(new_certificates(home, &pki))
        }));
    }
    Ok(())
}

/// Whether it is a file with content.
fn is_whole(file: &Metadata) -> bool {
    file.is_file() && file.len() > 0
}

/// The failure that the authority of a cluster is gone or damaged.
fn without_authority(pki: &Pki) -> Failure {
    let certificate = pki.authority().join(Kind::Authority.certificate());
    Failure::could_not_look(
        Diagnostic::error(format!("`{certificate}` is gone, or holds no certificate"))
            .note("all certificates of the cluster are signed by this authority; another one would not be trusted")
            .hint("restore the folder, if you can")
            .hint(new_certificates(&pki.home, pki)),
    )
}

fn new_certificates(home: &Home, pki: &Pki) -> Hint {
    let name = &home.name;
    Hint::heals(
        "or stop the members, and start them with new certificates",
        [
            format!("cargo xtask down {name}"),
            format!("rm -rf {}", quoted(pki.folder.as_str())),
            format!("cargo xtask up {name}"),
        ],
    )
}

/// Issues the certificates of these members and of the tools again, with their keys. etcd reads them at each
/// handshake, so running members need no restart.
pub fn renew(home: &Home, plan: &Plan) -> Outcome<()> {
    prepare(home, plan)?;
    let pki = Pki::of(home);
    let signer = signer(&pki, home, plan)?;
    renew_by(&pki, home, plan, &signer)
}

fn renew_by(pki: &Pki, home: &Home, plan: &Plan, signer: &Signer) -> Outcome<()> {
    for kind in kinds(plan) {
        let folder = pki.folder_of(&kind);
        let (key, certificate) = (folder.join(kind.key()), folder.join(kind.certificate()));
        let renewed = folder.join("renewed");
        let unwritten = |error: io::Error| unwritten(&certificate, &error);
        // A damaged key is replaced.
        let is_kept = openssl::is_key(&key)?;
        make(&renewed, |part| {
            openssl::issue(part, &home.name, &kind, is_kept.then_some(&*key), signer)
        })?;
        if !is_kept {
            let _ = fs::remove_dir_all(&key);
            fs::rename(renewed.join(kind.key()), &key).map_err(unwritten)?;
        }
        // The member that reads it meanwhile gets the old one or the new one, and both fit a key that is kept.
        fs::rename(renewed.join(kind.certificate()), &certificate).map_err(unwritten)?;
        fs::remove_dir_all(&renewed).map_err(unwritten)?;
    }
    Ok(())
}

/// The certificates of a cluster, without that of its authority.
fn kinds(plan: &Plan) -> Vec<Kind<'_>> {
    let members = plan.members.iter().map(Kind::Member);
    [Kind::Client].into_iter().chain(members).collect()
}

/// The authority that signs the certificates of a cluster.
fn signer(pki: &Pki, home: &Home, plan: &Plan) -> Outcome<Signer> {
    signer_in(pki.authority(), home, plan)
}

/// The authority in this folder.
fn signer_in(own: Utf8PathBuf, home: &Home, plan: &Plan) -> Outcome<Signer> {
    let certificate = own.join(Kind::Authority.certificate());
    let folder = match &plan.etcd.authority {
        // That of the definition may have been another one before.
        Some(folder) if !own.join(Kind::Authority.key()).exists() => home.named(folder.as_str()),
        _ => own,
    };
    let key = folder.join(Kind::Authority.key());
    openssl::check_pair(&certificate, &key)?.map_err(|why| {
        let mut failure = unusable_authority(plan, &folder, &why);
        let replace = Hint::heals(
            "or replace the authority of the cluster, if it was started",
            [
                format!("cargo xtask certs {} --replace-authority", plan.name),
                command_line::task(plan, "apply"),
            ],
        );
        if let Some(first) = failure.diagnostics.first_mut() {
            first.hints.push(replace);
        }
        failure
    })?;
    Ok(Signer::Authority { certificate, key })
}

/// Makes an authority of the cluster's own, or copies the certificate of the one that the definition names. The key of
/// that stays where it is.
fn authority(part: &Utf8Path, home: &Home, plan: &Plan) -> Outcome<()> {
    match &plan.etcd.authority {
        None => openssl::issue(part, &home.name, &Kind::Authority, None, &Signer::Itself),
        Some(folder) => {
            let named = home.named(folder.as_str());
            let certificate = named.join("ca.crt");
            openssl::check_pair(&certificate, &named.join("ca.key"))?
                .map_err(|why| unusable_authority(plan, &named, &why))?;
            openssl::copy(&certificate, &part.join("ca.crt"))
                .map_err(|error| unwritten(part, &error))
        }
    }
}

fn unusable_authority(plan: &Plan, folder: &Utf8Path, why: &str) -> Failure {
    let whose = match plan.etcd.authority {
        Some(_) => format!("`{}` names it as `authority`", plan.source),
        None if folder.join(Kind::Authority.key()).exists() => {
            "`up` has made it for this cluster".to_owned()
        }
        None => "its key is gone, or `authority` was removed from the definition".to_owned(),
    };
    Failure::host(
        Diagnostic::error(format!(
            "the certificate authority of `{}` cannot be used: {why}",
            plan.name
        ))
        .note(format!("{whose}; it signs the certificates of the members"))
        .hint(Hint::informs(
            "see what is there",
            [format!("ls -l {}", quoted(folder.as_str()))],
        )),
    )
}

/// Makes a folder as a whole.
fn make(folder: &Utf8Path, fill: impl FnOnce(&Utf8Path) -> Outcome<()>) -> Outcome<()> {
    let unwritten = |error: io::Error| unwritten(folder, &error);
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(());
    };
    private_folder(parent).map_err(unwritten)?;
    atomic::tidy_up_folder(parent);
    let part = parent.join(format!(".{name}.{}.new", std::process::id()));
    private_folder(&part).map_err(unwritten)?;
    let made = fill(&part).and_then(|()| {
        // That of a killed task.
        let _ = fs::remove_dir_all(folder);
        fs::rename(&part, folder).map_err(unwritten)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    made
}

/// Creates a folder that only its owner can read, and its parents.
fn private_folder(folder: &Utf8Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn unwritten(path: &Utf8Path, error: &io::Error) -> Failure {
    cannot_write(path, error, "TLS needs a certificate there")
}
