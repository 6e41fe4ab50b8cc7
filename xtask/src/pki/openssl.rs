//! Makes keys and certificates with the program openssl.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use xshell::Cmd;

use crate::advice;
use crate::atomic::cannot_write;
use crate::moment;
use crate::plan::Member;
use crate::process::{self, Ending, Finished};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::ClusterName;

/// Whose certificate it is.
pub(super) enum Kind<'a> {
    /// That of the certificate authority.
    Authority,
    /// That of this host's tools.
    Client,
    /// That of a member, which is server and client of the others, and of itself: etcd's gRPC gateway.
    Member(&'a Member),
}

/// Who signs a certificate.
pub(super) enum Signer {
    /// The certificate itself.
    Itself,
    /// The authority with this certificate and key.
    Authority {
        certificate: Utf8PathBuf,
        key: Utf8PathBuf,
    },
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long authorities live.
const AUTHORITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long other certificates live.
const LEAF: Duration = Duration::from_secs(365 * 24 * 3600);

/// The password of a key that has none: openssl would ask for it otherwise.
const NEVER_ASK: [&str; 2] = ["-passin", "pass:"];

/// How long openssl may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Kind<'_> {
    /// The name of the file with its certificate.
    pub(super) const fn certificate(&self) -> &'static str {
        match self {
            Self::Authority => "ca.crt",
            Self::Client => "client.crt",
            Self::Member(_) => "member.crt",
        }
    }

    /// The name of the file with its private key.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Authority => "ca.key",
            Self::Client => "client.key",
            Self::Member(_) => "member.key",
        }
    }

    const fn life(&self) -> Duration {
        match self {
            Self::Authority => AUTHORITY,
            Self::Client | Self::Member(_) => LEAF,
        }
    }

    /// The subject. It has no common name: with authentication enabled, etcd would take that for a user.
    fn subject(&self, cluster: &ClusterName) -> String {
        let unit = match self {
            Self::Authority => "certificate authority",
            Self::Client => "client",
            Self::Member(member) => member.name.as_str(),
        };
        format!("O = {cluster}\nOU = {unit}\n")
    }

    fn extensions(&self) -> String {
        let leaf = "basicConstraints = critical, CA:FALSE\n\
                    keyUsage = critical, digitalSignature\n\
                    authorityKeyIdentifier = keyid\n";
        match self {
            Self::Authority => "basicConstraints = critical, CA:TRUE, pathlen:0\n\
                                keyUsage = critical, keyCertSign, cRLSign\n"
                .to_owned(),
            Self::Client => format!("{leaf}extendedKeyUsage = clientAuth\n"),
            Self::Member(member) => format!(
                "{leaf}extendedKeyUsage = serverAuth, clientAuth\n\
                 subjectAltName = DNS:{}, DNS:localhost, IP:{}, IP:127.0.0.1\n",
                member.name, member.address
            ),
        }
    }
}

/// Makes a certificate in this empty folder, which lives from now on. `key`: its key, or else a new one is made
/// beside it.
pub(super) fn issue(
    folder: &Utf8Path,
    cluster: &ClusterName,
    kind: &Kind<'_>,
    key: Option<&Utf8Path>,
    signer: &Signer,
) -> Outcome<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    // The clock of a machine may be behind.
    let lifetime = (now.saturating_sub(DAY), now + kind.life());
    issue_for(folder, cluster, kind, key, signer, lifetime)
}

