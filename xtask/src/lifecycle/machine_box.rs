//! The box that a cluster's machines boot from, where it is made here.

use camino::Utf8Path;

use crate::boxes::{self, Order};
use crate::download::Limits;
use crate::plan::Plan;
use crate::profile::{CloudImage, MachineBox, Profile};
use crate::report::Outcome;
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Makes the box of a plan's machines where it is made here and is not there.
///
/// # Errors
/// Fails where it cannot be made.
pub(super) fn have(ui: Ui, workspace: &Workspace, plan: &Plan) -> Outcome<()> {
    let profile = plan.machine.profile;
    let MachineBox::Made(image) = &profile.machine_box else {
        return Ok(());
    };
    let cache = workspace.cache();
    let order = order(profile, image, &cache);
    if boxes::made(&order)?.is_some() {
        return Ok(());
    }
    ui.say(&format!(
        "there is no box of {} yet: making it",
        profile.title
    ));
    boxes::make(&order, &ui.saying()).map(drop)
}

/// The box of a profile, as it is made unless its user wants another.
pub fn order<'a>(profile: &'a Profile, image: &'a CloudImage, cache: &'a Utf8Path) -> Order<'a> {
    Order {
        profile: profile.id,
        title: profile.title,
        image,
        other_image: None,
        from: None,
        cache,
        limits: Limits::USUAL,
    }
}
