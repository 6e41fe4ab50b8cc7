use super::{Rule, at};
use crate::report::Diagnostic;
use crate::values::Subnet;

/// The subnet is not a part of the network that Docker takes by default.
///
/// The recipe of 2015 is exempt: its addresses are a part of it, and its subnet's route, being
/// narrower than the bridge's, wins. What the host does is for its preflight to say.
pub(super) static RULE: Rule = Rule {
    name: "docker_bridge",
    judge: |definition, out| {
        let (Some(&subnet), Some(profile)) = (
            definition.network.subnet.known(),
            definition.machine.profile.known(),
        ) else {
            return;
        };
        if profile.is_gone() || !subnet.overlaps(Subnet::docker_bridge()) {
            return;
        }
        let bridge = Subnet::docker_bridge();
        let diagnostic = Diagnostic::warning(format!(
            "the subnet `{subnet}` overlaps Docker's default bridge `{bridge}`"
        ))
        .note("where Docker runs, on this host or in a machine, packets between members may end at its bridge")
        .hint("use another subnet, such as `192.168.56.0/24`");
        out.push(at(
            definition,
            diagnostic,
            &[(definition.network.subnet.span(), "")],
        ));
    },
};
