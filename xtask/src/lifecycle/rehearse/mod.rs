//! Rehearsing outages: one drill after the other, each from a healthy cluster to a healthy cluster.

mod experiment;

use std::time::Duration;

use super::{drill_left, open};
use crate::drill::Drill;
use crate::etcd::tools::Origin;
use crate::fault::{Fault, Resources};
use crate::hint::Hint;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use experiment::Experiment;

/// How drills are made.
#[derive(Debug)]
pub struct Request {
    /// What there is to bring faults about with.
    pub means: Resources,
    /// How long a fault lasts at least.
    pub hold: Duration,
    /// How many requests a second the clients send together at most.
    pub rate: u32,
}

/// Makes one drill after the other. Returns those that were made, and what kept the next from it.
///
/// # Errors
/// Fails before anything is done to the cluster, where it was changed meanwhile or an earlier drill has left
/// something in it.
pub fn rehearse(
    session: &Session,
    request: &Request,
    faults: &[&'static Fault],
) -> Outcome<(Vec<Drill>, Outcome<()>)> {
    let (ui, name) = (session.ui, &session.home.name);
    let _lock = Lock::take(&session.home, &format!("drill {name}"), &ui.saying())?;
    refuse_what_has_changed(session)?;
    drill_left::refuse(&session.home)?;
    let interruption = process::defer_interrupt(format!(
        "interrupted: what was done to {name} is undone first; Ctrl-C again ends this at once, and `cargo xtask up {name}` undoes the rest"
    ));
    let experiment = Experiment {
        session,
        request,
        interruption: &interruption,
    };
    let mut drills = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let of_all = match faults.len() {
            1 => String::new(),
            all => format!("[{}/{all}] ", number + 1),
        };
        ui.say(&format!("{of_all}{}: {}", fault.name, fault.title));
        match experiment.run(fault) {
            Ok(drill) => drills.push(drill),
            Err(failure) => return Ok((drills, Err(failure))),
        }
    }
    Ok((drills, Ok(())))
}

/// Why no drill is possible on a cluster: its clients cannot use it.
pub struct NoClients {
    /// For every line of the list of faults.
    pub in_short: String,
    /// For whoever asked for a drill.
    pub refusal: Failure,
}

/// Clients use the v3 API, over the network.
pub fn no_clients(session: &Session) -> Option<NoClients> {
    let version = session.plan.version();
    if version.is_v2() {
        return Some(NoClients {
            in_short: format!("not possible: etcd {version} has no v3 API"),
            refusal: Failure::usage(
                Diagnostic::error(format!(
                    "etcd {version} has no v3 API, which a drill's clients speak"
                ))
                .hint("rehearse on a cluster of etcd 3"),
            ),
        });
    }
    (session.tools.origin == Origin::Machine).then(|| NoClients {
        in_short: "not possible: this host does not reach the members".to_owned(),
        refusal: Failure::could_not_look(
            Diagnostic::error(
                "this host does not reach the members' addresses, and a drill's clients have to",
            )
            .hint("run it on the host of the machines"),
        ),
    })
}

/// What keeps a fault from being brought about in this cluster.
pub fn obstacle(fault: &Fault, session: &Session, means: &Resources) -> Option<String> {
    if !fault.drivers.contains(&session.driver.name()) {
        let [first, ..] = fault.drivers else {
            return Some("is not possible under any driver".to_owned());
        };
        return Some(format!("takes the {first} driver"));
    }
    (fault.obstacle)(session, means)
}

/// Who was waited for may have destroyed the cluster, or given it another etcd.
fn refuse_what_has_changed(session: &Session) -> Outcome<()> {
    let now = open::again(&session.home)?;
    if now.is_some_and(|now| now.record == session.record) {
        return Ok(());
    }
    let name = &session.home.name;
    Err(Failure::could_not_look(
        Diagnostic::error(format!("`{name}` was changed by another task meanwhile")).hint(
            Hint::informs("see how it is", [format!("cargo xtask verify {name}")]),
        ),
    ))
}
