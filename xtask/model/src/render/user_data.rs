use super::quote::yaml;
use super::{Target, coreos, debian, flatcar, generated_line};
use crate::plan::Plan;
use crate::profile::Dialect;

/// What a machine does at its first boot. One text serves all machines of a cluster.
pub(super) static USER_DATA: Target = Target {
    file: "user-data",
    render,
};

fn render(plan: &Plan) -> String {
    let cloud_config = match plan.machine.profile.dialect {
        Dialect::CloudInit => debian::cloud_config(plan),
        Dialect::CoreosCloudinit => coreos::cloud_config(plan),
        Dialect::FlatcarCloudinit => flatcar::cloud_config(plan),
    };
    let generated = generated_line(&plan.name);
    let document = yaml::document(&cloud_config);
    format!("#cloud-config\n{generated}\n{document}")
}
