//! Every cluster of a workspace: the defined ones, and those that were started.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread;

use super::{definitions, open, status};
use crate::observation::Listed;
use crate::report::Outcome;
use crate::values::ClusterName;
use crate::workspace::Workspace;

/// Looks at all clusters at the same time, and lists them by name.
pub fn clusters(workspace: &Workspace) -> Outcome<Vec<Listed>> {
    let defined: BTreeSet<ClusterName> = definitions::names(workspace)?.into_iter().collect();
    let all = defined.iter().cloned().chain(workspace.started());
    let all: BTreeSet<ClusterName> = all.collect();
    Ok(thread::scope(|scope| {
        let looks = all.into_iter().map(|name| {
            let home = workspace.home(&name);
            let is_defined = defined.contains(&name);
            let look = open::has_traces(&home)
                .then(|| scope.spawn(move || status::snapshot(&open::started(&home.name)?)));
            (name, is_defined, look)
        });
        let looks: Vec<_> = looks.collect();
        let listed = looks.into_iter().map(|(name, is_defined, look)| Listed {
            seen: look.map(|look| look.join().unwrap_or_else(|panic| resume_unwind(panic))),
            has_errors: is_defined && definitions::load_silently(workspace, &name).is_none(),
            name,
            is_defined,
        });
        listed.collect()
    }))
}
