use super::{HostCheck, Judgement, concerns_only};
use crate::hint::Hint;
use crate::host::virtualbox::{ALLOWED_BY_DEFAULT, ASKS_FROM, NETWORKS_CONF, allows};
use crate::host::{Host, Probe, Provider};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "range",
    title: "VirtualBox allows the members' addresses",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    if let Some(found) = concerns_only(host, &Provider::VirtualBox) {
        return found;
    }
    let subnet = plan.subnet;
    let version = host.providers.virtualbox.seen().and_then(|one| one.version);
    if let Some(version) = version.filter(|version| *version < ASKS_FROM) {
        return Judgement::pass(format!("VirtualBox {version} allows every address"));
    }
    let text = match &host.networks_conf {
        Probe::Seen(text) => Some(text.as_str()),
        Probe::Missing => None,
        Probe::Unknown(why) => return Judgement::not_seen(format!("{NETWORKS_CONF}: {why}")),
    };
    if allows(text, subnet) {
        let by = match text {
            Some(_) => format!("{NETWORKS_CONF} allows {subnet}"),
            None => format!("{subnet} is part of {ALLOWED_BY_DEFAULT}"),
        };
        return Judgement::pass(by);
    }
    let error = Diagnostic::error(format!(
        "VirtualBox does not allow the addresses of `{subnet}`"
    ))
    .note(format!("`{NETWORKS_CONF}` must have the line `* {subnet}`"));
    let error = match text {
        Some(_) => error.hint(Hint::heals("add the line", [format!("echo '* {subnet}' | sudo tee -a {NETWORKS_CONF}")])),
        // Once the file exists, only it counts, so it must also list what is allowed without it.
        None => error
            .note(format!("without that file, {ALLOWED_BY_DEFAULT} is allowed; with it, only what it lists"))
            .hint(Hint::heals("create it", [format!("sudo mkdir -p /etc/vbox && printf '* {ALLOWED_BY_DEFAULT}\\n* {subnet}\\n' | sudo tee -a {NETWORKS_CONF}")])),
    };
    Judgement::of(
        format!("{subnet} is not allowed"),
        vec![error.hint(format!(
            "or use a part of {ALLOWED_BY_DEFAULT} as `subnet` in {}; the cluster's identity changes with it",
            plan.source
        ))],
    )
}
