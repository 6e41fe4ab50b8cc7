use std::time::Duration;

use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, grouped, list};
use crate::advice;
use crate::command_line::{self, task};
use crate::moment;
use crate::observation::certificates::{
    Admission, CLIENTS, Certificate, File, NO_TLS, Port, Ports, REFUSES_OURS, SERVERS,
};
use crate::observation::{Certificates, Look, Observation};
use crate::plan::{Member, Plan};
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "certificates",
    title: "every member's certificate is valid, and clients need one",
    about: About {
        looks_at: "The certificates that each member serves at its client port and at its peer \
            port, read with openssl: the cluster's own certificate authority must have signed \
            them for the member's name, its address and 127.0.0.1, for servers and clients, and \
            they must be valid now. Each port must accept this host's certificate and refuse a \
            client without one. 30 days before any of them expires, this is a warning.",
        why: "Once a certificate has expired, nobody connects to the member any more. Connections \
            that exist stay, so the cluster keeps running until a member restarts or the network \
            fails for a moment, and then loses its quorum. A port that admits clients without a \
            certificate lets everybody who reaches it read and change the data.",
        what_to_do: "Renew the certificates: `cargo xtask certs --renew default`. etcd reads them \
            again for every connection, so members need no restart for that. They read the \
            certificate of the authority only when they start, and also whether clients need a \
            certificate: `cargo xtask down`, then `cargo xtask up`.",
        read: "https://etcd.io/docs/v3.6/op-guide/security/",
    },
    judge,
};

/// The time before the end of a certificate from which on it is a warning.
const SOON: Duration = Duration::from_secs(30 * DAY);

const DAY: u64 = 24 * 3600;

/// openssl's objections that are about the time, a name or the use of a certificate. What a certificate says tells more.
/// (`X509_V_ERR_…` in `x509_vfy.h`.)
const SAID_BETTER: &[u32] = &[9, 10, 26, 62, 63, 64];

/// A problem of a certificate, or of what a port does with one.
struct Problem {
    verdict: Verdict,
    /// It follows the name of the owner of the certificate.
    text: String,
    /// What to do about it.
    remedy: Remedy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// New certificates.
    Renew,
    /// Another authority, of members that do not trust each other.
    Replace,
    /// Another authority, of members that serve.
    ReplaceInTime,
    /// The authority's certificate itself.
    Restore,
    /// A start, at which etcd reads the authority's certificate.
    Start,
    /// The completion of what another task has begun.
    Apply,
    /// Another check says what to do.
    Elsewhere,
}

impl Problem {
    fn new(verdict: Verdict, text: impl Into<String>, remedy: Remedy) -> Self {
        Self {
            verdict,
            text: text.into(),
            remedy,
        }
    }

    /// The same about what is at this port, `client` or `peer`.
    fn at(self, port: &str) -> Self {
        Self {
            text: format!("{} at its {port} port", self.text),
            ..self
        }
    }
}

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    match &observation.certificates {
        Some(Look::Seen(seen)) => judge_what_was_seen(plan, observation, seen, Verdict::Warn),
        Some(Look::Failed(why)) => {
            let finding = Finding::new(
                None,
                format!("certificates could not be inspected: {why}"),
                advice::install_openssl(),
            );
            let mut judgement = Judgement::new(Verdict::Skipped, "", Some(finding));
            judgement.add_unseen("not checked: openssl does not work");
            judgement
        }
        Some(Look::NotAsked(why)) => {
            let mut judgement = Judgement::new(Verdict::Skipped, "", None);
            judgement.add_unseen(&format!("not checked: {why}"));
            judgement
        }
        None => {
            let mut judgement = Judgement::new(Verdict::Skipped, "", None);
            judgement.add_unseen("not checked: no certificate was inspected");
            judgement
        }
    }
}

