//! HTTP over TLS, through `openssl s_client`: no TLS library has to be compiled, and openssl makes
//! the certificates anyway.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use xshell::{Cmd, Shell};

use super::http::{Answer, Head, Request, Unsent};
use crate::observation::certificates::{Admission, NO_TLS, NOT_ACCEPTED, REFUSES_OURS};
use crate::plan::flags::Certificate;
use crate::process::{self, Conversation, Finished, Heard};

/// A client with a certificate. It keeps connections open for the next request.
#[derive(Debug)]
pub struct TlsClient {
    certificate: Certificate,
    idle: Mutex<HashMap<SocketAddrV4, Vec<Conversation>>>,
}

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;

impl TlsClient {
    /// A client with this certificate.
    pub fn new(certificate: Certificate) -> Self {
        Self {
            certificate,
            idle: Mutex::default(),
        }
    }

    /// Sends a request, and waits for the answer.
    pub(super) fn send(&self, request: Request<'_>) -> Result<Answer, Unsent> {
        let (server, path) = split(request.url)
            .ok_or_else(|| Unsent::Broken(format!("`{}` is not reached by TLS", request.url)))?;
        let deadline = Instant::now() + request.patience;
        let mut connection = match self.take_idle(server) {
            Some(connection) => connection,
            None => connect(&self.certificate, server)?,
        };
        match connection.tell(written(server, path, request).as_bytes(), deadline) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(Unsent::TimedOut),
            Err(_) => return Err(why_ended(&connection.end())),
        }
        let mut bytes = Vec::new();
        loop {
            match connection.listen(deadline) {
                Heard::Piece(piece) => bytes.extend(piece),
                Heard::Silence => return Err(Unsent::TimedOut),
                Heard::End => return Err(why_ended(&connection.end())),
            }
            if bytes.len() > LONGEST {
                return Err(Unsent::Broken("the answer does not end".to_owned()));
            }
            if let Some(answer) = read(&bytes)? {
                self.keep_idle(server, connection);
                return Ok(answer);
            }
        }
    }

    fn take_idle(&self, server: SocketAddrV4) -> Option<Conversation> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(&server)?;
        // Those that the member has closed meanwhile say so.
        connections.retain(Conversation::is_quiet);
        connections.pop()
    }

    fn keep_idle(&self, server: SocketAddrV4, connection: Conversation) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(server).or_default().push(connection);
    }
}

/// The address and port in a URL, and the path after them.
fn split(url: &str) -> Option<(SocketAddrV4, &str)> {
    let rest = url.strip_prefix("https://")?;
    let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((server.parse().ok()?, path))
}

/// A client that trusts only the authorities of its certificate.
fn connect(certificate: &Certificate, server: SocketAddrV4) -> Result<Conversation, Unsent> {
    let shell = Shell::new().map_err(|error| Unsent::NoSender(error.to_string()))?;
    let address = server.ip().to_string();
    converse(
        client(&shell, server, Some(certificate))
            .args(QUIETLY)
            .arg("-verify_return_error")
            .args(verify(&certificate.authorities, &address)),
    )
}

/// The options to trust these authorities. Like Go's, but unlike openssl's own rule: any certificate may be an authority
/// that is trusted.
pub(super) const fn verify<'a>(authorities: &'a str, address: &'a str) -> [&'a str; 5] {
    [
        "-partial_chain",
        "-CAfile",
        authorities,
        "-verify_ip",
        address,
    ]
}

/// openssl as a client with this certificate. It prints why it does not accept the certificate of the server, and continues.
pub(super) fn client<'a>(
    shell: &'a Shell,
    server: SocketAddrV4,
    certificate: Option<&Certificate>,
) -> Cmd<'a> {
    let client = shell
        .cmd("openssl")
        .args(["s_client", "-connect", &server.to_string()]);
    match certificate {
        Some(one) => client
            .args(["-cert", &one.certificate])
            .args(["-key", &one.key]),
        None => client,
    }
}

/// The options for a client that only passes on what is said, and ends with its input.
const QUIETLY: &[&str] = &["-quiet", "-no_ign_eof", "-nocommands"];

/// The program ends with its input, also if this process is killed.
fn converse(client: Cmd<'_>) -> Result<Conversation, Unsent> {
    process::converse(client)
        .map_err(|finished| Unsent::NoSender(format!("`openssl` {}", finished.ending())))
}

