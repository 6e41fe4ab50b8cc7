use super::quorum_state::{QuorumState, ours};
use super::{
    About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, etcdctl, list, task,
};
use crate::advice::can_be_replaced;
use crate::command_line::replace;
use crate::observation::{ListedMember, Observation};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan, etcdctl_words};
use crate::values::HostName;
use crate::wording::many;

pub(super) static CHECK: Check = Check {
    name: "members",
    title: "the cluster's members match the definition",
    about: About {
        looks_at: "The member list that each member has, as `etcdctl member list` shows it, \
            compared with the definition: each name with its peer URL and its client URL, none \
            missing, none extra, no member that was added but never started, and no learner, which \
            receives the data but has no vote.",
        why: "Every voter in the list counts towards the quorum, whether it runs or not. If a \
            fourth member was added and never started, three of four must agree instead of two of \
            three: if one of them is down as well, all writes stop. A member that is missing from \
            the list gets no data.",
        what_to_do: "Change one member at a time, and only while the cluster has a quorum. \
            `cargo xtask replace core-03` lets a local member leave and join again without its old \
            data. `cargo xtask etcdctl -- member remove ID` removes one that is not defined. `member update` \
            corrects a peer URL, `member promote` gives a learner its vote. A client URL follows \
            from a flag: `cargo xtask down`, then `cargo xtask up`.",
        read: "https://etcd.io/docs/v3.6/op-guide/runtime-configuration/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let unseen = Coverage::of_ours(plan, observation, "its member list", |member| {
        &member.members
    });
    let lists: Vec<(&HostName, &[ListedMember])> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.members.seen()?.as_slice())))
        .collect();
    if lists.is_empty() {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    }

    let mut differences: Vec<(Difference, Vec<&HostName>)> = Vec::new();
    for (teller, list) in &lists {
        for difference in compare(plan, list) {
            match differences.iter_mut().find(|(d, _)| *d == difference) {
                Some((_, tellers)) => tellers.push(teller),
                None => differences.push((difference, vec![teller])),
            }
        }
    }
    let mut verdict = Verdict::Pass;
    let findings = differences.into_iter().map(|(difference, tellers)| {
        verdict = verdict.max(difference.verdict);
        let mut finding = difference.finding;
        if tellers.len() < lists.len() {
            finding.text = format!("{}, according to {}", finding.text, list(tellers));
        }
        finding
    });
    let mut findings: Vec<Finding> = findings.collect();
    // Without a quorum the cluster cannot change its list.
    let has_quorum = QuorumState::of(plan, observation).has_quorum();
    for finding in &mut findings {
        // `definition` names the steps, which end with the right list.
        let is_pending = !observation.recorded.changes.is_empty();
        if !has_quorum || is_pending || is_told_by_flags(plan, observation, finding) {
            finding.hint = None;
        }
    }
    let sizes: Vec<usize> = lists.iter().map(|(_, list)| list.len()).collect();
    let evidence = match verdict {
        Verdict::Pass if lists.len() == plan.members.len() => {
            format!(
                "{} as defined, in every member's list",
                many(plan.members.len(), "member")
            )
        }
        Verdict::Pass => format!(
            "{} {} {} as defined",
            list(lists.iter().map(|(name, _)| name)),
            if lists.len() == 1 { "lists" } else { "list" },
            many(plan.members.len(), "member")
        ),
        _ => format!(
            "{} defined, {} listed",
            many(plan.members.len(), "member"),
            sizes.iter().max().copied().unwrap_or_default()
        ),
    };
    unseen.settle(verdict, evidence, findings)
}

/// Whether a member advertises another client URL because it was started with that flag: `flags` has the
/// advice.
fn is_told_by_flags(plan: &Plan, observation: &Observation, finding: &Finding) -> bool {
    const ADVERTISES: &str = "advertises the client URL ";
    let mut members = plan.members.iter();
    let mut seen = observation.members.iter();
    let (Some(name), true) = (finding.member(), finding.text.starts_with(ADVERTISES)) else {
        return false;
    };
    let planned = members.find(|member| member.name == *name);
    let index = seen.position(|member| member.name == *name);
    let started = index.and_then(|index| observation.started.get(index)?.seen());
    let (Some(planned), Some(started)) = (planned, started) else {
        return false;
    };
    let url = planned.client_url();
    !plan.on_machines && started.flag("advertise-client-urls") != Some(url.as_str())
}

fn replaceable(plan: &Plan) -> bool {
    can_be_replaced(plan)
}

#[derive(Debug, PartialEq, Eq)]
struct Difference {
    verdict: Verdict,
    finding: Finding,
}

fn compare(plan: &Plan, listed: &[ListedMember]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut meant = Vec::new();
    for member in &plan.members {
        match meant_by(plan, member, listed) {
            Some(entry) => {
                meant.push(entry.id);
                compare_entry(plan, member, (entry, listed), &mut differences);
            }
            None => differences.push(Difference {
                verdict: Verdict::Fail,
                finding: Finding::new(
                    Some(&member.name),
                    "is defined but not a member of the cluster",
                    at_its_url(member, listed).is_none().then(|| {
                        if replaceable(plan) {
                            Hint::heals(
                                "add it again, without its old data",
                                [replace(&plan.name, &member.name)],
                            )
                        } else {
                            Hint::says(
                                "no task adds it back here, and until it runs it would count against the quorum: leave it out, and keep the others' data",
                            )
                        }
                    }),
                ),
            }),
        }
    }
    let others = listed.iter().filter(|entry| !meant.contains(&entry.id));
    differences.extend(others.map(|entry| extra(plan, entry)));
    differences
}

