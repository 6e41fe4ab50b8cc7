//! The checks of a cluster, which compare a plan with an observation: one file each, and one line in
//! [`CHECKS`].

mod alarms;
mod certificates;
mod clock;
mod coverage;
mod data;
mod database;
mod definition;
mod discovery;
mod flags;
mod hash;
mod history;
mod identity;
mod lag;
mod leader;
mod members;
mod pace;
mod peers;
mod quorum;
mod quorum_state;
mod reachable;
mod recovery;
mod report;
mod unit;
mod user_data;
mod version;
mod write;

pub use certificates::failures as certificate_failures;
pub use database::quota_of;
pub use flags::differences as flag_differences;
pub use history::lost;
pub use lag::LAGS_BEYOND;
pub use quorum_state::QuorumState;
pub use recovery::{WantedBackup, wanted_backup};
pub use report::{ClusterReport, Health, Reported, judge};
pub use user_data::hint as hint_to_provision;

use crate::command_line::{etcdctl, logs, restart, ssh, task};
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;
use crate::wording::list;

/// The checks of clusters with TLS. They come first: what is wrong there keeps all others from querying members.
pub static TLS_CHECKS: &[&Check] = &[&certificates::CHECK];

/// The checks of members, in the order of the report.
pub static CHECKS: &[&Check] = &[
    &definition::CHECK,
    &reachable::CHECK,
    &members::CHECK,
    &identity::CHECK,
    &leader::CHECK,
    &quorum::CHECK,
    &peers::CHECK,
    &lag::CHECK,
    &pace::CHECK,
    &version::CHECK,
    &flags::CHECK,
    &alarms::CHECK,
    &data::CHECK,
    &database::CHECK,
    &hash::CHECK,
    &history::CHECK,
    &write::CHECK,
];

/// The checks of machines, which follow if members run on machines.
pub static MACHINE_CHECKS: &[&Check] = &[
    &unit::CHECK,
    &user_data::CHECK,
    &clock::CHECK,
    &discovery::CHECK,
];

/// All checks, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Check> {
    let of_all = TLS_CHECKS.iter().chain(CHECKS);
    of_all.chain(MACHINE_CHECKS).copied()
}

/// The check of this name.
pub fn named(name: &str) -> Option<&'static Check> {
    all().find(|check| check.name == name)
}

/// A named condition of a cluster.
#[derive(Debug)]
pub struct Check {
    /// A stable name, part of the program's interface.
    pub name: &'static str,
    /// A phrase that is true of a healthy cluster.
    pub title: &'static str,
    /// The explanation, for a reader who knows a little about etcd.
    pub about: About,
    /// Must not pass if it could not look.
    pub judge: fn(&Plan, &Observation) -> Judgement,
}

/// The explanation of a check. Each text is a paragraph of whole sentences; its commands are for the cluster
/// `default` and its member `core-01`.
#[derive(Debug)]
pub struct About {
    /// What the check looks at, and how it judges that.
    pub looks_at: &'static str,
    /// Why it matters. The first sentence stands alone in a table.
    pub why: &'static str,
    /// What to do if the check fails.
    pub what_to_do: &'static str,
    /// The page of etcd's documentation that says more.
    pub read: &'static str,
}

impl About {
    /// Why it matters, in a sentence.
    pub fn why_in_short(&self) -> &'static str {
        match self.why.find(". ") {
            Some(end) => &self.why[..=end],
            None => self.why,
        }
    }
}

/// The judgement of a check of a cluster.
pub type Judgement = crate::judgement::Judgement<Finding>;

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The members it concerns; none if it concerns the cluster as a whole.
    pub members: Vec<HostName>,
    /// What was found. It follows the name of a single member; for several members, it contains their names.
    pub text: String,
    /// What to do about it; none if it follows from another finding.
    pub hint: Option<Hint>,
}

impl Finding {
    /// The member it concerns, if it concerns a single one.
    pub const fn member(&self) -> Option<&HostName> {
        match self.members.as_slice() {
            [member] => Some(member),
            _ => None,
        }
    }

    fn new(
        member: Option<&HostName>,
        text: impl Into<String>,
        hint: impl Into<Option<Hint>>,
    ) -> Self {
        Self {
            members: member.into_iter().cloned().collect(),
            text: text.into(),
            hint: hint.into(),
        }
    }
}

/// Merges findings that are the same for several members.
fn grouped<'a>(
    findings: impl IntoIterator<Item = (&'a HostName, String, Option<Hint>)>,
) -> Vec<Finding> {
    let mut groups: Vec<(String, Option<Hint>, Vec<&HostName>)> = Vec::new();
    for (member, text, hint) in findings {
        match groups.iter_mut().find(|(t, h, _)| *t == text && *h == hint) {
            Some((_, _, members)) => members.push(member),
            None => groups.push((text, hint, vec![member])),
        }
    }
    let findings = groups
        .into_iter()
        .map(|(text, hint, members)| match members.as_slice() {
            [member] => Finding::new(Some(member), text, hint),
            _ => Finding {
                text: format!("{} {}", list(&members), plural(&text)),
                hint,
                members: members.into_iter().cloned().collect(),
            },
        });
    findings.collect()
}

/// Turns `does not answer` into `do not answer`, and `its` into `their`.
fn plural(why: &str) -> String {
    let forms = [
        ("does ", "do "),
        ("has ", "have "),
        ("is ", "are "),
        ("was ", "were "),
        ("belongs ", "belong "),
        ("runs ", "run "),
        ("uses ", "use "),
        ("refuses ", "refuse "),
        ("serves ", "serve "),
        ("admits ", "admit "),
        ("shows ", "show "),
    ];
    for (one, many) in forms {
        if let Some(rest) = why.strip_prefix(one) {
            return format!("{many}{rest}").replace(" its ", " their ");
        }
    }
    why.replace(" its ", " their ")
}
