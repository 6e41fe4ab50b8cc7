//! What is known of members' data. It is noted by every task that sees it: a member that had data once
//! must never be started without it.

use crate::driver::Driver;
use crate::observation::{Look, Status};
use crate::plan::Member;
use crate::state::{DataSeen, high_water_mark};
use crate::values::HostName;
use crate::workspace::Home;

/// The members that have data, or had some once, by anything that tells of it.
pub(super) fn of(driver: &dyn Driver, home: &Home, members: &[Member]) -> Vec<HostName> {
    // A revision is only noted where every member has told one.
    let all_had_data = high_water_mark::tells_of(home, members);
    let noted = DataSeen::of(home).members();
    let names: Vec<HostName> = members.iter().map(|member| member.name.clone()).collect();
    let on_disk = driver.had_data(home, &names);
    let is_known = |name: &HostName| all_had_data || noted.contains(name) || on_disk.contains(name);
    names.into_iter().filter(is_known).collect()
}

/// Notes the members of which this host shows that they have data.
pub(super) fn note_on_disk(
    data: &DataSeen,
    driver: &dyn Driver,
    home: &Home,
    members: &[HostName],
) {
    for member in driver.had_data(home, members) {
        data.note(&member);
    }
}

/// Notes the members that have answered: whoever knows its own ID has data. Only those that bear the ID of
/// one of these members count, whichever of them was asked.
pub(super) fn note_answers<'a>(
    data: &DataSeen,
    members: &[Member],
    looks: impl IntoIterator<Item = &'a Look<Status>>,
) {
    for status in looks.into_iter().filter_map(Look::seen) {
        let answers = members.iter().find(|member| member.id == status.member_id);
        if let Some(member) = answers {
            data.note(&member.name);
        }
    }
}
