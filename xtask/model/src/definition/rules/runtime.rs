use super::{Rule, at};
use crate::report::Diagnostic;
use crate::wording::list_of_words;

/// The profile must support the runtime.
pub(super) static RULE: Rule = Rule {
    name: "runtime",
    judge: |definition, out| {
        let (Some(profile), Some(runtime)) = (
            definition.machine.profile.known(),
            definition.etcd.runtime.known(),
        ) else {
            return;
        };
        if profile.runtimes.contains(runtime) {
            return;
        }
        let known = profile.runtimes.iter().map(|known| known.as_str());
        let title = profile.title;
        let diagnostic = Diagnostic::error(format!("{title} has no runtime `{runtime}`"))
            .hint(format!("available runtimes: {}", list_of_words(known)));
        out.push(at(
            definition,
            diagnostic,
            &[
                (definition.etcd.runtime.span(), ""),
                (definition.machine.profile.span(), "the profile"),
            ],
        ));
    },
};
