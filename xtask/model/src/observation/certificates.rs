//! What the program openssl shows of certificates, and what members do with those of clients.

use std::time::Duration;

use crate::moment;
use crate::reason::Reason;

/// The certificates of a cluster with TLS, at about the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// When they were looked at, since 1970.
    pub at: Duration,
    /// The certificate of the cluster's certificate authority, on this host.
    pub authority: File,
    /// The certificate of this host's tools.
    pub client: File,
    /// What each planned member serves, in the plan's order.
    pub members: Vec<Ports>,
}

/// A certificate in a file of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// The certificate, or why it cannot be read.
    pub certificate: Result<Certificate, String>,
}

/// What a member serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// At its client port.
    pub client: Port,
    /// At its peer port.
    pub peer: Port,
}

/// What was seen at a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The certificate that it serves, or why it showed none.
    pub certificate: Result<Certificate, String>,
    /// What it does with this host's certificate; none if it did not say.
    pub with_ours: Option<Admission>,
    /// What it does with a client that has no certificate; none if it did not say.
    pub without: Option<Admission>,
}

/// Whether a port admits a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It answers.
    Admitted,
    /// It refuses, for this reason.
    Refused(String),
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// When it becomes valid, since 1970.
    pub from: Duration,
    /// When it expires, since 1970.
    pub until: Duration,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// What it is for.
    pub usages: Vec<String>,
    /// The SHA-256 of it, as openssl prints it.
    pub fingerprint: String,
    /// Why openssl does not accept it, with the authority that it was compared with.
    pub objections: Vec<Objection>,
}

/// A reason not to accept a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// openssl's number of it (`X509_V_ERR_…` in `x509_vfy.h`).
    pub number: u32,
    /// How many certificates are between this one and the objectionable one. 0: it is this one itself.
    pub depth: u32,
    /// openssl's words.
    pub text: String,
}

/// Why a port shows no certificate and never will.
pub const NO_TLS: &str = "it does not speak TLS";

/// How it begins why a member was not asked anything: its certificate is not accepted.
pub const NOT_ACCEPTED: &str = "its certificate is not accepted";

/// The same if it does not accept the client's one.
pub const REFUSES_OURS: &str = "it refuses this host's certificate";

/// Whether certificates are why a member gave no answer.
pub fn is_distrust(why: &str) -> bool {
    [NOT_ACCEPTED, REFUSES_OURS]
        .iter()
        .any(|start| why.starts_with(start))
}

/// How openssl calls the use by servers.
pub const SERVERS: &str = "TLS Web Server Authentication";

/// How openssl calls the use by clients.
pub const CLIENTS: &str = "TLS Web Client Authentication";

/// The options of `openssl x509` whose output [`read`] reads.
pub const SHOW: &[&str] = &[
    "-noout",
    "-startdate",
    "-sha256",
    "-fingerprint",
    "-enddate",
    "-ext",
    "subjectAltName,extendedKeyUsage",
];

/// Reads a certificate from the output of `openssl x509` with the options [`SHOW`]. The objections are still missing.
pub fn read(output: &str) -> Result<Certificate, Reason> {
    let value = |name: &str| {
        let mut lines = output.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    let date = |name: &str| {
        value(name).as_deref().and_then(date).ok_or_else(|| {
            let shown: String = output.chars().take(60).collect();
            Reason::from(format!("openssl shows no {name}: `{}`", shown.trim()))
        })
    };
    Ok(Certificate {
        from: date("notBefore")?,
        until: date("notAfter")?,
        names: values(output, "X509v3 Subject Alternative Name:", |name| {
            let kinds = ["DNS:", "IP Address:"];
            let mut known = kinds.iter().filter_map(|kind| name.strip_prefix(kind));
            known.next().unwrap_or(name)
        }),
        usages: values(output, "X509v3 Extended Key Usage:", |usage| usage),
        fingerprint: value("sha256 Fingerprint").unwrap_or_default(),
        objections: Vec::new(),
    })
}

/// The values of an extension. They are on the line after its name, separated by commas.
fn values(output: &str, extension: &str, value: impl Fn(&str) -> &str) -> Vec<String> {
    let mut lines = output.lines();
    lines.find(|line| line.trim_start().starts_with(extension));
    let values = lines.next().into_iter().flat_map(|line| line.split(','));
    values.map(|one| value(one.trim()).to_owned()).collect()
}

/// Reads `Dec  1 18:17:19 2027 GMT`.
fn date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [month, day, time, year, "GMT"] = words[..] else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    moment::since_1970(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
}

/// Reads why openssl does not accept a certificate: from the errors of `openssl s_client`, which names the depth on the
/// line before, or of `openssl verify`. Each reason comes once.
pub fn objections(errors: &str) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut depth = 0;
    for line in errors.lines() {
        if let Some(rest) = line.strip_prefix("depth=") {
            let number = rest.split(' ').next().unwrap_or_default();
            depth = number.parse().unwrap_or_default();
        }
        let of_client = line.strip_prefix("verify error:num=");
        let objection = of_client
            .and_then(|rest| rest.split_once(':'))
            .and_then(|(number, text)| objection(number, depth, text))
            .or_else(|| of_verify(line));
        if let Some(objection) = objection
            && !found.contains(&objection)
        {
            found.push(objection);
        }
    }
    found
}

/// Reads `error 10 at 0 depth lookup: certificate has expired`.
fn of_verify(line: &str) -> Option<Objection> {
    let (number, rest) = line.strip_prefix("error ")?.split_once(" at ")?;
    let (depth, text) = rest.split_once(" depth lookup:")?;
    objection(number, depth.parse().ok()?, text)
}

fn objection(number: &str, depth: u32, text: &str) -> Option<Objection> {
    Some(Objection {
        number: number.trim().parse().ok()?,
        depth,
        text: text.trim().to_owned(),
    })
}