/// What a server does with a client that has this certificate, or none. With TLS 1.3, it decides after the client has
/// everything that it needs to send a request.
pub(super) fn admission(
    server: SocketAddrV4,
    certificate: Option<&Certificate>,
    deadline: Instant,
) -> Result<Admission, Unsent> {
    let shell = Shell::new().map_err(|error| Unsent::NoSender(error.to_string()))?;
    let mut connection = converse(client(&shell, server, certificate).args(QUIETLY))?;
    let request = Request {
        url: "",
        body: None,
        token: None,
        patience: Duration::ZERO,
    };
    let request = written(server, "/version", request);
    let heard = match connection.tell(request.as_bytes(), deadline) {
        Ok(()) => connection.listen(deadline),
        Err(error) if error.kind() == ErrorKind::TimedOut => Heard::Silence,
        Err(_) => Heard::End,
    };
    match heard {
        Heard::Piece(_) => Ok(Admission::Admitted),
        Heard::Silence => Err(Unsent::TimedOut),
        Heard::End => {
            let finished = connection.end();
            match alert(&finished.stderr) {
                Some(why) => Ok(Admission::Refused(why.to_owned())),
                None => Err(why_ended(&finished)),
            }
        }
    }
}

fn written(server: SocketAddrV4, path: &str, request: Request<'_>) -> String {
    let method = request.body.map_or("GET", |_| "POST");
    let path = if path.is_empty() { "/" } else { path };
    let token = request
        .token
        .map_or_else(String::new, |token| format!("Authorization: {token}\r\n"));
    let body = request.body.unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\n{token}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer; none if it is not complete yet.
fn read(bytes: &[u8]) -> Result<Option<Answer>, Unsent> {
    let end = b"\r\n\r\n";
    let Some(length) = bytes.windows(end.len()).position(|part| part == end) else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..length]);
    let no_http = || Unsent::Broken("the answer is not HTTP".to_owned());
    let head = Head::read(&head).ok_or_else(no_http)?;
    let rest = &bytes[length + end.len()..];
    let body = match head.length {
        Some(length) => rest.get(..length).map(<[u8]>::to_vec),
        None => joined(rest).ok_or_else(no_http)?,
    };
    let body = body.map(String::from_utf8).transpose();
    let body = body.map_err(|error| Unsent::Broken(error.to_string()))?;
    Ok(body.map(|body| head.with(body)))
}

/// The body that these chunks make, if the last one is there; nothing if they are no chunks.
fn joined(mut chunks: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = chunks.windows(2).position(|part| part == b"\r\n") else {
            return Some(None);
        };
        let size = std::str::from_utf8(&chunks[..end]).ok()?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let from = end + 2;
        let until = from.checked_add(size)?;
        // The last chunk is empty; etcd sends no trailers.
        if chunks.len() < until.checked_add(2)? {
            return Some(None);
        }
        if size == 0 {
            return Some(Some(body));
        }
        body.extend_from_slice(&chunks[from..until]);
        chunks = &chunks[until + 2..];
    }
}

/// Why a server has ended a connection, according to itself.
fn alert(errors: &str) -> Option<&str> {
    let mut alerts = errors.lines().filter_map(|line| line.split_once(" alert "));
    let (why, _) = alerts.next()?.1.split_once(':')?;
    Some(why)
}

/// Why openssl has ended without an answer.
pub(super) fn why_ended(finished: &Finished) -> Unsent {
    let said = &finished.stderr;
    let after = |mark: &str| {
        let found = said.lines().find_map(|line| line.split_once(mark));
        found.map(|(_, rest)| rest)
    };
    if finished.not_found() {
        return Unsent::NoSender(format!("`openssl` {}", finished.ending()));
    }
    match after("connect:errno=").and_then(|errno| errno.trim().parse().ok()) {
        Some(errno) if errno == nix::libc::ECONNREFUSED => return Unsent::Refused,
        Some(errno) if errno == nix::libc::ETIMEDOUT => return Unsent::TimedOut,
        Some(errno) => {
            let error = std::io::Error::from_raw_os_error(errno);
            return Unsent::Broken(error.to_string());
        }
        None => {}
    }
    if let Some((_, why)) = after("verify error:num=").and_then(|rest| rest.split_once(':')) {
        return Unsent::NotTrusted(format!("{NOT_ACCEPTED}: {why}"));
    }
    if let Some(why) = alert(said) {
        return Unsent::NotTrusted(format!("{REFUSES_OURS}: {why}"));
    }
    if said.contains("wrong version number") {
        return Unsent::Broken(NO_TLS.to_owned());
    }
    if said.contains("Could not open") || said.contains("Can't open") {
        let why = format!("the certificate cannot be read: {}", finished.last_lines(1));
        return Unsent::NoSender(why);
    }
    Unsent::Broken("it closed the connection".to_owned())
}
