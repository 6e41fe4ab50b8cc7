//! A scratch cluster: local processes with ports and a folder of their own, for data that is not the
//! cluster's own.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::save::COUNTING;
use crate::atomic::{cannot_write, why_not_writable};
use crate::driver::{self, Driver};
use crate::etcd::http::Sender;
use crate::etcd::observe;
use crate::etcd::serving::{self, Serving};
use crate::etcd::tools::Tools;
use crate::observation::{Condition, Look, Status, log};
use crate::pause::pause;
use crate::pki;
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::process::DeferredInterrupt;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::ui::Ui;
use crate::values::{DriverName, HostName, Ports};
use crate::wording::list;
use crate::workspace::{Home, Workspace};

/// How long the member may take to serve: it reads its whole database.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Kills the processes and removes the files that a killed task has left. Nobody wants their data.
pub fn end_leftovers(home: &Home) -> Outcome<()> {
    let scratch = home_of(home);
    let local = driver::named(DriverName::Local);
    if let Some(processes) = local.faults() {
        for member in local.traces(&scratch) {
            processes.kill(&scratch, &member)?;
        }
    }
    match fs::remove_dir_all(scratch.workspace.root()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let root = scratch.workspace.root();
            Err(Failure::host(
                Diagnostic::error(format!("cannot remove `{root}`: {error}"))
                    .note("a scratch cluster was there")
                    .hint(why_not_writable(root)),
            ))
        }
        _ => Ok(()),
    }
}

/// The place of the scratch cluster, within the cluster's folder and apart from its members.
fn home_of(home: &Home) -> Home {
    Workspace::at(&home.folder().join("scratch")).home(&home.name)
}

/// A cluster of local processes with free ports. Everything is removed when this is dropped. If this
/// program is killed, the next `backup`, `drill`, `up`, `down` or `destroy` removes it.
pub(in crate::lifecycle) struct ScratchCluster<'a> {
    ui: Ui,
    home: Home,
    /// The cluster whose data it has.
    of: &'a Home,
    pub(in crate::lifecycle) tools: Tools,
    pub(in crate::lifecycle) plan: Plan,
    /// Its first member, which is often the only one.
    pub(in crate::lifecycle) member: Member,
    driver: &'static dyn Driver,
}

impl<'a> ScratchCluster<'a> {
    /// Creates its folder. `addresses`: those that it uses, all with the same ports. `plan`: its plan on the
    /// given ports.
    pub(in crate::lifecycle) fn new(
        ui: Ui,
        of: &'a Home,
        tools: &Tools,
        addresses: &[Ipv4Addr],
        plan: &dyn Fn(Ports) -> Plan,
    ) -> Outcome<Self> {
        let home = home_of(of);
        let ports = free_ports(addresses).map_err(|error| {
            Failure::host(Diagnostic::error(format!(
                "no port is free on {}: {error}",
                list(addresses)
            )))
        })?;
        let plan = plan(ports);
        let member = plan.members.first().cloned().ok_or_else(|| {
            Failure::failed(Diagnostic::error("the scratch cluster has no member"))
        })?;
        let root = home.workspace.root();
        // After `destroy`, it does not exist.
        let folder = of.folder();
        fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
        DirBuilder::new()
            .mode(0o700)
            .create(root)
            .map_err(|error| unwritten(root, &error))?;
        // Its own: nobody else can reach it either.
        pki::prepare(&home, &plan)?;
        Ok(Self {
            ui,
            tools: tools.clone().with(pki::client(&home, plan.scheme())),
            home,
            of,
            plan,
            member,
            driver: driver::named(DriverName::Local),
        })
    }

    /// Its folder.
    pub(in crate::lifecycle) fn root(&self) -> &Utf8Path {
        self.home.workspace.root()
    }

    /// Its name and workspace.
    pub(in crate::lifecycle) const fn home(&self) -> &Home {
        &self.home
    }

