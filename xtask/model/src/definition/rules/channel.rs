use super::{Rule, at};
use crate::definition::suggest::nearest;
use crate::report::Diagnostic;
use crate::wording::list_of_words;

/// The profile must have the channel.
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
        let diagnostic = if profile.channels.is_empty() {
            Diagnostic::error(format!("{title} has no release channels")).hint("remove `channel`")
        } else {
            let known = || profile.channels.iter().copied();
            let diagnostic = Diagnostic::error(format!("{title} has no channel `{channel}`"));
            match nearest(channel.as_str(), known()) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint(format!("available channels: {}", list_of_words(known()))),
            }
        };
        out.push(at(
            definition,
            diagnostic,
            &[
                (machine.channel.span(), ""),
                (machine.profile.span(), "the profile"),
            ],
        ));
    },
};
