//! The command lines of this program for one cluster, as hints print them. The name `default` is omitted.

use crate::plan::Plan;
use crate::values::{ClusterName, HostName};

/// The command line of a task for this cluster.
pub fn task(plan: &Plan, task: &str) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask {task}"),
        name => format!("cargo xtask {task} {name}"),
    }
}

/// The command line that shows a member's log.
pub fn logs(plan: &Plan, member: &HostName) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask logs {member}"),
        name => format!("cargo xtask logs {member} --cluster {name}"),
    }
}

/// The command line that logs in to a member's machine.
pub fn ssh(plan: &Plan, member: &HostName) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask ssh {member}"),
        name => format!("cargo xtask ssh --cluster {name} {member}"),
    }
}

/// The command line that runs etcdctl against this cluster.
pub fn etcdctl(plan: &Plan, arguments: &str) -> String {
    match plan.name.as_str() {
        "default" => format!("cargo xtask etcdctl -- {arguments}"),
        name => format!("cargo xtask etcdctl --cluster {name} -- {arguments}"),
    }
}

/// The command line that replaces a member.
pub fn replace(cluster: &ClusterName, member: &HostName) -> String {
    match cluster.as_str() {
        "default" => format!("cargo xtask replace {member}"),
        name => format!("cargo xtask replace {member} --cluster {name}"),
    }
}

/// The command line that shows the steps to an edited definition.
pub fn plan(cluster: &ClusterName) -> String {
    match cluster.as_str() {
        "default" => "cargo xtask plan".to_owned(),
        name => format!("cargo xtask plan {name}"),
    }
}

/// The command line that renews the certificates of a cluster.
pub fn renew_certificates(cluster: &ClusterName) -> String {
    format!("cargo xtask certs --renew {cluster}")
}

/// The command line that restarts all members.
pub fn restart(plan: &Plan) -> String {
    match plan.name.as_str() {
        "default" => "cargo xtask restart".to_owned(),
        name => format!("cargo xtask restart --cluster {name}"),
    }
}
