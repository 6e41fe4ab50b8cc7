use super::{
    About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, grouped, list, task,
};
use crate::advice;
use crate::observation::{Observation, VersionChange};
use crate::plan::Plan;
use crate::values::{EtcdVersion, HostName};

pub(super) static CHECK: Check = Check {
    name: "version",
    title: "every member runs the pinned version",
    about: About {
        looks_at: "The version that each member reports, compared with the pinned one: \
            `etcd.version` of the definition, or else the profile's default. If `up` found only \
            another version on this host and used it as a stand-in, that is a warning.",
        why: "Flags, file formats and known defects depend on the version, so what one version \
            proves says little about another. Members of mixed versions are limited to what the \
            oldest of them supports, and their data cannot be compared (see `hash`). Some versions \
            should be avoided: 3.5.0 to 3.5.2 can damage data.",
        what_to_do: "`cargo xtask apply` changes the version of a running cluster and keeps its data: \
            one member after another, and one minor release at a time. It also continues a change \
            that was interrupted. Set the version back to return: always within a minor release, \
            over a minor release until the last member has the new one, and from 3.6 on also \
            afterwards. Without the release that is pinned, name a folder that holds it: \
            `cargo xtask apply --etcd-dir FOLDER`.",
        read: "https://etcd.io/docs/v3.6/upgrades/upgrading-etcd/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let unseen = Coverage::of(observation, "its version", |member| &member.status);
    let expected = plan.version().to_string();
    let mut versions: Vec<(&str, Vec<&HostName>)> = Vec::new();
    for member in &observation.members {
        if let Some(status) = member.status.seen() {
            match versions
                .iter_mut()
                .find(|(version, _)| *version == status.version)
            {
                Some((_, names)) => names.push(&member.name),
                None => versions.push((&status.version, vec![&member.name])),
            }
        }
    }
    if versions.is_empty() {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    }
    versions.sort_unstable();
    let others = versions.iter().filter(|(version, _)| *version != expected);
    let hint = if is_far(plan, &versions) {
        Hint::informs("see which steps lead there", [task(plan, "plan")])
    } else if advice::can_be_replaced(plan) {
        Hint::heals(
            "bring all members to the defined version, one after another",
            [task(plan, "apply")],
        )
    } else {
        Hint::heals(
            "if the version was changed since the start, restart the members; etcd upgrades by one minor version at a time",
            [task(plan, "down"), task(plan, "up")],
        )
    };
    let mut findings = grouped(others.flat_map(|(version, names)| {
        let text = format!("runs etcd {version}, not {expected}");
        let hint = hint.clone();
        names
            .iter()
            .map(move |name| (*name, text.clone(), Some(hint.clone())))
    }));
    let mut verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let mut evidence = match versions.as_slice() {
        [(version, _)] => format!("etcd {version}"),
        several => {
            let each = several
                .iter()
                .map(|(version, names)| format!("{version} on {}", list(names)));
            format!("mixed: {}", each.collect::<Vec<_>>().join("; "))
        }
    };
    if verdict == Verdict::Pass {
        let left = [
            enabled_downgrade(plan, observation),
            incomplete_change(plan, observation),
        ];
        findings.extend(left.into_iter().flatten());
        if !findings.is_empty() {
            verdict = Verdict::Warn;
        }
    }
    if let Some(stand_in) = plan.stand_in {
        let pinned = plan.etcd.version;
        evidence = format!("{evidence}, standing in for the pinned {pinned}");
        if verdict == Verdict::Fail {
            return unseen.settle(verdict, evidence, findings);
        }
        verdict = Verdict::Warn;
        findings.push(Finding::new(
            None,
            format!("etcd {stand_in} stands in for the pinned {pinned}, so {pinned} itself is not proven"),
            Hint::says(format!(
                "to change to {pinned}, apply the definition with a folder that holds it (`--etcd-dir`)"
            )),
        ));
    }
    unseen.settle(verdict, evidence, findings)
}

/// Whether members run a version that is more than one minor release before the plan's.
fn is_far(plan: &Plan, versions: &[(&str, Vec<&HostName>)]) -> bool {
    let wanted = plan.version().minor_release();
    let runs = versions
        .iter()
        .filter_map(|(version, _)| version.parse().ok());
    let mut runs = runs.map(|version: EtcdVersion| version.minor_release());
    runs.any(|(major, minor)| (major, minor + 1) < wanted)
}

/// A change of the version that has come to all members, or to none, and is not recorded as complete.
fn incomplete_change(plan: &Plan, observation: &Observation) -> Option<Finding> {
    let (text, what) = match observation.recorded.version_change? {
        VersionChange::Begun => (
            format!(
                "all members run etcd {}, but the change to it is not complete",
                plan.version()
            ),
            "complete it",
        ),
        VersionChange::SetBack(to) => (
            format!("the change to etcd {to} was set back, which is not recorded yet"),
            "record it",
        ),
    };
    Some(Finding::new(
        None,
        text,
        Hint::heals(what, [task(plan, "apply")]),
    ))
}

/// A downgrade that is enabled while the members are to stay as they are, by hand or by a task that was killed.
fn enabled_downgrade(plan: &Plan, observation: &Observation) -> Option<Finding> {
    let statuses = observation
        .members
        .iter()
        .filter_map(|one| one.status.seen());
    let targets = statuses.filter_map(|status| status.downgrade);
    let (major, minor) = targets.map(EtcdVersion::minor_release).min()?;
    ((major, minor) < plan.version().minor_release()).then(|| {
        Finding::new(
            None,
            format!("a downgrade to {major}.{minor} is enabled: until it is cancelled, the cluster only offers what {major}.{minor} can do"),
            Hint::heals(
                "cancel it",
                [task(plan, "apply")],
            ),
        )
    })
}