/// `least`: problems that are less severe are left out.
fn judge_what_was_seen(
    plan: &Plan,
    observation: &Observation,
    seen: &Certificates,
    least: Verdict,
) -> Judgement {
    let mut unseen = Coverage::default();
    let mut verdict = Verdict::Pass;
    let mut whole = Vec::new();
    let (authority, client) = (of_authority(seen), of_client(seen));
    let owners = [
        ("the certificate authority's certificate", authority),
        ("this host's own certificate", client),
    ];
    let is_replaced = observation.recorded.replaces_authority;
    for (owner, problems) in owners {
        for Problem {
            text,
            verdict: found,
            remedy,
        } in problems.into_iter().filter(|one| one.verdict >= least)
        {
            verdict = verdict.max(found);
            let remedy = match remedy {
                Remedy::ReplaceInTime if is_replaced => Remedy::Apply,
                remedy => remedy,
            };
            whole.push((format!("{owner} {text}"), remedy));
        }
    }
    if is_replaced {
        verdict = verdict.max(Verdict::Warn);
        let text =
            "two certificate authorities are trusted, until the new one has replaced the old one";
        whole.push((text.to_owned(), Remedy::Apply));
    }
    let mut of_members: Vec<(&HostName, String, Remedy)> = Vec::new();
    let mut trusted = 0;
    for (index, observed) in observation.members.iter().enumerate() {
        let name = &observed.name;
        let planned = plan.members.iter().find(|member| member.name == *name);
        let (Some(member), Some(ports)) = (planned, seen.members.get(index)) else {
            unseen.add(name, "was not inspected");
            continue;
        };
        let answers = observed.status.seen().is_some();
        if !answers && ports.client.certificate.is_err() && ports.peer.certificate.is_err() {
            unseen.add(name, "does not answer");
            continue;
        }
        for (port, what) in [(&ports.client, "client"), (&ports.peer, "peer")] {
            let why = match &port.certificate {
                Ok(_) if port.without.is_some() && port.with_ours.is_some() => continue,
                Ok(_) => format!("did not say whom it admits at its {what} port"),
                // A finding.
                Err(why) if answers && why == NO_TLS => continue,
                Err(why) if answers => {
                    format!("has shown no certificate at its {what} port ({why})")
                }
                Err(_) => format!("does not answer at its {what} port"),
            };
            unseen.add(name, &why);
        }
        let problems = of_ports(seen, member, ports, answers);
        trusted += [&ports.client, &ports.peer]
            .into_iter()
            .filter(|port| is_fine(seen, member, port))
            .count();
        for Problem {
            text,
            verdict: found,
            remedy,
        } in problems.into_iter().filter(|one| one.verdict >= least)
        {
            verdict = verdict.max(found);
            of_members.push((name, text, remedy));
        }
    }
    let ports = 2 * observation.members.len();
    let mut evidence = format!("trusted at {trusted} of {ports} ports");
    if let Some(first) = first_to_expire(seen)
        && first > seen.at
    {
        evidence += &format!("; the first expires on {}", day(first));
    }
    let findings = whole
        .into_iter()
        .map(|(text, remedy)| (Finding::new(None, text, None), remedy));
    let findings = findings.chain(by_remedy(of_members));
    let findings = with_hints(plan, findings.collect());
    unseen.settle(verdict, evidence, findings)
}

/// Merges the findings that are the same for several members.
fn by_remedy(of_members: Vec<(&HostName, String, Remedy)>) -> Vec<(Finding, Remedy)> {
    let mut findings = Vec::new();
    for remedy in [Remedy::Renew, Remedy::Start, Remedy::Elsewhere] {
        let mine = of_members.iter().filter(|(_, _, one)| *one == remedy);
        let mine = mine.map(|(name, text, _)| (*name, text.clone(), None));
        findings.extend(grouped(mine).into_iter().map(|finding| (finding, remedy)));
    }
    findings
}

/// Each piece of advice comes once, with the first finding that needs it. New certificates come before a start.
fn with_hints(plan: &Plan, findings: Vec<(Finding, Remedy)>) -> Vec<Finding> {
    let is_renewed = findings.iter().any(|(_, remedy)| *remedy == Remedy::Renew);
    let mut is_said = false;
    let hinted = findings.into_iter().map(|(mut finding, remedy)| {
        let hint = match remedy {
            Remedy::Renew => Some(renew(plan)),
            Remedy::Start if !is_renewed => Some(Hint::heals(
                "etcd reads whom it admits only when it starts; start the members again",
                [task(plan, "down"), task(plan, "up")],
            )),
            Remedy::Replace => Some(Hint::heals(
                "replace the authority while no member runs",
                [
                    task(plan, "down"),
                    task(plan, "certs --replace-authority"),
                    task(plan, "up"),
                ],
            )),
            Remedy::ReplaceInTime => Some(Hint::heals(
                "replace the authority; members are restarted one at a time",
                [task(plan, "certs --replace-authority"), task(plan, "apply")],
            )),
            Remedy::Restore => Some(Hint::says("restore this file: no task can replace it")),
            Remedy::Apply => Some(Hint::heals(
                "complete the change of the authority",
                [task(plan, "apply")],
            )),
            Remedy::Start | Remedy::Elsewhere => None,
        };
        if hint.is_some() && !is_said {
            is_said = true;
            finding.hint = hint;
        }
        finding
    });
    hinted.collect()
}

