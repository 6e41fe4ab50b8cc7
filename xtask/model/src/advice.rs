//! Advice that several tasks give, so that the same cause gets the same words everywhere.

use crate::command_line;
use crate::hint::Hint;
use crate::observation::certificates::is_distrust;
use crate::observation::log::Cause;
use crate::observation::{Look, Snapshot};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::{ClusterName, HostName, quantity};

/// How to query a cluster with authentication enabled.
pub fn give_a_user() -> Hint {
    Hint::says(
        "give a user with the role `root`: in a file that the definition names as `credentials`, or exported as `ETCDCTL_USER` and `ETCDCTL_PASSWORD`",
    )
}

/// How to get the program that makes and inspects certificates.
pub fn install_openssl() -> Hint {
    Hint::heals(
        "install it on Debian or Ubuntu",
        ["sudo apt-get install openssl"],
    )
}

/// What to do about certificates that keep members from starting.
pub fn renew_and_start(cluster: &ClusterName) -> Hint {
    Hint::heals(
        "renew the certificates, then start the members that do not serve",
        [
            command_line::renew_certificates(cluster),
            format!("cargo xtask up {cluster}"),
        ],
    )
}

/// Why a member cannot be started with the data that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Its data is gone.
    Lost,
    /// It exits whenever it is started, because of this.
    Ends(Cause),
}

impl Unusable {
    /// Why a member that exited would exit again; none if it may not.
    pub const fn because_of(cause: Cause) -> Option<Self> {
        match cause {
            Cause::Removed | Cause::Database | Cause::WriteAheadLog => Some(Self::Ends(cause)),
            Cause::DiskFull | Cause::Flag | Cause::Certificate => None,
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Lost => "its data is lost",
            Self::Ends(Cause::Removed) => "it was removed from the cluster",
            Self::Ends(Cause::Database) => "its database is damaged",
            Self::Ends(Cause::WriteAheadLog) => "its write-ahead log is damaged",
            Self::Ends(Cause::DiskFull) => "its disk is full",
            Self::Ends(Cause::Flag) => "it refuses a flag",
            Self::Ends(Cause::Certificate) => "it cannot use its certificate",
        }
    }
}

/// What is left of a cluster without a member that cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// A quorum: the cluster serves without it.
    Serve,
    /// Data of other members, but no quorum.
    HaveData,
    /// Data that cannot be started, on every member.
    Damaged,
    /// Nothing: the cluster had no other members, or none of them has data either.
    None,
}

/// Whether `replace` works for the members of a plan.
pub fn can_be_replaced(plan: &Plan) -> bool {
    let can_join = !plan.on_machines || plan.machine.profile.members_can_join;
    can_join && !plan.version().is_v2()
}

/// What to do about a member that has lost its data or cannot start with it. `replaceable`: whether `replace`
/// works for it. `tell` is the command that shows more about it.
pub fn without_data(
    cluster: &ClusterName,
    member: &HostName,
    replaceable: bool,
    why: Unusable,
    others: Others,
    tell: Option<String>,
) -> Hint {
    let no_task = match why {
        Unusable::Ends(Cause::Removed) => "no task adds it back here",
        _ => "no task gives it new data here",
    };
    let words = why.in_words();
    let replace = command_line::replace(cluster, member);
    match (others, why) {
        (Others::Serve, _) if replaceable => Hint::heals(
            format!("{words}; replace it, while the others serve"),
            [replace],
        ),
        (Others::Serve, _) => Hint::informs(
            format!("{words}, and {no_task}; the others can serve without it"),
            tell,
        ),
        (Others::HaveData, _) if replaceable => Hint::heals(
            format!("{words}; start the others, then replace it"),
            [format!("cargo xtask up {cluster}"), replace],
        ),
        (Others::HaveData, _) => Hint::informs(
            format!("{words}, and {no_task}; keep the others' data"),
            tell,
        ),
        (Others::None, Unusable::Lost) => start_over(
            cluster,
            format!("{words}, and no other member has any; start over"),
        ),
        // Some of the data may still be rescued by hand.
        (Others::Damaged, _) | (Others::None, Unusable::Ends(_)) => Hint::informs(
            format!(
                "{words}, and there is no backup to restore; its data stays in its folder until you destroy the cluster"
            ),
            tell,
        ),
    }
}

