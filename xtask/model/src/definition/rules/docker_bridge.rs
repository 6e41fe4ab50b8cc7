use super::{Rule, at};
use crate::report::Diagnostic;
use crate::values::Subnet;

/// The subnet should not overlap the network that Docker takes by default.
///
/// The recipe of 2015 is exempt: its addresses are part of that network, and the route of its subnet wins
/// because it is narrower than the bridge's. `doctor` checks the actual host.
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
        .note("if Docker runs on this host or in a machine, packets between members may end up at its bridge")
        .hint("use another subnet, such as `192.168.56.0/24`");
        out.push(at(
            definition,
            diagnostic,
            &[(definition.network.subnet.span(), "")],
        ));
    },
};
