//! The container image of etcd.

use crate::plan::Plan;
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
