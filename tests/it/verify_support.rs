//! Handmade plans and observations for the tests of `verify`.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use expect_test::Expect;
use xtask::check::{self, ClusterReport};
use xtask::commands::Exit;
use xtask::definition;
use xtask::moment;
use xtask::observation::certificates::{
    Admission, CLIENTS, Certificate, Certificates, File, Port, Ports, SERVERS,
};
use xtask::observation::{
    Hash, LastRevision, ListedMember, Look, MachineStatus, MemberObservation, Observation, Probe,
    StartedWith, Status,
};
use xtask::plan::flags::{self, InitialState, MemberFlags, flags};
use xtask::plan::{Member, Plan};
use xtask::render::user_data_sha256;
use xtask::report::Source;

/// The plan of a definition that has no errors.
pub(crate) fn plan(name: &str, definition: &str) -> Plan {
    let source = Source {
        path: format!("cluster/{name}.toml").into(),
        text: definition.to_owned(),
    };
    let (definition, _) = definition::read(name.parse().unwrap(), Arc::new(source));
    Plan::new(&definition)
}

/// Three members, with defaults for everything else.
pub(crate) fn three() -> Plan {
    plan("default", "members = 3\n[etcd]\nversion = \"3.6.14\"\n")
}

/// The cluster of 2015, at the recorded addresses, run by this version.
pub(crate) fn recorded_cluster(version: &str) -> Plan {
    let definition =
        "members = 3\n[network]\nsubnet = \"172.17.8.0/24\"\n[etcd]\ntoken = \"etcd-cluster\"\n";
    plan("recorded", definition).run_by(version.parse().unwrap())
}

/// The observation of a healthy cluster of this plan; the first member leads.
pub(crate) fn healthy(plan: &Plan) -> Observation {
    let names: Vec<_> = plan
        .members
        .iter()
        .map(|member| member.name.clone())
        .collect();
    let list: Vec<ListedMember> = plan
        .members
        .iter()
        .map(|member| ListedMember {
            id: member.id,
            name: member.name.to_string(),
            peer_urls: vec![member.peer_url()],
            client_urls: vec![member.client_url()],
            is_learner: false,
        })
        .collect();
    let members = plan.members.iter().map(|member| MemberObservation {
        name: member.name.clone(),
        endpoint: member.client_url(),
        repeated: None,
        took: Some(Duration::from_millis(20)),
        peers: Look::Seen(
            plan.members
                .iter()
                .map(|other| other.id)
                .filter(|other| *other != member.id)
                .collect(),
        ),
        status: Look::Seen(describes_itself(plan, member, 5)),
        members: Look::Seen(list.clone()),
        alarms: Look::Seen(Vec::new()),
        hash: Look::Seen(Hash {
            hash: 0x6d17_d1e1,
            revision: 5,
            compact_revision: -1,
        }),
        write: Look::Seen(Some(6)),
        reads: Look::Seen(names.clone()),
        later: Look::Seen([6, 6].map(|revision| describes_itself(plan, member, revision))),
    });
    let started = plan.members.iter().map(|member| as_defined(plan, member));
    let started: Vec<StartedWith> = started.collect();
    let machines = plan.members.iter().filter(|_| plan.on_machines);
    let machines = machines.zip(&started).map(|(_, started)| {
        Look::Seen(MachineStatus {
            has_data: Some(true),
            exit: Some(0),
            failing: None,
            started: Some(started.clone()),
            unit: "active".to_owned(),
            user_data: Some(user_data_sha256(plan)),
            discovery: Some(Vec::new()),
            clock_ahead: (-0.25, 0.25),
        })
    });
    Observation {
        members: members.collect(),
        machines: machines.collect(),
        started: started.iter().cloned().map(Look::Seen).collect(),
        probe: Probe {
            prefix: "/xtask-verify-default-1-0-1".to_owned(),
            removed: Look::Seen(()),
        },
        certificates: certificates(plan),
        data: vec![Look::Seen(true); plan.members.len()],
        conditions: Vec::new(),
        ended: Vec::new(),
        before: Some(LastRevision {
            revision: 5,
            fell_to: None,
            restored: None,
        }),
        unreadable: Vec::new(),
        recorded: xtask::observation::Recorded::default(),
    }
}

/// Valid certificates for all members; none without TLS.
pub(crate) fn certificates(plan: &Plan) -> Option<Look<Certificates>> {
    if plan.scheme().is_http() {
        return None;
    }
    let at = moment::since_1970("2026-12-01T12:00:00Z").unwrap();
    let certificate = |years: u32, names: &[&str], usages: &[&str]| Certificate {
        from: at,
        until: at + Duration::from_secs(365 * 24 * 3600) * years,
        names: names.iter().map(|&name| name.to_owned()).collect(),
        usages: usages.iter().map(|&usage| usage.to_owned()).collect(),
        fingerprint: String::new(),
        objections: Vec::new(),
    };
    let file = |path: &str, certificate| File {
        path: format!("/pki/{path}"),
        certificate: Ok(certificate),
    };
    let members = plan.members.iter().map(|member| {
        let address = member.address.to_string();
        let names = [member.name.as_str(), "localhost", &address, "127.0.0.1"];
        let refused = Admission::Refused("certificate required".to_owned());
        let port = Port {
            certificate: Ok(certificate(1, &names, &[SERVERS, CLIENTS])),
            with_ours: Some(Admission::Admitted),
            without: Some(refused),
        };
        Ports {
            client: port.clone(),
            peer: port,
        }
    });
    Some(Look::Seen(Certificates {
        at,
        authority: file("ca/ca.crt", certificate(10, &[], &[])),
        client: file("client/client.crt", certificate(1, &[], &[CLIENTS])),
        members: members.collect(),
    }))
}

