//! Which members have or had data. Every task that sees data records it, because a member that once
//! had data must never be started without it.

use crate::driver::Driver;
use crate::observation::{Look, Status};
use crate::plan::Member;
use crate::state::{DataSeen, high_water_mark};
use crate::values::HostName;
use crate::workspace::Home;

/// The members that have or had data, by any evidence.
pub(super) fn of(driver: &dyn Driver, home: &Home, members: &[Member]) -> Vec<HostName> {
    // A revision is recorded only if every member reported one.
    let all_had_data = high_water_mark::saw_data_of_all(home, members);
    let noted = DataSeen::of(home).members();
    let names: Vec<HostName> = members.iter().map(|member| member.name.clone()).collect();
    let on_disk = driver.had_data(home, &names);
    let is_known = |name: &HostName| all_had_data || noted.contains(name) || on_disk.contains(name);
    names.into_iter().filter(is_known).collect()
}

/// Records the members whose data is visible on this host.
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

/// Records the members that answered: a member that knows its own ID has data. Answers are matched
/// by ID, not by the address that was queried.
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
