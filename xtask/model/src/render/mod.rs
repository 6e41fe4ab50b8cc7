//! Rendered files: one source file per target, and one line in [`TARGETS`].

mod config_rb;
pub(crate) mod coreos;
pub(crate) mod debian;
pub(crate) mod flatcar;
mod image;
mod install_script;
mod member_script;
pub mod quote;
mod user_data;
mod write_files;

use camino::Utf8PathBuf;
use sha2::{Digest, Sha256};

use crate::plan::Plan;
use crate::profile::Runtime;
use crate::values::ClusterName;
pub use member_script::LOST_DATA;

/// Every target that a definition is rendered to.
pub static TARGETS: &[&Target] = &[&user_data::USER_DATA, &config_rb::CONFIG_RB];

/// A kind of rendered file.
#[derive(Debug)]
pub struct Target {
    /// Its file name in the cluster's folder.
    pub file: &'static str,
    /// Renders its text, including the line that marks it as generated.
    pub render: fn(&Plan) -> String,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its path, relative to the workspace.
    pub path: Utf8PathBuf,
    /// Its text.
    pub text: String,
}

/// Renders every file of a plan.
pub fn render(plan: &Plan) -> Vec<Rendered> {
    let folder = folder(&plan.name);
    TARGETS
        .iter()
        .map(|target| Rendered {
            path: folder.join(target.file),
            text: (target.render)(plan),
        })
        .collect()
}

/// Renders the user-data of a plan's machines.
pub fn user_data(plan: &Plan) -> String {
    (user_data::USER_DATA.render)(plan)
}

/// Whether machines can install the plan's version: releases only with a known checksum.
pub fn can_install(plan: &Plan) -> bool {
    plan.etcd.runtime != Runtime::Release || install_script::has_checksum(plan)
}

/// The SHA-256 of a plan's user-data, in lower-case hexadecimal digits, which identifies the user-data that a
/// machine was set up with.
pub fn user_data_sha256(plan: &Plan) -> String {
    let digest = Sha256::digest(user_data(plan));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of a cluster's rendered files, relative to the workspace. It is `vagrant` itself for `default`,
/// so that plain `vagrant up` there means that cluster.
pub fn folder(name: &ClusterName) -> Utf8PathBuf {
    let vagrant = Utf8PathBuf::from("vagrant");
    match name.as_str() {
        "default" => vagrant,
        other => vagrant.join(other),
    }
}

/// The second line of every rendered file.
pub fn generated_line(name: &ClusterName) -> String {
    format!("{GENERATED_FROM}{name}.toml by `cargo xtask render`: change that file, not this one.")
}

/// Whether a file is marked as rendered, and may therefore be replaced or removed.
pub fn is_generated(text: &str) -> bool {
    text.lines()
        .nth(1)
        .is_some_and(|line| line.starts_with(GENERATED_FROM))
}

const GENERATED_FROM: &str = "# Generated from cluster/";
