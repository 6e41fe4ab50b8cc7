use super::{Rule, at};
use crate::definition::nearest;
use crate::report::Diagnostic;

/// The profile has the channel.
pub(super) static RULE: Rule = Rule {
    name: "channel",
    judge: |definition, out| {
        let machine = &definition.machine;
        let (Some(profile), Some(Some(channel))) =
            (machine.profile.known(), machine.channel.known())
        else {
            return;
        };
        if profile.channels.contains(&channel.as_str()) {
            return;
        }
        let title = profile.title;
        let (fact, hint) = if profile.channels.is_empty() {
            (
                format!("{title} has no release channels"),
                "remove `channel`".to_owned(),
            )
        } else {
            let known = profile.channels.join("`, `");
            let near = nearest(channel.as_str(), profile.channels.iter().copied());
            let mean = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            (
                format!("{title} has no channel `{channel}`"),
                format!("{mean}its channels are `{known}`"),
            )
        };
        out.push(at(
            definition,
            Diagnostic::error(fact).hint(hint),
            &[
                (machine.channel.span(), ""),
                (machine.profile.span(), "the profile"),
            ],
        ));
    },
};
