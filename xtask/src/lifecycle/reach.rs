//! The way to members for programs of this host, such as the etcdctl that saves a snapshot.

use super::etcdctl_location::is_any_reached;
use crate::driver::{Driver, Tunnel};
use crate::plan::Member;
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::Home;

/// Members as this host reaches them while this lives.
pub(super) struct Reach {
    /// In the order of the members; those out of reach have their own addresses.
    pub(super) members: Vec<Member>,
    _tunnels: Vec<Tunnel>,
}

impl Reach {
    /// Goes through ssh if these members are machines whose addresses this host cannot reach.
    pub(super) fn of(ui: Ui, driver: &dyn Driver, home: &Home, members: Vec<Member>) -> Self {
        let tunnels = match driver.machines() {
            Some(machines) if !is_any_reached(&members) => {
                let names: Vec<HostName> = members.iter().map(|one| one.name.clone()).collect();
                let conditions = driver.conditions(home, &names).unwrap_or_default();
                // Only running machines: ssh waits long for the others.
                let running = members.iter().zip(conditions);
                let running = running.filter(|(_, condition)| condition.is_running());
                let running: Vec<Member> = running.map(|(member, _)| member.clone()).collect();
                machines.tunnels(home, &running)
            }
            _ => Vec::new(),
        };
        let tunnels: Vec<Tunnel> = tunnels.into_iter().flatten().collect();
        if !tunnels.is_empty() {
            ui.say("this host cannot reach the members' addresses; going through ssh");
        }
        let reached = |member: Member| {
            let mut tunnels = tunnels.iter().map(|tunnel| &tunnel.member);
            let tunnelled = tunnels.find(|one| one.name == member.name).cloned();
            tunnelled.unwrap_or(member)
        };
        Self {
            members: members.into_iter().map(reached).collect(),
            _tunnels: tunnels,
        }
    }
}
