//! A member's metrics, over HTTP: etcdctl does not show them.

use std::time::Duration;

use crate::etcd::http::{Request, Sender, Unsent};
use crate::observation::Look;
use crate::plan::Member;
use crate::reason::Reason;

/// Reads the metrics.
pub(super) fn metrics(member: &Member, sender: &Sender, patience: Duration) -> Look<String> {
    let url = format!("{}/metrics", member.client_url());
    match sender.content(Request {
        url: &url,
        body: None,
        token: None,
        patience,
    }) {
        Ok(metrics) => Look::Seen(metrics),
        Err(Unsent::NoSender(why)) => Look::NotAsked(format!("could not be queried: {why}")),
        Err(why) => Look::Failed(Reason::from(why).into()),
    }
}