/// The ID of the listed member, whatever its name, that has a defined member's peer URL. Until that is
/// corrected, etcd gives the URL to no other member ("Peer URLs already exists").
fn at_its_url(member: &Member, listed: &[ListedMember]) -> Option<EtcdId> {
    let url = member.peer_url();
    let mut listed = listed.iter();
    let other = listed.find(|entry| entry.peer_urls.contains(&url));
    other.map(|entry| entry.id)
}

/// The list entry of a defined member. An entry with its ID but another member's name is still its entry:
/// that other member runs on its data and reported its own name. etcd allows duplicate names but not
/// duplicate peer URLs, so of several entries the one with the right peer URL counts. A member that was added
/// but never started has no name yet, only its peer URL.
pub(super) fn meant_by<'a>(
    plan: &Plan,
    member: &Member,
    listed: &'a [ListedMember],
) -> Option<&'a ListedMember> {
    let is_misnamed = |entry: &&ListedMember| {
        let names = || plan.members.iter().map(|one| one.name.as_str());
        entry.id == member.id
            && entry.name != member.name.as_str()
            && names().any(|n| n == entry.name)
    };
    if let Some(misnamed) = listed.iter().find(is_misnamed) {
        return Some(misnamed);
    }
    let is_at_its_url = |entry: &&ListedMember| entry.peer_urls.contains(&member.peer_url());
    let candidates = || {
        listed.iter().filter(|entry| {
            entry.name == member.name.as_str() || (entry.name.is_empty() && is_at_its_url(entry))
        })
    };
    candidates()
        .find(is_at_its_url)
        .or_else(|| candidates().next())
}

fn compare_entry(
    plan: &Plan,
    member: &Member,
    (entry, listed): (&ListedMember, &[ListedMember]),
    differences: &mut Vec<Difference>,
) {
    let name = &member.name;
    let mut differs = |verdict, text: String, hint: Option<Hint>| {
        differences.push(Difference {
            verdict,
            finding: Finding::new(Some(name), text, hint),
        });
    };
    if entry.name.is_empty() {
        differs(
            Verdict::NotYet,
            "was added to the cluster but has never started".to_owned(),
            Some(if replaceable(plan) {
                Hint::heals(
                    "let it join, without its old data",
                    [replace(&plan.name, name)],
                )
            } else {
                Hint::makes_safer(
                    "no task starts it here, and it counts towards the quorum: remove it until somebody does",
                    [etcdctl(plan, &format!("member remove {}", entry.id))],
                )
            }),
        );
        return;
    }
    if entry.id == member.id && entry.name != name.as_str() {
        differs(
            Verdict::Fail,
            format!("is listed under the name {}", entry.name),
            // The other member runs on its data, and `identity` or `reachable` says what to do.
            None,
        );
        return;
    }
    if entry.peer_urls != [member.peer_url()] {
        let hint = match at_its_url(member, listed).filter(|other| *other != entry.id) {
            Some(_) => None,
            None => Some(Hint::heals(
                "correct the URL in the cluster's member list",
                [update(plan, member, entry)],
            )),
        };
        let (is, defined) = (list(&entry.peer_urls), member.peer_url());
        differs(
            Verdict::Fail,
            format!("has the peer URL {is}, not {defined}"),
            hint,
        );
    }
    if entry.client_urls != [member.client_url()] {
        differs(
            Verdict::Fail,
            format!(
                "advertises the client URL {}, not {}",
                list(&entry.client_urls),
                member.client_url()
            ),
            Some(Hint::heals(
                "its `advertise-client-urls` differs from the definition; restart the members",
                [task(plan, "down"), task(plan, "up")],
            )),
        );
    }
    if entry.is_learner {
        differs(
            Verdict::Fail,
            "is a learner: it receives the data but has no vote".to_owned(),
            Some(if replaceable(plan) {
                // It may have lost what the leader takes it to have.
                Hint::heals("let it join, or join again", [replace(&plan.name, name)])
            } else {
                Hint::heals(
                    "promote it once it has caught up",
                    [etcdctl(plan, &format!("member promote {}", entry.id))],
                )
            }),
        );
    }
}

/// The command line that corrects a member's peer URL in the cluster.
fn update(plan: &Plan, member: &Member, entry: &ListedMember) -> String {
    let url = member.peer_url();
    match etcdctl_words::member_update(plan.version(), entry.id, &url) {
        Some(words) => etcdctl(plan, &words),
        None => {
            // Ask another member: the others may not reach the one with the wrong URL.
            let others = plan.members.iter();
            let mut others = others.filter(|other| other.name != member.name);
            let asked = others.next().unwrap_or(member).client_url();
            let id = entry.id;
            format!(
                "curl -f -X PUT {asked}/v2/members/{id} -H 'Content-Type: application/json' -d '{{\"peerURLs\":[\"{url}\"]}}'"
            )
        }
    }
}

fn extra(plan: &Plan, entry: &ListedMember) -> Difference {
    let urls = list(&entry.peer_urls);
    let text = if entry.name.is_empty() {
        format!(
            "member {} at {urls} was added but has never started, and is not defined",
            entry.id
        )
    } else if plan
        .members
        .iter()
        .any(|member| entry.name == member.name.as_str())
    {
        format!(
            "member {} at {urls} is an extra member named `{}`",
            entry.id, entry.name
        )
    } else {
        format!(
            "member {} named `{}` at {urls} is not defined",
            entry.id, entry.name
        )
    };
    Difference {
        verdict: Verdict::Fail,
        finding: Finding::new(
            None,
            text,
            Hint::heals(
                "remove it",
                [etcdctl(plan, &format!("member remove {}", entry.id))],
            ),
        ),
    }
}
