//! A member advertises a wrong client URL.

use super::{Cost, Fault, Injected, Injector, PROCESSES, about, no_obstacle, unused_url};
use crate::plan::flags::InitialState;
use crate::report::{Diagnostic, Failure, Outcome};

pub(super) static FAULT: Fault = Fault {
    name: "client-url-differs",
    title: "a member advertises a wrong client URL",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: no_obstacle,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let (mut plan, tools) = (injector.plan().clone(), injector.tools());
    let url = unused_url(&plan, plan.ports().client);
    let (Ok(flag), Ok(value)) = ("advertise-client-urls".parse(), url.parse()) else {
        return Err(Failure::failed(Diagnostic::error(format!(
            "`{url}` cannot be the value of a flag"
        ))));
    };
    plan.etcd.flags.push((flag, value));
    injector.stop(&member.name)?;
    injector.start_by(&plan, tools, &member.name, InitialState::Existing)?;
    Ok(Injected::new(
        format!("{} advertised {url}", member.name),
        vec![about("members", &member.name), about("flags", &member.name)],
    ))
}
