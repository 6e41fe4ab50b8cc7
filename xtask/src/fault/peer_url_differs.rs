//! The cluster's member list has a wrong peer URL.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, about, cannot_lose_one, unused_url};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "peer-url-differs",
    title: "a member's peer URL is set to a wrong one",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let url = unused_url(injector.plan(), injector.plan().ports().peer);
    injector.update_peer_url(member, &url)?;
    Ok(Injected::new(
        format!(
            "the cluster was given the peer URL {url} for {}",
            member.name
        ),
        vec![about("members", &member.name)],
    ))
}
