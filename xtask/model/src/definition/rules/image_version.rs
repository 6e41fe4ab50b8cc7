use super::{Rule, at};
use crate::report::Diagnostic;

/// The profile's images must have versions to choose from.
pub(super) static RULE: Rule = Rule {
    name: "image_version",
    judge: |definition, out| {
        let machine = &definition.machine;
        let (Some(profile), Some(Some(_))) =
            (machine.profile.known(), machine.image_version.known())
        else {
            return;
        };
        if !profile.image_version.is_empty() {
            return;
        }
        let title = profile.title;
        let diagnostic = Diagnostic::error(format!("{title} has no image versions to choose from"))
            .hint("remove `image_version`");
        out.push(at(
            definition,
            diagnostic,
            &[
                (machine.image_version.span(), ""),
                (machine.profile.span(), "the profile"),
            ],
        ));
    },
};
