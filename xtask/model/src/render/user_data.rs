use std::fmt::Write;

use super::quote::yaml;
use super::{Target, generated_line};
use crate::plan::Plan;

/// The user-data, which sets up a machine at its first boot. One text serves all machines of a cluster.
pub(super) static USER_DATA: Target = Target {
    file: "user-data",
    render,
};

fn render(plan: &Plan) -> String {
    let mut cloud_config = (plan.machine.profile.cloud_config)(plan);
    let mut header = format!("#cloud-config\n{}\n", generated_line(&plan.name));
    if let Some(extra) = &plan.machine.user_data {
        // The definition was refused if anything collides.
        let _ = extra.merge_into(&mut cloud_config);
        let path = &extra.source.path;
        let _ = writeln!(header, "# {path} is merged into it.");
    }
    header + &yaml::document(&cloud_config)
}