/// The flags that a plan starts a member's etcd with.
pub(crate) fn as_defined(plan: &Plan, member: &Member) -> StartedWith {
    let flags = flags(
        plan,
        &MemberFlags::at(plan, member, "/data", InitialState::New),
    );
    let words = flags::words(&flags, plan.version());
    StartedWith::read(&[vec!["/bin/etcd".to_owned()], words].concat(), &[])
}

/// A member of it at this revision, with one log entry for each revision after the fifth.
fn describes_itself(plan: &Plan, member: &Member, revision: u64) -> Status {
    let entry = 13 + revision;
    Status {
        version: plan.version().to_string(),
        cluster_id: plan.cluster_id,
        member_id: member.id,
        leader: Some(plan.members[0].id),
        raft_term: Some(2),
        raft_index: Some(entry),
        raft_applied_index: Some(entry),
        revision: Some(revision),
        db_size: Some(20480),
        db_size_quota: Some(2 << 30),
        downgrade: None,
        is_learner: false,
        errors: Vec::new(),
    }
}

/// The same, but this member does not answer, nor does its machine if it has one.
pub(crate) fn without(mut observation: Observation, index: usize) -> Observation {
    let member = &mut observation.members[index];
    let name = member.name.clone();
    member.status = Look::Failed("connection refused: nothing listens there".to_owned());
    member.members = unasked("does not answer");
    member.alarms = unasked("does not answer");
    member.hash = unasked("does not answer");
    member.write = unasked("does not answer");
    member.reads = unasked("does not answer");
    member.later = unasked("does not answer");
    if let Some(started) = observation.started.get_mut(index) {
        *started = unasked("does not run");
    }
    if let Some(machine) = observation.machines.get_mut(index) {
        *machine = Look::Failed("`ssh` exited with status 255: No route to host".to_owned());
    }
    for member in &mut observation.members {
        if let Look::Seen(read) = &mut member.reads {
            read.retain(|other| *other != name);
        }
    }
    observation
}

/// The observation if two of three are down and the third has noticed.
pub(crate) fn without_quorum(plan: &Plan) -> Observation {
    let mut observation = without(without(healthy(plan), 1), 2);
    let member = &mut observation.members[0];
    status(member).leader = None;
    status(member).errors = vec!["etcdserver: no leader".to_owned()];
    member.members = unasked("has no leader");
    member.alarms = unasked("has no leader");
    member.write = unasked("has no leader");
    member.reads = unasked("has no leader");
    observation.probe.removed = unasked("nothing was written");
    observation
}

/// The status of a member that answers, to be changed.
pub(crate) fn status(member: &mut MemberObservation) -> &mut Status {
    match &mut member.status {
        Look::Seen(status) => status,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn unasked<T>(why: &str) -> Look<T> {
    Look::NotAsked(why.to_owned())
}

pub(crate) fn failed<T>(why: &str) -> Look<T> {
    Look::Failed(why.to_owned())
}

/// The judgement of one check as text.
#[track_caller]
pub(crate) fn says(plan: &Plan, observation: &Observation, name: &str, expected: Expect) {
    expected.assert_eq(&said(plan, observation, name));
}

/// The judgement of one check for each of these cases, under the case's name.
#[track_caller]
pub(crate) fn says_for_each(
    plan: &Plan,
    name: &str,
    cases: &[(&str, Observation)],
    expected: Expect,
) {
    let told = cases
        .iter()
        .map(|(case, seen)| under(case, &said(plan, seen, name)));
    expected.assert_eq(&told.collect::<String>());
}

/// The judgements of these checks for one look, under each check's name.
#[track_caller]
pub(crate) fn checks_say(plan: &Plan, observation: &Observation, names: &[&str], expected: Expect) {
    let told = names
        .iter()
        .map(|name| under(name, &said(plan, observation, name)));
    expected.assert_eq(&told.collect::<String>());
}

fn under(name: &str, text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}\n"));
    format!("{name}\n{}", lines.collect::<String>())
}

fn said(plan: &Plan, observation: &Observation, name: &str) -> String {
    let report = check::judge(plan, observation);
    let checked = report.checks.iter().find(|checked| checked.name == name);
    let judgement = &checked.unwrap().judgement;
    let mut text = format!("{:?}: {}\n", judgement.verdict, judgement.evidence());
    for finding in &judgement.findings {
        let member = finding.member().map(|member| format!("{member} "));
        let member = member.unwrap_or_default();
        let _ = writeln!(text, "- {member}{}", finding.text);
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "  {}: {hint}", hint.effect);
        }
    }
    text
}

/// The exit status for what was found.
pub(crate) fn exit(report: &ClusterReport) -> Exit {
    report.health().into()
}
