use super::{Rule, at};
use crate::report::Diagnostic;

/// fleet needs a system that has it, and an etcd that it can use.
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
                .note("fleet was part of CoreOS until 2018")
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
            // With the right profile, another version would be the default.
            && (has_fleet || definition.etcd.version.is_written())
        {
            let diagnostic = Diagnostic::error(format!("fleet cannot use etcd {version}"))
                .note("fleet uses etcd's v2 API, which 3.5 was the last version to have")
                .hint("use a version up to 3.5, such as the recipe's `2.0.0`, or remove `fleet`");
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
