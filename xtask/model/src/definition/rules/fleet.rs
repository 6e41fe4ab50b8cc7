use super::{Rule, at};
use crate::report::Diagnostic;

/// fleet has a system that carries it, and an etcd that it can talk to.
pub(super) static RULE: Rule = Rule {
    name: "fleet",
    judge: |definition, out| {
        let Some(true) = definition.fleet.known() else {
            return;
        };
        let fleet = definition.fleet.span();
        let mut has_fleet = true;
        if let Some(profile) = definition.machine.profile.known()
            && !profile.has_fleet
        {
            has_fleet = false;
            let diagnostic = Diagnostic::error(format!("{} has no fleet", profile.title))
                .note("fleet was a part of CoreOS, until 2018")
                .hint("remove `fleet`, or write `profile = \"coreos\"`");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (fleet.clone(), ""),
                    (definition.machine.profile.span(), "the profile"),
                ],
            ));
        }
        if let Some(version) = definition.etcd.version.known()
            && !version.has_v2_api()
            // With the right profile would come another version, unless one is written.
            && (has_fleet || definition.etcd.version.is_written())
        {
            let diagnostic = Diagnostic::error(format!("fleet cannot use etcd {version}"))
                .note("fleet speaks etcd's v2 API, and 3.5 was the last to have it")
                .hint("use a version up to 3.5, such as `2.0.0` of the recipe, or remove `fleet`");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (fleet, ""),
                    (definition.etcd.version.span(), "this version"),
                ],
            ));
        }
    },
};
