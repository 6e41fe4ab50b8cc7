use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::definition;
use crate::plan::Plan;
use crate::report::Source;
use crate::values::{ClusterName, Compaction, EtcdVersion, Ports, Scheme};

/// The plan of a scratch cluster: one member on loopback, with ports of its own. It compacts nothing, because
/// that would change its hashes.
pub fn plan(name: &ClusterName, version: EtcdVersion, scheme: Scheme, ports: Ports) -> Plan {
    let source = Source {
        path: "scratch".into(),
        text: "members = 1\n".to_owned(),
    };
    let (definition, _) = definition::read(name.clone(), Arc::new(source));
    let mut plan = Plan::new(&definition).on_loopback().run_by(version);
    for member in &mut plan.members {
        member.address = Ipv4Addr::LOCALHOST;
    }
    let mut plan = plan.served_at(scheme, ports);
    plan.etcd.auto_compaction = Compaction::Off;
    plan.etcd.quota = None;
    plan
}

/// The same for a copy of a member's data folder: the member forgets all others, so that it serves alone.
pub fn plan_of_survivor(
    name: &ClusterName,
    version: EtcdVersion,
    scheme: Scheme,
    ports: Ports,
) -> Plan {
    let mut plan = plan(name, version, scheme, ports);
    if let Ok(flag) = "force-new-cluster".parse() {
        plan.etcd.flags.push((flag, true.into()));
    }
    plan
}
