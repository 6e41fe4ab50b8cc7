//! The cluster is told to find a member where it is not.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, about, cannot_lose_one, unused_url};
use crate::plan::PEER_PORT;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "peer-url-differs",
    title: "the cluster is told another peer URL of a member",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let url = unused_url(injector.plan(), PEER_PORT);
    injector.update_peer_url(member, &url)?;
    Ok(Injected::new(
        format!("the cluster was told to find {} at {url}", member.name),
        vec![about("members", &member.name)],
    ))
}
