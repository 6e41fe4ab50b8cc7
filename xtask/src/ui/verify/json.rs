//! `verify --format json`: one object, stable within its `format`.
//!
//! Fields may be added without a new format. Existing fields are not removed and keep their
//! meaning. IDs are hexadecimal strings, as etcd prints them, because JSON readers cannot represent
//! them exactly as numbers. Sizes are in bytes and say so in their names. Unknown values are
//! `null`; the checks say why.

use serde::Serialize;

use super::verdict_name;
use crate::check::{self, ClusterReport, Health};
use crate::judgement::Judged;
use crate::moment::utc;
use crate::observation::certificates::Certificate;
use crate::observation::{Look, MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::ui::json;

/// The number of this format.
pub const FORMAT: u32 = 1;

/// Renders a report as indented JSON, with a newline at the end.
pub fn render(
    plan: &Plan,
    observation: &Observation,
    report: &ClusterReport,
    exit_status: u8,
) -> String {
    let quorum_state = &report.quorum_state;
    let document = Document {
        format: FORMAT,
        cluster: plan.name.to_string(),
        health: match report.health() {
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
            Health::NotProven => "not-proven",
        },
        exit_status,
        summary: report.summary(plan),
        pinned_version: plan.etcd.version.to_string(),
        running_version: plan.version().to_string(),
        stand_in: plan.stand_in.is_some(),
        expected_cluster_id: plan.cluster_id.to_string(),
        leader: quorum_state.leader.clone(),
        certificates: observation.certificates.as_ref().map(|look| {
            let seen = look.seen();
            CertificatesJson {
                authority_expires: seen.and_then(|seen| end(&seen.authority.certificate)),
                client_expires: seen.and_then(|seen| end(&seen.client.certificate)),
            }
        }),
        quorum: Quorum {
            holds: quorum_state.has_quorum(),
            voters: quorum_state.voters,
            able: quorum_state.able,
            needed: quorum_state.needed,
            may_fail: quorum_state.may_fail(),
        },
        members: members(plan, observation),
        checks: report.checks.iter().map(CheckJson::of).collect(),
    };
    json(&document)
}

/// The observed members of the plan.
fn members(plan: &Plan, observation: &Observation) -> Vec<MemberJson> {
    let looked_at = plan.members.iter().filter_map(|planned| {
        let mut members = observation.members.iter().enumerate();
        let (index, member) = members.find(|(_, one)| one.name == planned.name)?;
        let quota = member.status.seen().and_then(|status| {
            let started = observation.started.get(index);
            let is_known = started.and_then(Look::seen).is_some();
            let known = status.db_size_quota.is_some() || is_known;
            (known && status.db_size.is_some()).then(|| check::quota_of(plan, status, started))
        });
        let certificates = observation.certificates.as_ref();
        let ports = certificates.and_then(|look| look.seen()?.members.get(index));
        let mut json = MemberJson::of(planned.id.to_string(), member, quota);
        json.certificate_expires = ports.and_then(|ports| end(&ports.client.certificate));
        Some(json)
    });
    looked_at.collect()
}

/// When a certificate expires.
fn end(certificate: &Result<Certificate, String>) -> Option<String> {
    let certificate = certificate.as_ref().ok()?;
    Some(utc(certificate.until))
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    cluster: String,
    health: &'static str,
    exit_status: u8,
    summary: String,
    pinned_version: String,
    running_version: String,
    stand_in: bool,
    expected_cluster_id: String,
    leader: Option<String>,
    /// Absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<CertificatesJson>,
    quorum: Quorum,
    members: Vec<MemberJson>,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CertificatesJson {
    authority_expires: Option<String>,
    client_expires: Option<String>,
}

#[derive(Serialize)]
struct Quorum {
    holds: bool,
    voters: usize,
    able: usize,
    needed: usize,
    may_fail: usize,
}

#[derive(Serialize)]
struct MemberJson {
    name: String,
    endpoint: String,
    answers: bool,
    expected_id: String,
    id: Option<String>,
    cluster_id: Option<String>,
    version: Option<String>,
    role: Option<&'static str>,
    raft_term: Option<u64>,
    raft_index: Option<u64>,
    raft_applied_index: Option<u64>,
    revision: Option<u64>,
    database_size_bytes: Option<u64>,
    database_quota_bytes: Option<u64>,
    keys_hash: Option<String>,
    keys_hash_revision: Option<u64>,
    /// Absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expires: Option<String>,
}

impl MemberJson {
    fn of(expected_id: String, member: &MemberObservation, quota: Option<u64>) -> Self {
        let status: Option<&Status> = member.status.seen();
        let hash = member.hash.seen();
        Self {
            name: member.name.to_string(),
            endpoint: member.endpoint.clone(),
            answers: matches!(member.status, Look::Seen(_)),
            expected_id,
            id: status.map(|status| status.member_id.to_string()),
            cluster_id: status.map(|status| status.cluster_id.to_string()),
            version: status.map(|status| status.version.clone()),
            role: status.map(Status::role),
            raft_term: status.and_then(|status| status.raft_term),
            raft_index: status.and_then(|status| status.raft_index),
            raft_applied_index: status.and_then(|status| status.raft_applied_index),
            revision: status.and_then(|status| status.revision),
            database_size_bytes: status.and_then(|status| status.db_size),
            database_quota_bytes: quota,
            keys_hash: hash.map(|hash| format!("{:x}", hash.hash)),
            keys_hash_revision: hash.map(|hash| hash.revision),
            certificate_expires: None,
        }
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    name: &'static str,
    title: &'static str,
    verdict: &'static str,
    evidence: String,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    member: Option<String>,
    members: Vec<String>,
    text: &'a str,
    hint: Option<String>,
    commands: &'a [String],
    effect: Option<String>,
}

impl<'a> CheckJson<'a> {
    fn of(checked: &'a Judged<check::Finding>) -> Self {
        let judgement = &checked.judgement;
        Self {
            name: checked.name,
            title: checked.title,
            verdict: verdict_name(judgement.verdict),
            evidence: judgement.evidence(),
            findings: judgement.findings.iter().map(FindingJson::of).collect(),
        }
    }
}

impl<'a> FindingJson<'a> {
    fn of(finding: &'a check::Finding) -> Self {
        let hint = finding.hint.as_ref();
        Self {
            member: finding.member().map(ToString::to_string),
            members: finding.members.iter().map(ToString::to_string).collect(),
            text: &finding.text,
            hint: hint.map(ToString::to_string),
            commands: hint.map_or(&[], |hint| &hint.commands),
            effect: hint.map(|hint| hint.effect.to_string()),
        }
    }
}
