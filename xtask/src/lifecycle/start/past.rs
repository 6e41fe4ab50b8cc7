//! What `up` starts from: the definition, the record and what the members left.

use camino::Utf8Path;

use super::bootstrap;
use super::etcd_choice::{self, Chosen};
use super::lost::{is_replaceable, lost};
use super::{StartRequest, driver_choice, render_files};
use crate::advice::Others;
use crate::driver::Driver;
use crate::etcd::http::Sender;
use crate::etcd::tools::Tools;
use crate::fault::{self, Healed, Journal};
use crate::lifecycle::{known_data, machine_box, way_back};
use crate::observation::Condition;
use crate::pki::{self, Pki};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::render;
use crate::report::{FailureKind, Outcome};
use crate::session::{self, Session};
use crate::state::Record;
use crate::steps::{self, Start};
use crate::ui::Ui;
use crate::values::HostName;
use crate::wording::many;
use crate::workspace::Home;

/// Decides what to resume from, given the record.
pub(super) type Resume =
    fn(Ui, Option<Record>, &dyn Driver, &Home, &Plan) -> Outcome<Option<Record>>;

/// The state that `up` starts from, before etcd is chosen.
pub(super) struct Past<'a> {
    ui: Ui,
    request: &'a StartRequest<'a>,
    pub(super) home: Home,
    pub(super) driver: &'static dyn Driver,
    why_driver: &'static str,
    /// The plan, with the driver's addresses.
    pub(super) plan: Plan,
    /// The plan of the definition, with the driver's addresses.
    defined: Plan,
    /// `None` for a new cluster.
    pub(super) record: Option<Record>,
}

impl<'a> Past<'a> {
    /// Chooses the driver, and resumes from the record if there is one.
    pub(super) fn resumed(
        ui: Ui,
        request: &'a StartRequest<'a>,
        home: Home,
        defined: &Plan,
        resume: Resume,
    ) -> Outcome<Self> {
        let workspace = &home.workspace;
        let mut record = Record::read(&home)?;
        let asked = request.driver;
        let (driver, why_driver) =
            driver_choice::choose(asked, record.as_ref(), workspace, defined)?;
        // Existing machines are described by the rendered files, so these change only when the
        // machines are started again. Without them the driver could not report the machines' state.
        let rendered = workspace.root().join(render::folder(&home.name));
        if !rendered.join("config.rb").is_file() {
            render_files(ui, workspace, defined)?;
        }
        if let Some(record) = &mut record {
            note_data(record, driver, &home)?;
        }
        let plan = driver.place(defined);
        let record = resume(ui, record, driver, &home, &plan)?;
        Ok(Self {
            ui,
            request,
            home,
            driver,
            why_driver,
            defined: plan.clone(),
            plan,
            record,
        })
    }

    /// Renders what machines boot with. Those of members that have left the definition are still described.
    pub(super) fn render_files(&self, defined: &Plan) -> Outcome<()> {
        let (ui, workspace) = (self.ui, &self.home.workspace);
        let all = self.record.as_ref();
        let all = all.filter(|_| self.driver.machines().is_some());
        match all.and_then(|record| record.with_all_members(defined)) {
            Some(all) if all.members.len() > defined.members.len() => {
                render_files(ui, workspace, &all)
            }
            _ => render_files(ui, workspace, defined),
        }
    }

    pub(super) fn announce(&self) {
        let count = many(self.plan.members.len(), "member");
        let (name, driver) = (&self.home.name, self.driver.name());
        let why = self.why_driver;
        self.ui
            .say(&format!("{name}: {count} with the {driver} driver ({why})"));
    }

    /// Undoes what a killed drill left, as far as that is possible before members are started.
    pub(super) fn undo_killed_drill(&self) -> Outcome<Option<Healed>> {
        let Some(journal) = Journal::read(&self.home)? else {
            return Ok(None);
        };
        let recorded = self.record.as_ref();
        let recorded = recorded.and_then(|record| record.tools(&self.home));
        let tools = match recorded {
            Some(tools) => tools,
            // Running members must not be joined by another version.
            None => self.tools(true)?.0,
        };
        let session = self.session(tools)?;
        self.ui.say(&format!(
            "undoing `{}`, which an interrupted drill left",
            journal.fault
        ));
        fault::heal_without_quorum(&session)
    }

    /// The condition of each member, and which of them to start.
    ///
    /// # Errors
    ///
    /// Refuses if so many members lost their data that no quorum is left.
    pub(super) fn choose_members(&mut self) -> Outcome<(Vec<Condition>, Start)> {
        let names = self.plan.names();
        let mut conditions = self.driver.conditions(&self.home, &names)?;
        if self.continue_the_halted(&names, &conditions)? {
            conditions = self.driver.conditions(&self.home, &names)?;
        }
        let had_data = match &self.record {
            Some(record) => record.had_data(),
            None if conditions.contains(&Condition::Stopped) => names.clone(),
            None => known_data::of(self.driver, &self.home, &self.plan.members),
        };
        let mut start = steps::start(&names, &conditions, &had_data);
        if self.driver.machines().is_none() {
            // Somebody else's members may answer at these addresses.
            let preflight = self
                .driver
                .preflight(&self.home, &self.plan, &start.names())?;
            self.ui.report(&preflight);
            let joining = {
                let sender = Sender::with(pki::client(&self.home, self.plan.scheme()));
                bootstrap::decide(&self.plan, &sender, self.record.is_some(), &mut start)?
            };
            self.record_ids(&joining)?;
        }
        // Its data would make it look for the cluster before.
        let left_out = self.record.as_ref().map(Record::left_out);
        for member in left_out.into_iter().flatten() {
            start.members.retain(|(name, _)| *name != member);
            if !start.lost.contains(&member) {
                start.lost.push(member);
            }
        }
        if names.len() - start.lost.len() < self.plan.quorum() {
            let is_left = |condition: &Condition| *condition != Condition::Absent;
            let others = if conditions.iter().any(is_left) {
                Others::HaveData
            } else {
                Others::None
            };
            let name = &self.home.name;
            let recorded = self.record.as_ref();
            let tools = recorded.and_then(|record| record.tools(&self.home));
            let way_back = tools.and_then(|tools| {
                let members = &self.plan.members;
                way_back::now(&self.home, self.driver, members, &tools, &had_data)
            });
            let refused = FailureKind::Refused;
            let replaceable = is_replaceable(&self.plan);
            return Err(lost(
                name,
                &start.lost,
                replaceable,
                others,
                way_back,
                refused,
            ));
        }
        Ok((conditions, start))
    }

