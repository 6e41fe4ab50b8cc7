//! From where members are asked: from this host, or from inside of a machine where this host does not
//! reach their addresses.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::driver::Driver;
use crate::etcd::command::command;
use crate::etcd::tools::{Origin, Tools};
use crate::plan::{CLIENT_PORT, Member, Plan};
use crate::process;
use crate::ui::Ui;
use crate::workspace::Home;

/// How long the network may take to answer that nobody is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a machine may take to say which etcdctl it has, logging in included.
const LOGIN: Duration = Duration::from_secs(60);

/// The etcdctl to ask members with: this host's wherever it gets to them. Says which it is, where
/// members are machines.
pub(super) fn choose(ui: Ui, driver: &dyn Driver, home: &Home, plan: &Plan, tools: Tools) -> Tools {
    let Some(machines) = driver.machines() else {
        return tools;
    };
    if is_any_reached(&plan.members) {
        ui.say(&format!(
            "etcdctl {} of this host asks the members",
            tools.version
        ));
        return tools;
    }
    // Only into machines that run: ssh waits long for the others.
    let conditions = driver.conditions(home, &plan.names()).unwrap_or_default();
    let running = plan.members.iter().zip(conditions);
    for (member, _) in running.filter(|(_, condition)| condition.is_running()) {
        let Ok(etcdctl) = machines.etcdctl_inside(home, plan, &member.name) else {
            continue;
        };
        let Ok(shell) = xshell::Shell::new() else {
            continue;
        };
        if process::run(command(&shell, &etcdctl).arg("version"), LOGIN).success() {
            ui.say(&format!(
                "this host does not reach the members' addresses: etcdctl inside of `{}` asks them",
                member.name
            ));
            return Tools {
                etcdctl,
                version: plan.version(),
                origin: Origin::Machine,
                ..tools
            };
        }
    }
    // Nobody is there to be asked, from wherever: that is what will be seen.
    tools
}

/// Whether this host gets to any member's address, whether or not something listens there.
fn is_any_reached(members: &[Member]) -> bool {
    thread::scope(|scope| {
        let knocks: Vec<_> = members
            .iter()
            .map(|member| {
                let address = SocketAddr::from((member.address, CLIENT_PORT));
                scope.spawn(
                    move || match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(_) => true,
                        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
                    },
                )
            })
            .collect();
        // All are waited for, whatever the first says.
        let answers: Vec<bool> = knocks
            .into_iter()
            .map(|knock| knock.join().unwrap_or(false))
            .collect();
        answers.contains(&true)
    })
}
