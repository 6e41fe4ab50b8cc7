//! The certificates of a cluster with TLS: `.state/<name>/pki/`. openssl makes them: it is there on nearly every
//! host, and costs no compilation.
//!
//! `ca/` holds the cluster's own certificate authority, `client/` the certificate of our own tools, and
//! `members/<name>-<address>/` that of each member. Each folder is complete, or not there.

mod openssl;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::atomic::{self, cannot_write};
use crate::plan::flags::Certificate;
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::values::Scheme;
use crate::workspace::Home;
use openssl::{Kind, Signer};

/// The certificates of one cluster.
#[derive(Debug)]
pub struct Pki {
    folder: Utf8PathBuf,
}

impl Pki {
    /// Those of this cluster, which may not exist.
    pub fn of(home: &Home) -> Self {
        Self {
            folder: home.folder().join("pki"),
        }
    }

    /// Whether there is a certificate authority.
    pub fn is_there(&self) -> bool {
        self.authority().exists()
    }

    /// The certificates of the authorities that everybody trusts.
    fn authorities(&self) -> Utf8PathBuf {
        self.authority().join("ca.crt")
    }

    fn authority(&self) -> Utf8PathBuf {
        self.folder.join("ca")
    }

    /// The certificate of this host's tools.
    pub fn client(&self) -> Certificate {
        self.certificate(&self.folder.join("client"), "client")
    }

    /// The certificate of a member. Another address needs another one.
    pub fn member(&self, member: &Member) -> Certificate {
        self.certificate(&self.folder_of(member), "member")
    }

    fn folder_of(&self, member: &Member) -> Utf8PathBuf {
        let folder = format!("{}-{}", member.name, member.address);
        self.folder.join("members").join(folder)
    }

    fn certificate(&self, folder: &Utf8Path, name: &str) -> Certificate {
        Certificate {
            authorities: self.authorities().into_string(),
            certificate: folder.join(format!("{name}.crt")).into_string(),
            key: folder.join(format!("{name}.key")).into_string(),
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
    let cluster = &home.name;
    let authority = pki.authority();
    make(&authority, |folder| {
        openssl::issue(folder, cluster, &Kind::Authority, Signer::Itself)
    })?;
    let signer = Signer::Authority(&authority);
    make(&pki.folder.join("client"), |folder| {
        openssl::issue(folder, cluster, &Kind::Client, signer)
    })?;
    for member in &plan.members {
        make(&pki.folder_of(member), |folder| {
            openssl::issue(folder, cluster, &Kind::Member(member), signer)
        })?;
    }
    Ok(())
}

/// Makes a folder as a whole, unless it exists.
fn make(folder: &Utf8Path, fill: impl FnOnce(&Utf8Path) -> Outcome<()>) -> Outcome<()> {
    if folder.exists() {
        return Ok(());
    }
    let unwritten =
        |error: io::Error| cannot_write(folder, &error, "TLS needs a certificate there");
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(());
    };
    private_folder(parent).map_err(unwritten)?;
    atomic::tidy_up_folder(parent);
    let part = parent.join(format!(".{name}.{}.new", std::process::id()));
    private_folder(&part).map_err(unwritten)?;
    let made = fill(&part).and_then(|()| fs::rename(&part, folder).map_err(unwritten));
    if made.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    made
}

/// Creates a folder that only its owner can read, and its parents.
fn private_folder(folder: &Utf8Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