fn renew(plan: &Plan) -> Hint {
    Hint::heals(
        "renew the certificates; members take them without a restart",
        [command_line::renew_certificates(&plan.name)],
    )
}

/// Whether certificates are known to keep members or clients from trusting each other.
pub(super) fn has_failed(plan: &Plan, observation: &Observation) -> bool {
    judge(plan, observation).verdict == Verdict::Fail
}

/// What keeps members from trusting each other, if this was seen of their certificates.
pub fn failures(plan: &Plan, seen: &Certificates) -> Vec<Finding> {
    let mut observation = Observation::of(plan, String::new());
    observation.certificates = Some(Look::Seen(seen.clone()));
    judge_what_was_seen(plan, &observation, seen, Verdict::Fail).findings
}

/// Why a client that trusts the cluster's authority cannot query a member, as words that follow `does not answer at …:`;
/// none if certificates are not the reason.
pub(super) fn refusal(plan: &Plan, observation: &Observation, index: usize) -> Option<String> {
    let seen = observation.certificates.as_ref()?.seen()?;
    let name = &observation.members.get(index)?.name;
    let member = plan.members.iter().find(|member| member.name == *name)?;
    let port = &seen.members.get(index)?.client;
    let certificate = port.certificate.as_ref().ok()?;
    let text = first_failure(of_certificate(seen, certificate))
        .or_else(|| first_failure(of_names(member, certificate)))
        .map(|text| format!("its certificate {text}"));
    let authority = || {
        let text = first_failure(of_authority(seen))?;
        Some(format!("the certificate authority's certificate {text}"))
    };
    let ours = || match &port.with_ours {
        Some(Admission::Refused(why)) => Some(format!("{REFUSES_OURS}: {why}")),
        Some(Admission::Admitted) | None => None,
    };
    text.or_else(authority).or_else(ours)
}

fn first_failure(problems: Vec<Problem>) -> Option<String> {
    let mut failures = problems
        .into_iter()
        .filter(|one| one.verdict == Verdict::Fail);
    failures.next().map(|problem| problem.text)
}

fn of_authority(seen: &Certificates) -> Vec<Problem> {
    let remedy = |verdict| match (&seen.authority.certificate, verdict) {
        (Err(_), _) => Remedy::Restore,
        (Ok(_), Verdict::Fail) => Remedy::Replace,
        (Ok(_), _) => Remedy::ReplaceInTime,
    };
    let problems = of_file(seen, &seen.authority).into_iter();
    let problems = problems.map(|problem| Problem {
        remedy: remedy(problem.verdict),
        ..problem
    });
    problems.collect()
}

fn of_client(seen: &Certificates) -> Vec<Problem> {
    let mut problems = of_file(seen, &seen.client);
    if let Ok(certificate) = &seen.client.certificate {
        problems.extend(of_usage(certificate, &[(CLIENTS, "clients")]));
    }
    problems
}

fn of_file(seen: &Certificates, file: &File) -> Vec<Problem> {
    match &file.certificate {
        Ok(certificate) => of_certificate(seen, certificate),
        Err(why) => {
            let text = format!("cannot be read: `{}`: {why}", file.path);
            vec![Problem::new(Verdict::Fail, text, Remedy::Renew)]
        }
    }
}

/// The problems of both ports. What is wrong at both is said once.
fn of_ports(seen: &Certificates, member: &Member, ports: &Ports, answers: bool) -> Vec<Problem> {
    let mut client = of_port(seen, member, &ports.client, answers);
    let mut peer = of_port(seen, member, &ports.peer, answers);
    let mut both = Vec::new();
    client = client
        .into_iter()
        .filter_map(
            |problem| match peer.iter().position(|other| other.text == problem.text) {
                Some(at) => {
                    peer.remove(at);
                    both.push(problem);
                    None
                }
                None => Some(problem),
            },
        )
        .collect();
    let client = client.into_iter().map(|problem| problem.at("client"));
    let peer = peer.into_iter().map(|problem| problem.at("peer"));
    both.into_iter().chain(client).chain(peer).collect()
}

