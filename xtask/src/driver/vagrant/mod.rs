//! Runs members as virtual machines, with Vagrant and `vagrant/Vagrantfile`.

mod command;
mod data;
mod data_scripts;
mod faults;
mod libvirt;
mod log;
mod machine;
mod output;
mod provisioned;
mod setup;
mod ssh;
mod wrappers;

use std::thread;
use std::time::Duration;

use camino::Utf8PathBuf;
use xshell::{Cmd, Shell};

use super::{Driver, Faults, Machines, MemberData, Tunnel};
use crate::atomic::cannot_write;
use crate::doctor;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::host_probe::{self, HostQuery};
use crate::observation::{Condition, Look, MachineStatus};
use crate::pki;
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::values::{DriverName, HostName};
use crate::workspace::Home;
use command::Vagrantfile;
use data_scripts::NewAuthority;
use machine::Machine;
use setup::provision;

/// The driver for virtual machines.
pub(super) struct Vagrant;

/// The time limit of short Vagrant commands.
const SOON: Duration = Duration::from_secs(2 * 60);

/// The time limit of a first boot. Without KVM it takes minutes.
const BOOT: Duration = Duration::from_secs(60 * 60);

/// The time limit of a shutdown. Vagrant itself cuts the power of a machine that hangs.
const HALT: Duration = Duration::from_secs(15 * 60);

impl Driver for Vagrant {
    fn name(&self) -> DriverName {
        DriverName::Vagrant
    }

    fn place(&self, plan: &Plan) -> Plan {
        plan.clone()
    }

