//! The box of a cluster's machines, if this project makes it.

use camino::Utf8Path;

use crate::boxes::{self, Order};
use crate::download::Limits;
use crate::plan::Plan;
use crate::profile::{CloudImage, MachineBox, Profile};
use crate::report::Outcome;
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Makes the box of a plan's machines if it is missing and this project makes it.
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
        "there is no box of {} yet; making one",
        profile.title
    ));
    boxes::make(&order, &ui.saying()).map(drop)
}

/// The order for a profile's box with the default settings.
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