/// The defined quota, if the largest database exceeds it: the first member that starts with it would raise an alarm.
pub fn exceeded_quota(plan: &Plan, database: u64) -> Option<Diagnostic> {
    let quota = plan.etcd.quota.filter(|quota| *quota > 0)?;
    (database >= quota).then(|| {
        Diagnostic::error(format!(
            "the defined quota of {} is below the size of the database, {}",
            quantity::size(quota),
            quantity::size(database)
        ))
        .note("once a member runs with it, the next write raises the alarm NOSPACE, and the whole cluster refuses writes")
        .hint("define a larger quota")
        .hint(Hint::makes_safer(
            "or free space first",
            [command_line::task(plan, "defrag --compact")],
        ))
    })
}

/// What to do about a cluster that a killed task left unfinished, or whose majority has lost its data. Other
/// advice would be wrong then.
pub fn urgent(snapshot: &Snapshot) -> Option<Hint> {
    let cluster = &snapshot.cluster;
    match (&snapshot.unfinished, &snapshot.way_back) {
        (Some(hint), _) => Some(hint.clone()),
        (None, None) => None,
        (None, Some(_)) if !snapshot.is_defined => Some(undefined(cluster)),
        (None, Some(_)) if snapshot.is_redefined => Some(redefined(cluster)),
        (None, Some(hint)) => Some(hint.clone()),
    }
}

/// What `status` advises: the first thing to do, if there is anything.
pub fn of_snapshot(snapshot: &Snapshot) -> Vec<Hint> {
    let cluster = &snapshot.cluster;
    let up = [format!("cargo xtask up {cluster}")];
    if snapshot.unasked().is_some() {
        return vec![Hint::heals("find a working etcdctl", up)];
    }
    if let Some(hint) = urgent(snapshot) {
        return vec![hint];
    }
    if let Some(hint) = distrusted(snapshot) {
        return vec![hint];
    }
    if !snapshot.is_down() {
        return Vec::new();
    }
    if !snapshot.is_defined {
        return vec![undefined(cluster)];
    }
    if snapshot.is_redefined {
        return vec![redefined(cluster)];
    }
    let all = snapshot.members.len();
    let left = all - snapshot.lost.len() - snapshot.damaged.len();
    vec![if left == all {
        Hint::heals("start it", up)
    } else if snapshot.lost.len() == all {
        start_over(
            cluster,
            "the data of all members is lost; start over".to_owned(),
        )
    } else if left > all / 2 {
        Hint::makes_safer("start the members that can run with their data", up)
    } else {
        Hint::informs(
            "too few members can run with the data that they have; keep it, and see what each member lacks",
            [format!("cargo xtask verify {cluster}")],
        )
    }]
}

/// What to do about the first member that gives no answer because of certificates.
fn distrusted(snapshot: &Snapshot) -> Option<Hint> {
    let mut members = snapshot.members.iter();
    let (name, why) = members.find_map(|member| match &member.status {
        Look::Failed(why) if is_distrust(why) => Some((&member.name, why)),
        _ => None,
    })?;
    Some(Hint::informs(
        format!("{name} gives no answer, because {why}; see what is wrong with which certificate"),
        [format!("cargo xtask verify {}", snapshot.cluster)],
    ))
}

/// What to do if `up` would fail because the definition is gone.
pub fn undefined(cluster: &ClusterName) -> Hint {
    Hint::says(format!(
        "to start it again, restore its definition `cluster/{cluster}.toml`"
    ))
}

/// What to do if `up` would refuse because the definition describes another cluster.
pub fn redefined(cluster: &ClusterName) -> Hint {
    Hint::informs(
        "its definition now describes another cluster; undo the change to start this one, or see what differs",
        [command_line::plan(cluster)],
    )
}

/// The warning that a definition was edited and not applied; none if nothing differs.
pub fn warn_of_changes(cluster: &ClusterName, differences: &[String]) -> Option<Diagnostic> {
    if differences.is_empty() {
        return None;
    }
    let warning = Diagnostic::warning(format!(
        "`cluster/{cluster}.toml` differs from the cluster that was started"
    ));
    let notes = differences.iter().cloned();
    let warning = notes.fold(warning, Diagnostic::note);
    Some(warning.hint(see_changes(cluster)))
}

/// What to do about an edited definition.
pub fn see_changes(cluster: &ClusterName) -> Hint {
    see_changes_by(command_line::plan(cluster))
}

/// The same, with a command for `plan` that has options.
pub fn see_changes_by(plan: String) -> Hint {
    Hint::informs("see the steps that apply the change", [plan])
}

fn start_over(cluster: &ClusterName, text: String) -> Hint {
    Hint::heals(
        text,
        [
            format!("cargo xtask destroy {cluster}"),
            format!("cargo xtask up {cluster}"),
        ],
    )
}
