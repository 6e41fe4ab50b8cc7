use super::{ClusterName, HostName, text_value};

/// Vagrant's name for a member's machine.
///
/// Vagrant keeps the machines of all clusters side by side, so only those of `default` have the names of
/// their hosts; the others are prefixed with their cluster's name. `vagrant/Vagrantfile` does the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineName(String);

text_value!(MachineName);

impl MachineName {
    /// The name of this member's machine.
    pub fn of(cluster: &ClusterName, member: &HostName) -> Self {
        Self(format!("{}{member}", Self::prefix(cluster)))
    }

    /// The prefix of the names of a cluster's machines. It ends in a character that no cluster's and no
    /// member's name contains, so that each name belongs to one cluster. libvirt and VirtualBox both allow
    /// it.
    pub fn prefix(cluster: &ClusterName) -> String {
        match cluster.as_str() {
            "default" => String::new(),
            name => format!("{name}_"),
        }
    }

    /// The member of this cluster whose machine has this name; none if it is another cluster's machine.
    pub fn member(cluster: &ClusterName, machine: &str) -> Option<HostName> {
        machine.strip_prefix(&Self::prefix(cluster))?.parse().ok()
    }
}
