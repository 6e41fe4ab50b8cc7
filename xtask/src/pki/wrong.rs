//! Wrong certificates, which drills give to members. The key stays the same: etcd reads both files at each handshake.
//!
//! `drill/`, beside the certificate of the member, holds the right one and the wrong one as long as a drill lasts.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;

use super::openssl::{self, Kind, Signer};
use super::{Pki, make, signer, unwritten};
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::workspace::Home;

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy)]
pub enum Flaw {
    /// It expired a day ago.
    Expired,
    /// An authority that nobody trusts has signed it.
    OfAnotherAuthority,
    /// It is for this address.
    ForAnother(Ipv4Addr),
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where the files of a drill are.
struct Drill {
    /// What etcd reads.
    served: Utf8PathBuf,
    folder: Utf8PathBuf,
}

impl Drill {
    fn of(home: &Home, member: &Member) -> Self {
        let kind = Kind::Member(member);
        let folder = Pki::of(home).folder_of(&kind);
        Self {
            served: folder.join(kind.certificate()),
            folder: folder.join("drill"),
        }
    }

    /// The certificate that the drill replaces.
    fn right(&self) -> Utf8PathBuf {
        self.folder.join("right.crt")
    }

    /// The one that it puts there.
    fn wrong(&self) -> Utf8PathBuf {
        self.folder.join("wrong.crt")
    }
}

/// Gives a member a wrong certificate.
pub fn spoil(home: &Home, plan: &Plan, member: &Member, flaw: Flaw) -> Outcome<()> {
    // Of a drill that nobody remembers.
    mend(home, member)?;
    let drill = Drill::of(home, member);
    prepare(home, plan, member, flaw, &drill)?;
    serve(&drill).map_err(|error| unwritten(&drill.served, &error))
}

/// Makes the folder of a drill.
fn prepare(home: &Home, plan: &Plan, member: &Member, flaw: Flaw, drill: &Drill) -> Outcome<()> {
    let pki = Pki::of(home);
    let (name, now) = (&home.name, SystemTime::now().duration_since(UNIX_EPOCH));
    let now = now.unwrap_or_default();
    let mut lifetime = (now.saturating_sub(DAY), now + DAY);
    let mut planned = member.clone();
    let other = drill.folder.with_file_name("drill-ca");
    let signer = match flaw {
        Flaw::Expired => {
            lifetime = (now.saturating_sub(DAY * 2), now.saturating_sub(DAY));
            signer(&pki, home, plan)?
        }
        Flaw::ForAnother(address) => {
            planned.address = address;
            signer(&pki, home, plan)?
        }
        Flaw::OfAnotherAuthority => {
            let kind = Kind::Authority;
            make(&other, |part| {
                openssl::issue(part, name, &kind, None, &Signer::Itself)
            })?;
            Signer::Authority {
                certificate: other.join(kind.certificate()),
                key: other.join(kind.key()),
            }
        }
    };
    let kind = Kind::Member(&planned);
    let key = drill.served.with_file_name(kind.key());
    let made = make(&drill.folder, |part| {
        openssl::issue_for(part, name, &kind, Some(&key), &signer, lifetime)?;
        let right = openssl::copy(&drill.served, &part.join("right.crt"));
        let both =
            right.and_then(|()| fs::rename(part.join(kind.certificate()), part.join("wrong.crt")));
        both.map_err(|error| unwritten(part, &error))
    });
    let _ = fs::remove_dir_all(&other);
    made
}

/// Puts the wrong certificate into place atomically.
fn serve(drill: &Drill) -> io::Result<()> {
    let copy = drill.folder.join("served.crt");
    openssl::copy(&drill.wrong(), &copy)?;
    fs::rename(copy, &drill.served)
}

/// Puts the right certificate of a member back, unless it has been renewed meanwhile.
pub fn mend(home: &Home, member: &Member) -> Outcome<()> {
    let drill = Drill::of(home, member);
    mended(&drill).map_err(|error| unwritten(&drill.served, &error))
}

fn mended(drill: &Drill) -> io::Result<()> {
    if !drill.folder.exists() {
        return Ok(());
    }
    let is_wrong = match (fs::read(&drill.served), fs::read(drill.wrong())) {
        (Ok(served), Ok(wrong)) => served == wrong,
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => true,
        _ => false,
    };
    if is_wrong {
        fs::rename(drill.right(), &drill.served)?;
    }
    fs::remove_dir_all(&drill.folder)
}
