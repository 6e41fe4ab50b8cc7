//! Valid values: each type can only be made by a parser that refuses what is not allowed.

mod architecture;
mod channel;
mod cluster_name;
mod compaction;
mod driver_name;
mod etcd_version;
mod flag;
mod folder;
mod host_name;
mod image_name;
mod image_version;
mod loopback;
mod machine_name;
mod name_prefix;
mod ports;
pub mod quantity;
mod release_url;
mod scheme;
mod sha256;
mod subnet;
mod token;
mod user_data_file;
mod virtualization;

pub use architecture::Architecture;
pub use channel::Channel;
pub use cluster_name::ClusterName;
pub use compaction::Compaction;
pub use driver_name::DriverName;
pub use etcd_version::EtcdVersion;
pub use flag::{FlagName, FlagValue};
pub use folder::{GuestFolder, HostFile, HostFolder};
pub use host_name::HostName;
pub use image_name::ImageName;
pub use image_version::ImageVersion;
pub use loopback::loopback;
pub use machine_name::MachineName;
pub use name_prefix::NamePrefix;
pub use ports::Ports;
pub use release_url::ReleaseUrl;
pub use scheme::Scheme;
pub use sha256::Sha256;
pub use subnet::Subnet;
pub use token::Token;
pub use user_data_file::UserDataFile;
pub use virtualization::Virtualization;

/// Why a text is not a value of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, as a lowercase fact.
    pub why: String,
    /// What would be valid.
    pub hint: String,
}

impl Refused {
    /// Refuses a text for this reason, a lowercase fact, and says what would be valid.
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            hint: hint.into(),
        }
    }

    /// Refuses a text for one character in it.
    pub fn character(character: char, kind: &str, hint: impl Into<String>) -> Self {
        let shown = character.escape_debug();
        Self::new(format!("`{shown}` is not allowed in {kind}"), hint)
    }
}

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.why, self.hint)
    }
}

/// Implements what every text-like value needs: reading it as text, and printing it.
macro_rules! text_value {
    ($name:ident) => {
        impl $name {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}
use text_value;