fn of_port(seen: &Certificates, member: &Member, port: &Port, answers: bool) -> Vec<Problem> {
    let certificate = match &port.certificate {
        Ok(certificate) => certificate,
        // Other reasons may be gone at the next look, or `reachable` says that it does not answer.
        Err(why) if answers && why == NO_TLS => {
            let text = "does not speak TLS";
            return vec![Problem::new(Verdict::Fail, text, Remedy::Elsewhere)];
        }
        Err(_) => return Vec::new(),
    };
    let of_certificate = of_certificate(seen, certificate)
        .into_iter()
        .chain(of_names(member, certificate))
        .chain(of_usage(
            certificate,
            &[(SERVERS, "servers"), (CLIENTS, "clients")],
        ));
    let mut problems: Vec<Problem> = of_certificate
        .map(|problem| Problem {
            text: format!("serves a certificate that {}", problem.text),
            ..problem
        })
        .collect();
    if port.without == Some(Admission::Admitted) {
        let text = "admits clients without a certificate";
        problems.push(Problem::new(Verdict::Fail, text, Remedy::Start));
    }
    if let Some(Admission::Refused(why)) = &port.with_ours
        && first_failure(of_client(seen)).is_none()
    {
        let text = format!("refuses this host's certificate ({why})");
        problems.push(Problem::new(Verdict::Fail, text, Remedy::Start));
    }
    problems
}

fn is_fine(seen: &Certificates, member: &Member, port: &Port) -> bool {
    let problems = of_port(seen, member, port, true);
    let has_failed = |problem: &Problem| problem.verdict == Verdict::Fail;
    port.certificate.is_ok() && !problems.iter().any(has_failed)
}

/// Whether it is valid now, and whether the cluster's authority has signed it.
fn of_certificate(seen: &Certificates, certificate: &Certificate) -> Vec<Problem> {
    let mut problems = Vec::new();
    let objections = certificate.objections.iter();
    let objections = objections.filter(|one| one.depth == 0 && !SAID_BETTER.contains(&one.number));
    // The first one is the cause of the others.
    for objection in objections.take(1) {
        let text = format!(
            "is not signed by the cluster's certificate authority ({})",
            objection.text
        );
        problems.push(Problem::new(Verdict::Fail, text, Remedy::Renew));
    }
    let (from, until) = (certificate.from, certificate.until);
    if until <= seen.at {
        let text = format!("expired on {}", day(until));
        problems.push(Problem::new(Verdict::Fail, text, Remedy::Renew));
    } else if from > seen.at {
        let text = format!("is not valid before {}", moment::utc(from));
        problems.push(Problem::new(Verdict::Fail, text, Remedy::Renew));
    } else if until - seen.at < SOON {
        let text = format!("expires on {}", day(until));
        problems.push(Problem::new(Verdict::Warn, text, Remedy::Renew));
    }
    problems
}

/// Whether it is for this member.
fn of_names(member: &Member, certificate: &Certificate) -> Vec<Problem> {
    let wanted = [
        member.address.to_string(),
        member.name.to_string(),
        "127.0.0.1".to_owned(),
    ];
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|name| !certificate.names.contains(name))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let others = match certificate.names.is_empty() {
        true => ", nor for any other name".to_owned(),
        false => format!(" but for {}", list(&certificate.names)),
    };
    let text = format!("is not for {}{others}", list(missing));
    vec![Problem::new(Verdict::Fail, text, Remedy::Renew)]
}

/// Whether it is for these uses.
fn of_usage(certificate: &Certificate, wanted: &[(&str, &str)]) -> Vec<Problem> {
    let missing = wanted
        .iter()
        .filter(|(usage, _)| !certificate.usages.iter().any(|one| one == usage));
    let missing: Vec<&str> = missing.map(|(_, who)| *who).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let text = format!("is not for use by {}", list(missing));
    vec![Problem::new(Verdict::Fail, text, Remedy::Renew)]
}

/// When the first of all certificates expires.
fn first_to_expire(seen: &Certificates) -> Option<Duration> {
    let files = [&seen.authority, &seen.client].map(|file| &file.certificate);
    let ports = seen
        .members
        .iter()
        .flat_map(|ports| [&ports.client, &ports.peer]);
    let all = files.into_iter().chain(ports.map(|port| &port.certificate));
    all.filter_map(|one| Some(one.as_ref().ok()?.until)).min()
}

/// The date without the time of day.
fn day(time: Duration) -> String {
    let time = moment::utc(time);
    time.split('T').next().unwrap_or_default().to_owned()
}
