//! Looks at the certificates of a cluster with TLS, with the program openssl.

use std::fs;
use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use xshell::{Cmd, Shell};

use super::tls;
use super::tools::{Tools, ToolsOrigin};
use super::turns;
use crate::observation::Look;
use crate::observation::certificates::{
    self as read, Certificate, Certificates, File, Port, Ports,
};
use crate::plan::flags::Certificate as Paths;
use crate::plan::{Member, Plan};
use crate::process::{self, Ending, Finished};
use crate::reason::Reason;

/// Looks at all certificates: at the files of this host, and at both ports of every member, all members at the same
/// time and each with this deadline. None without TLS.
pub fn look(plan: &Plan, tools: &Tools, patience: Duration) -> Option<Look<Certificates>> {
    if plan.scheme().is_http() {
        return None;
    }
    let Some(paths) = &tools.certificate else {
        let why = "this host has no certificate to query the members with";
        return Some(Look::NotAsked(why.to_owned()));
    };
    if tools.origin == ToolsOrigin::Machine {
        let why = "members are queried from inside a machine, which shows no certificates";
        return Some(Look::NotAsked(why.to_owned()));
    }
    Some(match look_with(plan, paths, patience) {
        Ok(seen) => Look::Seen(seen),
        Err(why) => Look::Failed(format!("`openssl` {why}")),
    })
}

/// Why openssl does not work on this host, as words that follow its name.
type Unusable = String;

fn look_with(plan: &Plan, paths: &Paths, patience: Duration) -> Result<Certificates, Unusable> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH);
    let authority = file(&paths.authorities, None)?;
    let client = file(&paths.certificate, Some(&paths.authorities))?;
    let ours = client.certificate.is_ok().then_some(paths);
    let looks = thread::scope(|scope| {
        let members = plan.members.iter();
        let looks = members.map(|member| scope.spawn(|| ports(member, paths, ours, patience)));
        let looks: Vec<_> = looks.collect();
        let joined = looks.into_iter().map(|look| match look.join() {
            Ok(look) => look,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Result<Vec<Ports>, Unusable>>()
    });
    Ok(Certificates {
        at: at.unwrap_or_default(),
        authority,
        client,
        members: looks?,
    })
}

/// How long openssl may take for a file.
const FILE: Duration = Duration::from_secs(10);

/// A certificate in a file of this host, or why it cannot be read. Fails if openssl does not work.
pub fn in_file(path: &str) -> Result<Result<Certificate, String>, Unusable> {
    Ok(file(path, None)?.certificate)
}

/// Reads a certificate of this host, and compares it with this authority.
fn file(path: &str, authority: Option<&str>) -> Result<File, Unusable> {
    Ok(File {
        path: path.to_owned(),
        certificate: match fs::File::open(path) {
            Ok(_) => readable(path, authority)?,
            Err(error) => Err(error.to_string()),
        },
    })
}

fn readable(path: &str, authority: Option<&str>) -> Result<Result<Certificate, String>, Unusable> {
    let shell = shell()?;
    let show = shell.cmd("openssl").arg("x509").args(read::SHOW);
    let shown = run(show.args(["-in", path]), FILE)?;
    let verified = match authority {
        Some(authority) => {
            let verify = shell
                .cmd("openssl")
                .args(["verify", "-partial_chain", "-no-CApath", "-no-CAstore"])
                .args(["-CAfile", authority]);
            run(verify.arg(path), FILE)?.stderr
        }
        None => String::new(),
    };
    if !shown.success() {
        return Ok(Err("it is no certificate".to_owned()));
    }
    let certificate = read::read(&shown.stdout).map(|certificate| Certificate {
        objections: read::objections(&verified),
        ..certificate
    });
    Ok(certificate.map_err(String::from))
}

/// Both ports of a member, one after the other, so that as many programs run as there are members. The peer port comes
/// first: a member serves it before it has a leader, and its client port only afterwards.
fn ports(
    member: &Member,
    paths: &Paths,
    ours: Option<&Paths>,
    patience: Duration,
) -> Result<Ports, Unusable> {
    let look = |server| port(server, paths, ours, patience);
    let peer = look(member.peer_socket())?;
    // A member that hangs does so at both.
    let client = match &peer.certificate {
        Err(why) if why == SILENT => peer.clone(),
        _ => look(member.client_socket())?,
    };
    Ok(Ports { client, peer })
}

/// Why a member that does not answer shows no certificate.
const SILENT: &str = "no answer in time";

fn port(
    server: SocketAddrV4,
    paths: &Paths,
    ours: Option<&Paths>,
    patience: Duration,
) -> Result<Port, Unusable> {
    let certificate = served(server, paths, ours, patience)?;
    let admission = |client| {
        // Waiting for a turn says nothing about the member.
        let turn = turns::wait();
        let admission = tls::admission(server, client, Instant::now() + patience).ok();
        drop(turn);
        admission
    };
    // A port that shows none does nothing with those of clients either.
    let shows_one = certificate.is_ok();
    Ok(Port {
        with_ours: ours
            .filter(|_| shows_one)
            .and_then(|ours| admission(Some(ours))),
        without: shows_one.then(|| admission(None)).flatten(),
        certificate,
    })
}

/// The certificate that a server shows, and what openssl has against it.
fn served(
    server: SocketAddrV4,
    paths: &Paths,
    ours: Option<&Paths>,
    patience: Duration,
) -> Result<Result<Certificate, String>, Unusable> {
    let shell = shell()?;
    let client = tls::client(&shell, server, ours)
        .args(tls::verify(&paths.authorities, &server.ip().to_string()));
    let show = shell.cmd("openssl").arg("x509").args(read::SHOW);
    let turn = turns::wait();
    let ran = process::run_piped(client, show, patience);
    drop(turn);
    let [client, shown] = ran.map_err(|error| error.to_string())?;
    if is_unusable(&client) {
        return Err(client.ending());
    }
    if !shown.success() {
        let is_late = |finished: &Finished| matches!(finished.ending, Ending::Deadline(_));
        return Ok(Err(match is_late(&client) || is_late(&shown) {
            true => SILENT.to_owned(),
            false => Reason::from(tls::why_ended(&client)).into(),
        }));
    }
    let certificate = read::read(&shown.stdout).map(|certificate| Certificate {
        objections: read::objections(&client.stderr),
        ..certificate
    });
    Ok(certificate.map_err(String::from))
}

fn run(command: Cmd<'_>, patience: Duration) -> Result<Finished, Unusable> {
    let turn = turns::wait();
    let finished = process::run(command, patience);
    drop(turn);
    if is_unusable(&finished) {
        return Err(finished.ending());
    }
    Ok(finished)
}

/// Whether there is no such program, or it does not work.
const fn is_unusable(finished: &Finished) -> bool {
    matches!(
        finished.ending,
        Ending::NotStarted(_) | Ending::Exited(126..)
    )
}

fn shell() -> Result<Shell, Unusable> {
    Shell::new().map_err(|error| error.to_string())
}
