use serde::{Deserialize, Serialize};

/// The ports of every member of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The port on which members serve clients.
    pub client: u16,
    /// The port that members use among themselves.
    pub peer: u16,
}

/// etcd's ports (IANA: `etcd-client` and `etcd-server`).
impl Default for Ports {
    fn default() -> Self {
        Self {
            client: 2379,
            peer: 2380,
        }
    }
}