    /// The data folder of its first member, which does not exist yet.
    pub(in crate::lifecycle) fn data(&self) -> Outcome<Utf8PathBuf> {
        self.data_of(&self.member.name)
    }

    /// The same of any member.
    pub(in crate::lifecycle) fn data_of(&self, member: &HostName) -> Outcome<Utf8PathBuf> {
        let faults = self.driver.faults();
        let data = faults.and_then(|faults| faults.data(&self.home, member));
        data.ok_or_else(|| {
            Failure::failed(Diagnostic::error("the scratch cluster has no data folder"))
        })
    }

    /// Starts its first member, and waits until it serves. The inner failure is that of its etcd.
    pub(in crate::lifecycle) fn serve(
        &self,
        interrupted: &DeferredInterrupt,
    ) -> Outcome<Result<(), Reason>> {
        let start = Start {
            members: vec![(self.member.name.clone(), InitialState::Existing)],
            lost: Vec::new(),
        };
        let (home, plan) = (&self.home, &self.plan);
        self.driver
            .start(home, plan, &self.tools, &start, &mut |_, _| {})?;
        let sender = Sender::of(&self.tools);
        let deadline = Instant::now() + PATIENCE;
        let names = std::slice::from_ref(&self.member.name);
        loop {
            let conditions = self.driver.conditions(&self.home, names)?;
            if serving::ask(&self.member, &sender) == Serving::Serves {
                return Ok(Ok(()));
            }
            if !conditions.iter().all(Condition::is_running) {
                return Ok(Err(self.last_words(&self.member.name)));
            }
            if interrupted.is_asked() {
                return Ok(Err("it was interrupted".into()));
            }
            if Instant::now() > deadline {
                return Ok(Err(format!("it did not serve within {PATIENCE:?}").into()));
            }
            pause(Duration::from_millis(50));
        }
    }

    /// Why a member exited, in its own words.
    pub(in crate::lifecycle) fn last_words(&self, member: &HostName) -> Reason {
        let log = self.driver.log(&self.home, member);
        let said = fs::read_to_string(log).unwrap_or_default();
        let last = log::last_words(&said).map(|last| last.quoted);
        last.unwrap_or_else(|| "it exited and gave no reason".to_owned())
            .into()
    }

    /// What the member says of itself.
    pub(in crate::lifecycle) fn status(&self) -> Result<Status, Reason> {
        let members = std::slice::from_ref(&self.member);
        match observe::statuses(members, &self.tools, COUNTING).pop() {
            Some(Look::Seen(status)) => Ok(status),
            Some(Look::Failed(why) | Look::NotAsked(why)) => {
                Err(format!("the restored copy could not be asked: {why}").into())
            }
            None => Err("it was not asked".into()),
        }
    }
}

impl Drop for ScratchCluster<'_> {
    fn drop(&mut self) {
        // What is left is removed by the next backup, too.
        if let Err(failure) = end_leftovers(self.of) {
            self.ui.report(&failure.diagnostics);
        }
    }
}

/// How many pairs of ports are tried: one that is free at one address may be taken at another.
const TRIES: usize = 100;

/// Two ports on which nothing listens at any of these addresses. Both are held until both are known.
fn free_ports(addresses: &[Ipv4Addr]) -> io::Result<Ports> {
    let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        match (free_port(addresses), free_port(addresses)) {
            (Ok((client, _held)), Ok((peer, _also_held))) if client != peer => {
                return Ok(Ports { client, peer });
            }
            (Err(error), _) | (_, Err(error)) => taken = error,
            (Ok(_), Ok(_)) => {}
        }
    }
    Err(taken)
}

/// A port on which nothing listens at any of these addresses, and what holds it.
fn free_port(addresses: &[Ipv4Addr]) -> io::Result<(u16, Vec<TcpListener>)> {
    let mut port = 0;
    let mut held = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind((*address, port))?;
        port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok((port, held))
}

pub(in crate::lifecycle) fn unwritten(path: &Utf8Path, error: &io::Error) -> Failure {
    cannot_write(path, error, "a scratch cluster needs it")
}
