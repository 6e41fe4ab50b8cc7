//! The container image of etcd.

use crate::plan::Plan;
use crate::plan::flags::{Certificate, MACHINE_PKI};
use crate::values::EtcdVersion;

/// The image with its tag.
///
/// The etcd project publishes primarily on gcr.io/etcd-development/etcd since 3.2.5; older versions are on
/// quay.io/coreos/etcd (etcd's guide to running it in a container).
pub(super) fn image(plan: &Plan) -> String {
    let version = plan.version();
    let usual = || {
        if version < EtcdVersion::new(3, 2, 5) {
            "quay.io/coreos/etcd".to_owned()
        } else {
            "gcr.io/etcd-development/etcd".to_owned()
        }
    };
    let name = plan
        .etcd
        .image
        .as_ref()
        .map_or_else(usual, ToString::to_string);
    format!("{name}:v{version}")
}

/// The program to put before the flags. Images of 2.x have it as their entry point, later ones have none.
pub(super) fn program(plan: &Plan) -> Option<&'static str> {
    (!plan.version().is_v2()).then_some("/usr/local/bin/etcd")
}

/// The options of a container that show it the member's certificate, and name it to an etcdctl that runs in it.
pub(super) fn certificate(plan: &Plan) -> Vec<String> {
    if !plan.etcd.tls {
        return Vec::new();
    }
    let certificate = Certificate::on_machine();
    let variables = certificate.etcdctl_variables();
    let variables = variables.map(|(name, file)| format!("--env={name}={file}"));
    let mut options = vec![format!("--volume={MACHINE_PKI}:{MACHINE_PKI}:ro")];
    options.extend(variables);
    options
}
