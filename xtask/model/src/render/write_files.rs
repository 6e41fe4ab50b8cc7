//! Entries of a cloud-config's `write_files`, which both cloud-init and coreos-cloudinit support.

use serde_yaml::Value;

use super::quote::yaml;

/// An entry of `write_files` for a program.
pub(super) fn program(path: &str, content: String) -> Value {
    yaml::mapping([
        ("path", path.into()),
        ("permissions", "0755".into()),
        ("content", content.into()),
    ])
}

/// An entry of `write_files` for a text.
pub(super) fn text_file(path: &str, content: String) -> Value {
    yaml::mapping([
        ("path", path.into()),
        ("permissions", "0644".into()),
        ("content", content.into()),
    ])
}
