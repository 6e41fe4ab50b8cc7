use super::quote::yaml;
use super::{Target, generated_line};
use crate::plan::Plan;

/// The user-data, which sets up a machine at its first boot. One text serves all machines of a cluster.
pub(super) static USER_DATA: Target = Target {
    file: "user-data",
    render,
};

fn render(plan: &Plan) -> String {
    let cloud_config = (plan.machine.profile.cloud_config)(plan);
    let generated = generated_line(&plan.name);
    let document = yaml::document(&cloud_config);
    format!("#cloud-config\n{generated}\n{document}")
}