    /// Machines bring their own etcd.
    fn run_by(&self, plan: &Plan, _tools: &Tools) -> Plan {
        plan.clone()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10 * 60)
    }

    fn look_after(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn preflight(
        &self,
        home: &Home,
        plan: &Plan,
        members: &[HostName],
    ) -> Outcome<Vec<Diagnostic>> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let host = host_probe::look(&HostQuery::of(&home.workspace, plan));
        doctor::judge(plan, &host).outcome()
    }

    fn conditions(&self, home: &Home, members: &[HostName]) -> Outcome<Vec<Condition>> {
        let machines: Vec<Machine> = members.iter().map(|name| Machine::of(home, name)).collect();
        let made: Vec<&Machine> = machines
            .iter()
            .filter(|machine| machine.is_made())
            .collect();
        if made.is_empty() {
            // Vagrant would report the same, a second later.
            return Ok(vec![Condition::Absent; members.len()]);
        }
        let shell = crate::process::shell()?;
        let names = made.iter().map(|machine| machine.name());
        let status = Vagrantfile::of(home)
            .vagrant(&shell, &["status"])?
            .args(names);
        let states = if let Some(states) = libvirt::states(&shell, &made) {
            states
        } else {
            let finished = crate::process::run(status, SOON);
            if !finished.success() {
                return Err(command::failed(&finished, &finished.stdout, None));
            }
            output::states(&finished.stdout)
        };
        let condition = |machine: &Machine| {
            let state = states.iter().find(|state| state.machine == machine.name());
            machine.condition(home, state)
        };
        Ok(machines.iter().map(condition).collect())
    }

    /// A machine that has its user-data has started etcd.
    fn had_data(&self, home: &Home, members: &[HostName]) -> Vec<HostName> {
        let is_set_up = |member: &&HostName| provisioned::is_noted(home, member);
        members.iter().filter(is_set_up).cloned().collect()
    }

    fn traces(&self, home: &Home) -> Vec<HostName> {
        Machine::all(home)
    }

    fn start(
        &self,
        home: &Home,
        plan: &Plan,
        _tools: &Tools,
        start: &Start,
        doing: &mut dyn FnMut(&HostName, &str),
    ) -> Outcome<()> {
        // The Vagrantfile hands them over to new machines.
        pki::prepare(home, plan)?;
        let mut names = start.names();
        if !names.is_empty() {
            let kept = self.destroy_unfinished(home, start, doing)?;
            names.retain(|member| !kept.contains(member));
        }
        let is_created = |member: &&HostName| !Machine::of(home, member).is_made();
        let created: Vec<HostName> = names.iter().filter(is_created).cloned().collect();
        if !names.is_empty() {
            let machines: Vec<Machine> = names.iter().map(|name| Machine::of(home, name)).collect();
            let is_new = |member: &HostName| {
                let start = start.members.iter().find(|(name, _)| name == member);
                start.is_some_and(|(_, state)| *state == InitialState::New)
            };
            let mut noted = Ok(());
            let shell = crate::process::shell()?;
            let up = Vagrantfile::of(home)
                .vagrant(&shell, &["up"])?
                .args(machines.iter().map(Machine::name));
            let member = |target: &str| {
                let at = machines.iter().position(|machine| machine.name() == target);
                at.map(|at| &names[at])
            };
            log::follow(home, up, BOOT, &mut |line| {
                if let Some((target, said)) = output::headline(line)
                    && let Some(member) = member(target)
                {
                    doing(member, &said);
                }
                // Noted at once: another machine may fail, or the user may interrupt, while this
                // one serves.
                if let Some(member) = output::done(line, "up").and_then(member)
                    && is_new(member)
                    && noted.is_ok()
                {
                    noted = provisioned::note(home, plan, member);
                }
            })?;
            noted?;
            for member in &names {
                provisioned::was_booted(home, member)?;
            }
        }
        let mut running = plan.names();
        running.retain(|member| !start.lost.contains(member));
        // Members that are no longer defined are reached as well.
        let mut former = Machine::all(home);
        former.retain(|member| !plan.names().contains(member));
        let reached = [running.clone(), self.running(home, &former)?].concat();
        ssh::note_how(home, &reached)?;
        let wanted = render::user_data_sha256(plan);
        in_parallel(&running, |member| {
            if !plan.scheme().is_http() && !created.contains(member) {
                let mut members = plan.members.clone();
                members.retain(|one| one.name == *member);
                // Those that ran already are restarted one after another, by the task that replaces an authority.
                let then = match names.contains(member) {
                    true => NewAuthority::Restarts,
                    false => NewAuthority::Waits,
                };
                self.copy_certificates(home, &members, then)?;
            }
            if !names.contains(member) {
                // Somebody may have stopped etcd on machines that were already running.
                ssh::start_etcd(home, member);
            } else if provisioned::is_noted(home, member) {
                return Ok(());
            } else if ssh::has_data(home, member) == Ok(false) {
                return provision(home, plan, member);
            }
            // The machine was created by somebody else, or provisioned since with what is rendered
            // now.
            match ssh::look(home, plan, member, SOON) {
                Look::Seen(machine) if machine.user_data.as_ref() == Some(&wanted) => {
                    provisioned::note(home, plan, member)
                }
                _ => Ok(()),
            }
        })
    }

    fn stop(&self, home: &Home, members: &[HostName], _say: &dyn Fn(&str)) -> Outcome<()> {
        // Vagrant would stop one machine after another.
        in_parallel(members, |member| {
            let shell = crate::process::shell()?;
            let machine = Machine::of(home, member);
            let halt = Vagrantfile::of(home).vagrant(&shell, &["halt", machine.name()])?;
            log::follow(home, halt, HALT, &mut |_| {})
        })
    }

    fn outdated(&self, home: &Home, plan: &Plan) -> Vec<Diagnostic> {
        provisioned::outdated(home, plan).into_iter().collect()
    }

    fn log(&self, home: &Home, _member: &HostName) -> Utf8PathBuf {
        log::path(home)
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }

    fn data(&self) -> &dyn MemberData {
        self
    }

    fn machines(&self) -> Option<&dyn Machines> {
        Some(self)
    }
}

