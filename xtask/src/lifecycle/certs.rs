//! The certificates of a cluster with TLS: lists and renews them, and begins to replace their authority.

use super::{open, unfinished};
use crate::command_line;
use crate::etcd::{certificates, observe};
use crate::hint::Hint;
use crate::observation::certificates::{Certificate, Port};
use crate::observation::{Condition, Look};
use crate::pki::{self, Pki};
use crate::plan::Member;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::ui::Ui;
use crate::values::{ClusterName, HostName};
use crate::wording::list;
use crate::workspace::Workspace;

/// What to do with certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertsRequest {
    /// List them.
    List,
    /// Issue those of the members and of the tools again.
    Renew,
    /// Make a new authority.
    ReplaceAuthority,
}

/// The certificates of a cluster, after what was to be done.
pub struct Certs {
    /// The cluster.
    pub session: Session,
    /// The certificates, that of the authority first.
    pub certificates: Vec<Listed>,
    /// The members that have to be restarted to know a new authority: `apply` does that.
    pub is_replaced: bool,
}

/// A certificate of this host.
pub struct Listed {
    /// Whose it is.
    pub owner: Owner,
    /// Its file.
    pub path: String,
    /// The certificate, or why it cannot be read.
    pub certificate: Result<Certificate, String>,
    /// Whether a member serves it at both ports; none if it does not answer, or serves none.
    pub is_served: Option<bool>,
}

/// Whose certificate it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The certificate authority's, which everybody trusts.
    Authority,
    /// That of this host's tools.
    Client,
    /// A member's.
    Member(HostName),
}

/// Does that to the certificates of a cluster.
pub fn certs(ui: Ui, name: &ClusterName, request: CertsRequest) -> Outcome<Certs> {
    let home = Workspace::find()?.home(name);
    open::started(name)?;
    let _lock = match request {
        CertsRequest::List => None,
        CertsRequest::Renew | CertsRequest::ReplaceAuthority => {
            Some(Lock::take(&home, &format!("certs {name}"), &ui.saying())?)
        }
    };
    unfinished::refuse(&home)?;
    let session = open::session(ui, name)?;
    let plan = &session.plan;
    if plan.scheme().is_http() {
        return Err(Failure::usage(
            Diagnostic::error(format!("`{name}` has no certificates: it runs without TLS"))
                .hint("write `tls = true` under `[etcd]` in the definition of a new cluster"),
        ));
    }
    match request {
        CertsRequest::List => {}
        CertsRequest::Renew => {
            pki::renew(&home, plan)?;
            hand_over(&session)?;
        }
        CertsRequest::ReplaceAuthority => replace_authority(&session)?,
    }
    let certificates = listed(&session)?;
    if request == CertsRequest::Renew {
        fail_unless_served(&session, &certificates)?;
    }
    Ok(Certs {
        is_replaced: pki::is_replaced(&home),
        certificates,
        session,
    })
}

/// Gives the machines of running members the certificates as they are now. Local members read those of this host.
pub(super) fn hand_over(session: &Session) -> Outcome<()> {
    let Session {
        home, driver, plan, ..
    } = session;
    let Some(machines) = driver.machines() else {
        return Ok(());
    };
    let conditions = driver.conditions(home, &plan.names())?;
    let both = plan.members.iter().zip(conditions);
    let running = both.filter(|(_, condition)| condition.is_running());
    let running: Vec<Member> = running.map(|(member, _)| member.clone()).collect();
    machines.hand_over_certificates(home, &running)
}

/// Members that run come to trust the new authority by restarts, which `apply` makes. Others do so when they start.
fn replace_authority(session: &Session) -> Outcome<()> {
    let Session {
        home, driver, plan, ..
    } = session;
    pki::replace_authority(home, plan)?;
    let conditions = driver.conditions(home, &plan.names())?;
    if conditions.iter().any(Condition::is_running) {
        return hand_over(session);
    }
    pki::succeed(home, plan).map(drop)
}

fn listed(session: &Session) -> Outcome<Vec<Listed>> {
    let Session {
        home, plan, tools, ..
    } = session;
    let failed = |why: String| {
        Failure::host(
            Diagnostic::error(format!(
                "certificates could not be inspected: `openssl` {why}"
            ))
            .hint(crate::advice::install_openssl()),
        )
    };
    let seen = match certificates::look(plan, tools, observe::PATIENCE) {
        Some(Look::Seen(seen)) => Some(seen),
        Some(Look::Failed(_) | Look::NotAsked(_)) | None => None,
    };
    let pki = Pki::of(home);
    let file = |owner: Owner, path: String| {
        Ok(Listed {
            owner,
            certificate: certificates::in_file(&path).map_err(failed)?,
            path,
            is_served: None,
        })
    };
    let client = pki.client();
    let mut all = vec![
        file(Owner::Authority, client.authorities)?,
        file(Owner::Client, client.certificate)?,
    ];
    for (at, member) in plan.members.iter().enumerate() {
        let mut one = file(
            Owner::Member(member.name.clone()),
            pki.member(member).certificate,
        )?;
        let ports = seen.as_ref().and_then(|seen| seen.members.get(at));
        one.is_served = ports.and_then(|ports| {
            let serves = |port: &Port| Some(is_same(port.certificate.as_ref().ok()?, &one));
            Some(serves(&ports.client)? && serves(&ports.peer)?)
        });
        all.push(one);
    }
    Ok(all)
}

/// Whether a port serves the certificate in this file.
fn is_same(served: &Certificate, listed: &Listed) -> bool {
    let file = listed.certificate.as_ref();
    file.is_ok_and(|file| file.fingerprint == served.fingerprint)
}

/// Fails if a running member does not serve its new certificate.
fn fail_unless_served(session: &Session, certificates: &[Listed]) -> Outcome<()> {
    let serves_another = |one: &&Listed| one.is_served == Some(false);
    let others = certificates.iter().filter(serves_another);
    let others: Vec<&HostName> = others
        .filter_map(|one| match &one.owner {
            Owner::Member(name) => Some(name),
            Owner::Authority | Owner::Client => None,
        })
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(
        Diagnostic::error(format!(
            "{} still {} another certificate than the renewed one",
            list(&others),
            if others.len() == 1 { "serves" } else { "serve" }
        ))
        .hint(Hint::informs(
            "see what is wrong",
            [command_line::task(&session.plan, "verify")],
        )),
    ))
}
