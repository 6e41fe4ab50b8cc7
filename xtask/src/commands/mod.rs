//! One small file per task, which connects the layers below.

use clap::Args;

use crate::values::ClusterName;

pub mod adopt;
pub mod apply;
pub mod backup;
pub mod certs;
pub mod completions;
pub mod defrag;
pub mod destroy;
pub mod doctor;
pub mod down;
pub mod drill;
pub mod env;
pub mod etcdctl;
mod exit;
pub mod help;
pub mod identity;
pub mod list;
pub mod logs;
pub mod machine_box;
pub mod plan;
pub mod render;
pub mod replace;
pub mod restart;
pub mod restore;
pub mod schema;
pub mod ssh;
pub mod status;
pub mod test;
pub mod up;
pub mod verify;

pub use exit::Exit;

// A doc comment here would replace the doc comment of each struct that flattens this one.
#[allow(missing_docs, reason = "the comment above says why")]
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(value_name = "NAME", default_value = "default")]
    pub name: ClusterName,
}