/// The same with another lifetime, from and until these times since 1970.
pub(super) fn issue_for(
    folder: &Utf8Path,
    cluster: &ClusterName,
    kind: &Kind<'_>,
    key: Option<&Utf8Path>,
    signer: &Signer,
    (from, until): (Duration, Duration),
) -> Outcome<()> {
    let (own_key, certificate) = (kind.key(), kind.certificate());
    let unwritten = |error: io::Error| cannot_write(folder, &error, "openssl works there");
    let config = format!(
        "[req]\nprompt = no\ndistinguished_name = subject\n\
         [subject]\n{subject}\
         [ca]\ndefault_ca = authority\n\
         [authority]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\n\
         default_md = sha256\nunique_subject = no\npolicy = any\n\
         [any]\norganizationName = supplied\norganizationalUnitName = supplied\n\
         [extensions]\nsubjectKeyIdentifier = hash\n{extensions}",
        subject = kind.subject(cluster),
        extensions = kind.extensions(),
    );
    fs::write(folder.join("openssl.cnf"), config).map_err(unwritten)?;
    fs::write(folder.join("index.txt"), "").map_err(unwritten)?;
    run(folder, |openssl| {
        let openssl = openssl
            .args(["req", "-new", "-config", "openssl.cnf"])
            .args(["-out", "request.csr"]);
        match key {
            Some(key) => openssl.args(NEVER_ASK).arg("-key").arg(key),
            None => openssl
                .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args(["-nodes", "-keyout", own_key]),
        }
    })?;
    run(folder, |openssl| {
        let openssl = openssl
            .args(["ca", "-batch", "-notext", "-config", "openssl.cnf"])
            .args(["-in", "request.csr", "-out", certificate])
            .args(["-startdate", &written(from), "-enddate", &written(until)])
            .args(["-extensions", "extensions"]);
        match signer {
            Signer::Itself => openssl.args(["-selfsign", "-keyfile", own_key]),
            Signer::Authority { certificate, key } => openssl
                .arg("-cert")
                .arg(certificate)
                .arg("-keyfile")
                .arg(key)
                .args(NEVER_ASK),
        }
    })?;
    keep_only(folder, &[own_key, certificate]).map_err(unwritten)
}

/// Why this certificate and this key do not make an authority, if they do not.
///
/// # Errors
///
/// Fails if openssl does not work.
pub(super) fn check_pair(certificate: &Utf8Path, key: &Utf8Path) -> Outcome<Result<(), String>> {
    let shown = |words: &[&str], file| -> Outcome<Result<String, String>> {
        let finished = ask(words, file)?;
        match finished.ending {
            Ending::Exited(0) => Ok(Ok(finished.stdout)),
            Ending::Exited(..126) => Ok(Err(first_line(&finished))),
            _ => Err(failed(&finished)),
        }
    };
    let of_certificate = shown(&["x509", "-noout", "-pubkey"], certificate)?;
    let of_key = shown(&["pkey", "-pubout"], key)?;
    let uses = shown(&["x509", "-noout", "-ext", "basicConstraints"], certificate)?;
    let pair = || {
        // They end differently.
        if of_certificate?.trim() != of_key?.trim() {
            return Err(format!("`{key}` is not the key of `{certificate}`"));
        }
        match uses?.contains("CA:TRUE") {
            true => Ok(()),
            false => Err(format!("`{certificate}` is not a CA certificate")),
        }
    };
    Ok(pair())
}

/// Whether a private key can be used.
pub(super) fn is_key(file: &Utf8Path) -> Outcome<bool> {
    Ok(ask(&["pkey", "-pubout"], file)?.success())
}

/// Asks openssl about a file.
fn ask(words: &[&str], file: &Utf8Path) -> Outcome<Finished> {
    let shell = process::shell()?;
    let openssl = shell.cmd("openssl").args(words).args(NEVER_ASK);
    Ok(process::run(openssl.arg("-in").arg(file), PATIENCE))
}

/// What is wrong is in openssl's first line, and where in its code in the following ones.
fn first_line(finished: &Finished) -> String {
    finished
        .stderr
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Copies a certificate that is not secret into a file that only its owner can read.
pub(super) fn copy(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::set_permissions(to, Permissions::from_mode(0o600))
}

/// A time as openssl wants it.
fn written(since_1970: Duration) -> String {
    moment::utc(since_1970).replace(['-', ':', 'T'], "")
}

/// Removes all other files, and keeps others from reading these.
fn keep_only(folder: &Utf8Path, files: &[&str]) -> io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        if files.contains(&entry.file_name()) {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o600))?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn run(folder: &Utf8Path, words: impl FnOnce(Cmd<'_>) -> Cmd<'_>) -> Outcome<()> {
    let shell = process::shell()?;
    shell.change_dir(folder);
    let finished = process::run(words(shell.cmd("openssl")), PATIENCE);
    if finished.success() {
        return Ok(());
    }
    Err(failed(&finished))
}

fn failed(finished: &Finished) -> Failure {
    if finished.not_found() {
        return Failure::host(
            Diagnostic::error("openssl was not found on this host")
                .note("it makes the certificates of clusters with `tls = true`, and talks to their members")
                .hint(advice::install_openssl()),
        );
    }
    Failure::failed(
        Diagnostic::error(format!("`openssl` {}", finished.ending()))
            .note(finished.last_lines(3))
            .note(format!("the command was `{}`", finished.command)),
    )
}
