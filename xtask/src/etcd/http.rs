//! Asks members over HTTP: for what etcdctl of their version does not show, or where an etcdctl for each request would
//! take too long.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::de::DeserializeOwned;
use xshell::Shell;

use super::tls::TlsClient;
use super::tools::{Tools, ToolsOrigin};
use crate::plan::flags::Certificate;
use crate::process::{self, Ending};
use crate::reason::Reason;

/// Who sends the requests.
#[derive(Debug, Clone)]
pub enum Sender {
    /// This program, in plain text.
    Own,
    /// openssl, which proves who it is.
    Tls(Arc<TlsClient>),
    /// This curl, which may run inside a machine.
    Curl(Utf8PathBuf),
}

/// A request to a member.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The URL.
    pub url: &'a str,
    /// What to POST; none for a GET.
    pub body: Option<&'a str>,
    /// The token of a user, which etcd gave out. A curl does not get it: everybody sees its arguments.
    pub token: Option<&'a str>,
    /// How long the answer may take.
    pub patience: Duration,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header with the ID of the member's cluster, as it was sent.
    pub cluster: Option<String>,
    /// The content.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// Nothing listens there.
    Refused,
    /// There was no answer in time.
    TimedOut,
    /// One of both does not accept the certificate of the other one, in words. Nothing was sent.
    NotTrusted(String),
    /// Something else went wrong, in words.
    Broken(String),
    /// The program that asks does not work, so this says nothing about the member.
    NoSender(String),
}

/// The header with which members name their cluster on their peer ports.
const CLUSTER: &str = "x-etcd-cluster-id";

/// How long the login to a machine may take.
const LOGIN: Duration = Duration::from_secs(55);

impl Sender {
    /// Who sends requests to the members that these tools query.
    pub fn of(tools: &Tools) -> Self {
        match tools.origin {
            // A wrapper for curl lies beside the etcdctl that runs inside a machine.
            ToolsOrigin::Machine => Self::Curl(tools.etcdctl.with_file_name("curl")),
            _ => Self::with(tools.certificate.clone()),
        }
    }

    /// Who sends requests from this host, with this certificate if there is TLS.
    pub fn with(certificate: Option<Certificate>) -> Self {
        let tls = |certificate| Self::Tls(Arc::new(TlsClient::new(certificate)));
        certificate.map_or(Self::Own, tls)
    }

    /// Sends a request, and waits for the answer.
    pub fn send(&self, request: Request<'_>) -> Result<Answer, Unsent> {
        match self {
            Self::Own => own(request),
            Self::Tls(client) => client.send(request),
            Self::Curl(curl) => by_curl(curl, request),
        }
    }

    /// The content of a good answer.
    pub(super) fn content(&self, request: Request<'_>) -> Result<String, Unsent> {
        let answer = self.send(request)?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(Unsent::Broken(format!("HTTP status {status}"))),
        }
    }

    /// The answer as JSON; none if there is no such answer.
    pub(super) fn json<T: DeserializeOwned>(&self, request: Request<'_>) -> Option<T> {
        serde_json::from_str(&self.content(request).ok()?).ok()
    }
}

fn own(request: Request<'_>) -> Result<Answer, Unsent> {
    let asked = match request.body {
        Some(body) => minreq::post(request.url).with_body(body),
        None => minreq::get(request.url),
    };
    let asked = request.token.iter().fold(asked, |asked, token| {
        asked.with_header("Authorization", *token)
    });
    let asked = asked
        .with_timeout(request.patience.as_secs().max(1))
        .with_follow_redirects(false);
    let answer = asked.send().map_err(|error| match error {
        minreq::Error::IoError(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Unsent::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Unsent::TimedOut,
            _ => Unsent::Broken(error.to_string()),
        },
        error => Unsent::Broken(error.to_string()),
    })?;
    let mut headers = answer.headers.iter();
    let cluster = headers.find(|(name, _)| name.eq_ignore_ascii_case(CLUSTER));
    let body = answer.as_str().map(str::to_owned);
    Ok(Answer {
        status: answer.status_code,
        cluster: cluster.map(|(_, id)| id.clone()),
        body: body.map_err(|error| Unsent::Broken(error.to_string()))?,
    })
}

fn by_curl(curl: &Utf8PathBuf, request: Request<'_>) -> Result<Answer, Unsent> {
    let shell = Shell::new().map_err(|error| Unsent::NoSender(error.to_string()))?;
    let seconds = request.patience.as_secs().max(1).to_string();
    let asked = shell
        .cmd(curl)
        .args(["--silent", "--include", "--max-time", &seconds])
        .args(request.body.iter().flat_map(|body| ["--data", body]))
        .arg(request.url);
    let finished = process::run(asked, request.patience + LOGIN);
    match finished.ending {
        Ending::Exited(0) => read(&finished.stdout)
            .ok_or_else(|| Unsent::Broken("the answer is not HTTP".to_owned())),
        Ending::Exited(7) => Err(Unsent::Refused),
        Ending::Exited(28) => Err(Unsent::TimedOut),
        // Below 126 it is curl's own exit status; from 126 on, that of the program that should have run it.
        Ending::Exited(..126) => Err(Unsent::Broken(format!("curl {}", finished.ending()))),
        _ => Err(Unsent::NoSender(format!("`{curl}` {}", finished.ending()))),
    }
}

/// Reads an answer with its headers.
fn read(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Head::read(head)?.with(body.to_owned()))
}

/// What is sent before the content of an answer.
pub(super) struct Head {
    status: u16,
    cluster: Option<String>,
    /// The length of the content in bytes; none if it is sent in chunks.
    pub(super) length: Option<usize>,
}

impl Head {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let status = lines.next()?.strip_prefix("HTTP/")?.split(' ').nth(1)?;
        let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
        let header = |wanted: &str| {
            let mut headers = headers.iter();
            let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim())
        };
        Some(Self {
            status: status.parse().ok()?,
            cluster: header(CLUSTER).map(str::to_owned),
            length: header("Content-Length").and_then(|length| length.parse().ok()),
        })
    }

    pub(super) fn with(self, body: String) -> Answer {
        Answer {
            status: self.status,
            cluster: self.cluster,
            body,
        }
    }
}

impl From<Unsent> for Reason {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Refused => "nothing listens there".into(),
            Unsent::TimedOut => "there was no answer in time".into(),
            Unsent::NotTrusted(why) | Unsent::Broken(why) | Unsent::NoSender(why) => why.into(),
        }
    }
}