    /// Records the IDs of members that somebody has added.
    fn record_ids(&mut self, joining: &[(HostName, EtcdId)]) -> Outcome<()> {
        let Some(record) = self.record.as_mut().filter(|_| !joining.is_empty()) else {
            return Ok(());
        };
        for (member, id) in joining {
            record.added(member, *id);
        }
        record.write(&self.home)?;
        self.plan = record.running(self.plan.clone());
        Ok(())
    }

    /// Continues members whose processes were halted: they hold their ports and locks but do not
    /// answer. Returns whether there were any.
    fn continue_the_halted(&self, names: &[HostName], conditions: &[Condition]) -> Outcome<bool> {
        let mut any = false;
        for (member, condition) in names.iter().zip(conditions) {
            if let (Condition::Halted { id }, Some(faults)) = (condition, self.driver.faults()) {
                faults.resume(&self.home, member)?;
                self.ui
                    .say(&format!("{member}: process {id} was halted; continuing it"));
                any = true;
            }
        }
        Ok(any)
    }

    /// Checks for obstacles, finds the binaries, and updates the record before anything is started.
    /// An unchanged record is not written again.
    pub(super) fn open_session(&self, conditions: &[Condition], start: &Start) -> Outcome<Session> {
        let Self {
            ui,
            home,
            driver,
            plan,
            record,
            ..
        } = self;
        ui.report(&driver.preflight(home, plan, &start.names())?);
        let any_runs = conditions.iter().any(Condition::is_running);
        if any_runs {
            match Pki::of(home).is_there() {
                true => pki::prepare(home, plan)?,
                false => pki::require_client(home, plan.scheme())?,
            }
        }
        if driver.machines().is_some() && !start.members.is_empty() {
            machine_box::have(*ui, &home.workspace, plan)?;
        }
        let chosen = self.tools(any_runs)?;
        match driver.machines() {
            Some(_) => etcd_choice::warn_of_client(*ui, plan, &chosen.0),
            None => etcd_choice::announce(*ui, plan, &chosen),
        }
        let mut session = self.session(chosen.0)?;
        if driver.machines().is_none() {
            session.record.start_for(session.defined.etcd.version);
        }
        session.record.use_tools(&session.tools);
        let is_left = |condition: &Condition| *condition != Condition::Absent;
        session.record.ids_are_guessed |= record.is_none() && conditions.iter().any(is_left);
        for member in known_data::of(*driver, home, &plan.members) {
            session.record.saw_data_of(&member);
        }
        for (member, condition) in plan.members.iter().zip(conditions) {
            if *condition == Condition::Stopped {
                session.record.saw_data_of(&member.name);
            }
        }
        if record.as_ref() != Some(&session.record) {
            session.record.write(home)?;
        }
        Ok(session)
    }

    /// The binaries to use. `any_runs`: whether any member is running.
    pub(super) fn tools(&self, any_runs: bool) -> Outcome<Chosen> {
        let (named, workspace) = (self.named(), &self.home.workspace);
        let record = self.record.as_ref();
        match self.driver.machines() {
            Some(_) => {
                let tools = etcd_choice::client(self.ui, named, workspace, record, &self.plan)?;
                Ok((tools, String::new()))
            }
            None => etcd_choice::choose(self.ui, named, workspace, record, any_runs, &self.plan),
        }
    }

    /// The folder with the binaries to use. An empty environment variable counts as unset.
    fn named(&self) -> Option<&Utf8Path> {
        let named = self.request.etcd_dir;
        named.filter(|folder| !folder.as_str().is_empty())
    }

    /// The cluster on these binaries. The record of a new cluster is not written yet.
    pub(super) fn session(&self, tools: Tools) -> Outcome<Session> {
        let file = self.plan.etcd.credentials.as_ref();
        // The certificate may not have been made yet.
        let tools = session::known(tools, &self.home, file)?
            .with(pki::client(&self.home, self.plan.scheme()));
        let plan = self.driver.run_by(&self.plan, &tools);
        let record = match &self.record {
            Some(record) => record.clone(),
            None => Record::new(self.driver.name(), &plan, &tools),
        };
        let defined = self.driver.run_by(&self.defined, &tools);
        Ok(Session {
            ui: self.ui,
            home: self.home.clone(),
            record,
            driver: self.driver,
            plan,
            defined,
            tools,
            next_tools: None,
        })
    }
}

/// Records which members have data by other evidence, before anything is done to them: an
/// interrupted `up` may not have recorded it, and other tasks keep their own notes.
fn note_data(record: &mut Record, driver: &dyn Driver, home: &Home) -> Outcome<()> {
    let noted = record.had_data();
    for member in known_data::of(driver, home, &record.members()) {
        record.saw_data_of(&member);
    }
    if record.had_data() != noted {
        record.write(home)?;
    }
    Ok(())
}
