//! Where etcdctl runs: on this host, or inside a machine if this host cannot reach the members'
//! addresses.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::driver::Driver;
use crate::etcd::command::command;
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::plan::{Member, Plan};
use crate::process;
use crate::ui::Ui;
use crate::workspace::Home;

/// How long to wait for a connection attempt to fail.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a machine may take to report its etcdctl's version, including the login.
const LOGIN: Duration = Duration::from_secs(60);

/// Chooses the etcdctl: this host's if it reaches any member. Prints the choice if members are
/// machines.
pub(super) fn choose(ui: Ui, driver: &dyn Driver, home: &Home, plan: &Plan, tools: Tools) -> Tools {
    let Some(machines) = driver.machines() else {
        return tools;
    };
    if is_any_reached(&plan.members) {
        ui.say(&format!(
            "querying the members with this host's etcdctl {}",
            tools.version
        ));
        return tools;
    }
    // Only running machines: ssh waits long for the others.
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
                "this host cannot reach the members' addresses; querying them from inside `{}`",
                member.name
            ));
            return Tools {
                etcdctl,
                version: plan.version(),
                origin: ToolsOrigin::Machine,
                ..tools
            };
        }
    }
    // No member can be reached at all, which is what the look will show.
    tools
}

/// Whether this host reaches any member's address, even if nothing listens there.
pub(super) fn is_any_reached(members: &[Member]) -> bool {
    thread::scope(|scope| {
        let knocks: Vec<_> = members
            .iter()
            .map(|member| {
                let address = SocketAddr::from(member.client_socket());
                scope.spawn(
                    move || match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(_) => true,
                        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
                    },
                )
            })
            .collect();
        // Waits for every attempt, whatever the first result is.
        let answers: Vec<bool> = knocks
            .into_iter()
            .map(|knock| knock.join().unwrap_or(false))
            .collect();
        answers.contains(&true)
    })
}