impl Machines for Vagrant {
    fn ssh<'a>(&self, shell: &'a Shell, home: &Home, member: &HostName) -> Outcome<Cmd<'a>> {
        self.note_unknown(home, std::slice::from_ref(member))?;
        Ok(ssh::command(shell, home, &Machine::of(home, member)))
    }

    fn look(
        &self,
        home: &Home,
        plan: &Plan,
        members: &[HostName],
        patience: Duration,
    ) -> Vec<Look<MachineStatus>> {
        thread::scope(|scope| {
            let looks: Vec<_> = members
                .iter()
                .map(|member| scope.spawn(move || ssh::look(home, plan, member, patience)))
                .collect();
            let lost = || Look::Failed("the query crashed".to_owned());
            looks
                .into_iter()
                .map(|look| look.join().unwrap_or_else(|_| lost()))
                .collect()
        })
    }

    fn etcdctl_inside(&self, home: &Home, plan: &Plan, member: &HostName) -> Outcome<Utf8PathBuf> {
        self.note_unknown(home, std::slice::from_ref(member))?;
        let programs = [
            ("etcdctl", plan.etcdctl_inside()),
            ("curl", plan.curl_inside()),
        ];
        let folder = wrappers::folder(home, member);
        wrappers::programs(&folder, home, member, &programs).map_err(|error| {
            cannot_write(
                &folder,
                &error,
                "it holds the scripts that query members from inside a machine",
            )
        })?;
        Ok(folder.join("etcdctl"))
    }

    fn tunnels(&self, home: &Home, members: &[Member]) -> Vec<Result<Tunnel, Reason>> {
        thread::scope(|scope| {
            let made = members
                .iter()
                .map(|member| scope.spawn(|| ssh::tunnel(home, member)));
            let made: Vec<_> = made.collect();
            let lost = || Err("the attempt crashed".into());
            made.into_iter()
                .map(|tunnel| tunnel.join().unwrap_or_else(|_| lost()))
                .collect()
        })
    }

    fn restart(&self, home: &Home, member: &HostName) -> Outcome<()> {
        self.restart_etcd(home, member)
    }

    fn provision(&self, home: &Home, plan: &Plan, member: &HostName) -> Outcome<()> {
        let user_data_path = plan.machine.profile.user_data_path;
        if user_data_path.starts_with("/var/lib/cloud/") {
            provision(home, plan, member)?;
            // cloud-init has restarted it without waiting for the old process.
            return self.restart_etcd(home, member);
        }
        // Others read their user-data when they boot.
        provisioned::is_to_boot(home, member)?;
        provision(home, plan, member)?;
        let shell = crate::process::shell()?;
        let machine = Machine::of(home, member);
        let reload = Vagrantfile::of(home).vagrant(&shell, &["reload", machine.name()])?;
        log::follow(home, reload, BOOT, &mut |_| {})?;
        provisioned::was_booted(home, member)?;
        // It may have another address now.
        ssh::note_how(home, &self.running(home, &Machine::all(home))?)
    }

    fn hand_over(&self, home: &Home, member: &HostName, text: &str) -> Outcome<()> {
        self.hand_over_what_to_join(home, member, text)
    }

    fn hand_over_certificates(&self, home: &Home, members: &[Member]) -> Outcome<()> {
        self.copy_certificates(home, members, NewAuthority::Waits)
    }

    fn destroy(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        if members.is_empty() {
            return Ok(());
        }
        let shell = crate::process::shell()?;
        let machines: Vec<Machine> = members.iter().map(|name| Machine::of(home, name)).collect();
        let destroy = Vagrantfile::of(home)
            .vagrant(&shell, &["destroy", "--force"])?
            .args(machines.iter().map(Machine::name));
        log::follow(home, destroy, HALT, &mut |_| {})?;
        for machine in &machines {
            machine.forget();
        }
        for member in members {
            provisioned::forget(home, member)?;
        }
        Ok(())
    }
}

/// Runs the same for each member in parallel, and reports all failures.
fn in_parallel(
    members: &[HostName],
    each: impl Fn(&HostName) -> Outcome<()> + Sync,
) -> Outcome<()> {
    let failures: Vec<Failure> = thread::scope(|scope| {
        let each = &each;
        let running: Vec<_> = members
            .iter()
            .map(|member| (member, scope.spawn(move || each(member))))
            .collect();
        running
            .into_iter()
            .filter_map(|(member, thread)| {
                thread.join().unwrap_or_else(|_| Err(lost(member))).err()
            })
            .collect()
    });
    match failures.first() {
        None => Ok(()),
        Some(first) => Err(Failure {
            kind: first.kind,
            diagnostics: failures
                .iter()
                .flat_map(|failure| failure.diagnostics.clone())
                .collect(),
        }),
    }
}

fn lost(member: &HostName) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("the state of `{member}` is unknown"))
            .hint(Hint::informs("check the cluster", ["cargo xtask status"])),
    )
}
