//! The steps that change the cluster's list of members.

use super::present::{self, Present};
use super::work::{Work, listed};
use super::{downgrade, machines};
use crate::change::apply::{Joining, Known, Leaving, Life};
use crate::lifecycle::backup::{self, BackupRequest};
use crate::lifecycle::membership_change::MembershipChange;
use crate::lifecycle::{replace_data, restart};
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::HostName;

impl Work {
    pub(super) fn add(
        &self,
        session: &mut Session,
        present: &Present,
        member: &Member,
        stage: Joining,
    ) -> Outcome<()> {
        let name = &member.name;
        if !matches!(stage, Joining::Promote(_)) {
            downgrade::cancel(session)?;
        }
        match stage {
            Joining::Add => {
                self.preflight(session, member)?;
                let id = self.change(session, present, member)?.add()?;
                self.ui
                    .say(&format!("{name}: added to the cluster as {id}"));
                Ok(())
            }
            Joining::Start(id) => {
                let (joined, mut in_transit) = present.state.settled();
                in_transit.retain(|one| one.name != *name);
                in_transit.push(Member {
                    id,
                    ..member.clone()
                });
                present::record(session, &joined, &in_transit)?;
                let plan = listed(session, present, &session.tools);
                self.change(session, present, member)?.start(&plan, id)
            }
            Joining::Promote(id) => self.change(session, present, member)?.promote(id),
        }
    }

    pub(super) fn remove(
        &mut self,
        session: &mut Session,
        present: &Present,
        one: &Known,
        id: EtcdId,
    ) -> Outcome<()> {
        if let Some(place) = &one.place {
            refuse_immovable(session, &place.name)?;
        }
        if !self.is_backed_up && one.is_voter() {
            backup::take_locked(self.ui, &session.home, BackupRequest::default())?;
            self.is_backed_up = true;
        }
        if let Some(place) = &one.place {
            restart::hand_over(session, &place.name);
        }
        let (mut joined, mut in_transit) = present.state.settled();
        let leaving = joined.iter().position(|member| member.id == id);
        in_transit.extend(leaving.map(|at| joined.remove(at)));
        present::record(session, &joined, &in_transit)?;
        let who = if one.name.is_empty() {
            "a member that never started".to_owned()
        } else {
            one.name.escape_debug().to_string()
        };
        self.ui
            .say(&format!("removing {who} ({id}) from the cluster"));
        // The leader may be another one now, so the list is read from a member that stays.
        let Some((asked, applied)) = present.asked(&one.name) else {
            return Ok(());
        };
        MembershipChange {
            session,
            asked,
            applied: *applied,
            member: one.place.as_ref().unwrap_or(asked),
            go_on: self.go_on.clone(),
        }
        .remove(id)?;
        match one.life {
            Life::Running | Life::Halted => self.clear(session, present, one, Leaving::Stop),
            Life::Stopped | Life::Unusable | Life::Absent => Ok(()),
        }
    }

    /// Stops a removed member, or moves its data aside and forgets it.
    pub(super) fn clear(
        &mut self,
        session: &mut Session,
        present: &Present,
        one: &Known,
        stage: Leaving,
    ) -> Outcome<()> {
        let Some(place) = one.place.as_ref().or(one.defined.as_ref()) else {
            return Ok(());
        };
        let name = &place.name;
        let members = std::slice::from_ref(name);
        let (home, data) = (session.home.clone(), session.driver.data());
        if stage == Leaving::Stop {
            data.halt(&home, members, &self.ui.saying())?;
            self.ui.say(&format!("{name}: stopped"));
            return Ok(());
        }
        if let Some(machines) = session.driver.machines() {
            machines::let_go(session, machines, name)?;
        } else {
            let time = replace_data::unused_time(session.driver, &home, members);
            data.set_aside(&home, members, &time)?;
            if let Some(aside) = data.aside(&home, name, &time) {
                self.ui.say(&format!("{name}: its data is kept: {aside}"));
            }
        }
        let (joined, mut in_transit) = present.state.settled();
        in_transit.retain(|one| one.name != *name);
        present::record(session, &joined, &in_transit).map(drop)
    }

    pub(super) fn update(
        &self,
        session: &Session,
        present: &Present,
        one: &Known,
        to: &Member,
    ) -> Outcome<()> {
        let Some(id) = one.id() else {
            return Ok(());
        };
        self.preflight_move(session, one, to)?;
        // Until it runs there, the others cannot reach it.
        restart::hand_over(session, &to.name);
        self.change(session, present, to)?.update(id)?;
        let url = to.peer_url();
        self.ui
            .say(&format!("{}: its peer URL is now {url}", to.name));
        Ok(())
    }
}

/// Fails if a later step would fail, when the member has already left the cluster.
fn refuse_immovable(session: &Session, name: &HostName) -> Outcome<()> {
    let data = session.driver.data();
    let immovable = data.immovable(&session.home, std::slice::from_ref(name));
    match immovable.first() {
        None => Ok(()),
        Some((member, why)) => Err(Failure::refused(
            Diagnostic::error(format!(
                "the data of `{member}` cannot be moved aside: {why}"
            ))
            .note("it stays a member of the cluster"),
        )),
    }
}
