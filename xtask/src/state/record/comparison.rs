//! Compares the recorded cluster with a plan, which may be that of an edited definition.

use super::{Record, RecordedMember};
use crate::plan::{Member, Plan};
use crate::values::{DriverName, HostName, Ports};
use crate::wording::list;

/// The ports of a member, with their names.
const PORTS: [(&str, PortOf); 2] = [
    ("client", |ports| ports.client),
    ("peer", |ports| ports.peer),
];

type PortOf = fn(Ports) -> u16;

impl Record {
    /// The plan with the members that this cluster really has, unless it is the plan of another cluster.
    #[must_use]
    pub fn running(&self, plan: Plan) -> Plan {
        if self.is_redefined_by(&plan) {
            return plan.served_at(self.scheme, self.ports);
        }
        let position = |member: &Member| {
            let mut defined = plan.members.iter();
            let position = defined.position(|one| one.name == member.name);
            position.unwrap_or(usize::MAX)
        };
        let mut members = self.members();
        members.sort_by_key(position);
        let mut plan = plan.served_at(self.scheme, self.ports);
        plan.members = members;
        plan.cluster_id = self.cluster_id();
        plan
    }

    /// Whether the recorded etcd is the one that the members run. Machines have their own.
    fn runs_processes(&self) -> bool {
        self.driver == DriverName::Local
    }

    /// Whether the plan is that of another cluster, which this one cannot become while it runs.
    pub fn is_redefined_by(&self, plan: &Plan) -> bool {
        self.token != plan.etcd.token || self.scheme != plan.scheme()
    }

    /// The plan with all members that run, are being added or removed, or are planned: those whose machines have to
    /// be known. `None` if one of them is planned at another address, or another one at its own. Ports do not
    /// matter for machines: they are part of the user-data inside.
    pub fn with_all_members(&self, plan: &Plan) -> Option<Plan> {
        let mut all = plan.clone();
        for one in [self.members(), self.in_transit()].concat() {
            match plan.members.iter().find(|planned| planned.name == one.name) {
                Some(planned) if planned.address == one.address => {}
                Some(_) => return None,
                None if plan
                    .members
                    .iter()
                    .any(|other| other.address == one.address) =>
                {
                    return None;
                }
                None => all.members.push(one),
            }
        }
        Some(all)
    }

    /// Whether tasks can go on with what runs on machines while this is the definition.
    pub fn stays_with(&self, plan: &Plan) -> bool {
        self.with_all_members(plan).is_some()
    }

    /// The plan's members that were not started with the cluster.
    pub fn new_members(&self, plan: &Plan) -> Vec<HostName> {
        let is_known = |planned: &&Member| {
            let is_it = |one: &Member| one.name == planned.name && is_at(one, planned);
            self.members().iter().any(is_it)
        };
        let new = plan.members.iter().filter(|planned| !is_known(planned));
        new.map(|planned| planned.name.clone()).collect()
    }

    /// The differences between the plan and the cluster that was started, in words.
    pub fn differences(&self, plan: &Plan) -> Vec<String> {
        let mut differences = Vec::new();
        if self.token != plan.etcd.token {
            differences.push(format!(
                "the token was `{}` and is now `{}`",
                self.token, plan.etcd.token
            ));
        }
        if self.scheme != plan.scheme() {
            let (was, is) = (self.scheme, plan.scheme());
            differences.push(format!("the URLs began with {was}:// and now with {is}://"));
        }
        let now = plan.etcd.version;
        if let Some(was) = self.defined.map(|then| then.version)
            && was != now
            && !(self.runs_processes() && self.etcd.version == now)
            // The members may never have had the other one.
            && !self.is_set_back_to(now)
        {
            differences.push(format!("etcd was {was} and is now {now}"));
        }
        let members = self.members();
        for (port, of) in PORTS {
            let is = of(plan.ports());
            let others = members.iter().filter(|one| of(one.ports) != is);
            let others: Vec<&Member> = others.collect();
            let Some(was) = others.first().map(|one| of(one.ports)) else {
                continue;
            };
            let whose = if others.len() == members.len() {
                String::new()
            } else {
                format!(" of {}", list(others.iter().map(|one| &one.name)))
            };
            differences.push(format!("the {port} port{whose} was {was} and is now {is}"));
        }
        for RecordedMember { name, address, .. } in self.members.iter().chain(&self.in_transit) {
            let mut planned = plan.members.iter();
            let now = planned.find(|planned| planned.name == *name);
            match now.map(|now| now.address) {
                // One that is being added is new.
                Some(_) if self.in_transit.iter().any(|one| one.name == *name) => {}
                None => differences.push(format!("`{name}` at {address} is gone")),
                Some(now) if now != *address => {
                    differences.push(format!("`{name}` was at {address} and is now at {now}"));
                }
                Some(_) => {}
            }
        }
        for planned in &plan.members {
            if self
                .members
                .iter()
                .any(|member| member.name == planned.name)
            {
                continue;
            }
            differences.push(format!("`{}` at {} is new", planned.name, planned.address));
        }
        differences
    }
}

/// Whether two members have the same address and ports.
fn is_at(one: &Member, other: &Member) -> bool {
    (one.address, one.ports) == (other.address, other.ports)
}
