//! Checks whether a member's ports are free, and finds the process that uses them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use camino::{Utf8Path, Utf8PathBuf};

use super::process::data_folder;
use crate::hint::Hint;
use crate::plan::Member;
use crate::process;
use crate::report::Diagnostic;
use crate::values::HostName;
use crate::wording::list_of_words;

/// The obstacles to listening on the members' ports, one diagnostic for each cause.
pub(super) fn obstacles<'a>(members: impl Iterator<Item = &'a Member>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut others: Vec<(OtherCluster, Vec<&HostName>)> = Vec::new();
    for member in members {
        for address in [member.client_socket(), member.peer_socket()] {
            let Err(error) = TcpListener::bind(address) else {
                continue;
            };
            let holder = match error.kind() {
                io::ErrorKind::AddrInUse => holder(address),
                _ => None,
            };
            match holder.and_then(OtherCluster::of) {
                None => diagnostics.push(obstacle(&member.name, address, &error, holder)),
                Some(other) => match others.iter_mut().find(|(known, _)| *known == other) {
                    None => others.push((other, vec![&member.name])),
                    Some((_, names)) if names.contains(&&member.name) => {}
                    Some((_, names)) => names.push(&member.name),
                },
            }
        }
    }
    diagnostics.extend(others.iter().map(|(other, names)| other.obstacle(names)));
    diagnostics
}

/// A member's address and peer port are a part of its identity.
const ANOTHER_SUBNET: &str = "or, if this cluster was never started, choose another \
    `network.subnet`, or another `etcd.client_port` and `etcd.peer_port`";

fn obstacle(
    member: &HostName,
    address: SocketAddrV4,
    error: &io::Error,
    holder: Option<i32>,
) -> Diagnostic {
    let refused = |why: &str| Diagnostic::error(format!("`{member}` cannot use {address}: {why}"));
    match (error.kind(), holder) {
        (io::ErrorKind::AddrInUse, Some(id)) => {
            let command = short_command_line(id);
            refused(&format!("process {id} (`{command}`) is listening there"))
                .note(ADDRESSES)
                .hint(Hint::heals("stop it", [format!("kill {id}")]))
                .hint(ANOTHER_SUBNET)
        }
        (io::ErrorKind::AddrInUse, None) => {
            let port = address.port();
            refused("another process is listening there (the system does not say which)")
                .note(ADDRESSES)
                .hint(Hint::informs(
                    "find it",
                    [format!("sudo ss -ltnp 'sport = :{port}'")],
                ))
        }
        (io::ErrorKind::AddrNotAvailable, _) => {
            let ip = address.ip();
            refused("this host has no such address")
                .note("Linux has all of 127.0.0.0/8 on its loopback interface; other systems need each address added")
                .hint(Hint::heals("add it", [format!("sudo ifconfig lo0 alias {ip} up")]))
        }
        _ => refused(&error.to_string())
            .note(ADDRESSES)
            .hint(ANOTHER_SUBNET),
    }
}

const ADDRESSES: &str = "with the local driver, a member at 192.168.56.101 listens on 127.168.56.101, on the same ports";

/// A cluster of another workspace or another definition.
#[derive(Debug, PartialEq, Eq)]
struct OtherCluster {
    name: String,
    root: Utf8PathBuf,
}

impl OtherCluster {
    /// The cluster that a process belongs to, by the path of its data:
    /// `<root>/.state/<cluster>/members/<member>/data`.
    fn of(id: i32) -> Option<Self> {
        let data = data_folder(id)?;
        let folders: Vec<&Utf8Path> = data.ancestors().take(6).collect();
        let [_data, _member, members, cluster, state, root] = folders[..] else {
            return None;
        };
        let is_ours = members.ends_with("members") && state.ends_with(".state");
        is_ours.then_some(Self {
            name: cluster.file_name()?.to_owned(),
            root: root.to_owned(),
        })
    }

    fn obstacle(&self, members: &[&HostName]) -> Diagnostic {
        let Self { name, root } = self;
        let folder = process::quoted(root.as_str());
        Diagnostic::error(format!(
            "cluster `{name}` in `{root}` uses the addresses and ports of {}",
            list_of_words(members)
        ))
        .note("clusters with the same addresses and ports cannot run at the same time on one host")
        .hint(Hint::heals(
            "stop it",
            [format!("cd {folder} && cargo xtask down {name}")],
        ))
        .hint(ANOTHER_SUBNET)
    }
}

/// The process that listens at the address, or at its port on all addresses. Linux shows it to the
/// process's owner and to root.
fn holder(address: SocketAddrV4) -> Option<i32> {
    let sockets = sockets(address);
    process::all().into_iter().find(|id| {
        let files = fs::read_dir(format!("/proc/{id}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
    })
}

fn short_command_line(id: i32) -> String {
    let words = process::command_line(id).unwrap_or_default().join(" ");
    let printable = words.chars().filter(|c| !c.is_control());
    printable.take(60).collect()
}

/// The listening sockets for this address, as `/proc/<pid>/fd` names them. `/proc/net/tcp` lists
/// address and port in hexadecimal, the address in the host's byte order, and state `0A` for
/// listening (Linux, Documentation/networking/proc_net_tcp.rst).
fn sockets(address: SocketAddrV4) -> BTreeSet<String> {
    let hex = |ip: Ipv4Addr| {
        format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(ip.octets()),
            address.port()
        )
    };
    let wanted = [hex(*address.ip()), hex(Ipv4Addr::UNSPECIFIED)];
    let any_v6 = format!("{:032X}:{:04X}", 0, address.port());
    let mut sockets = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table)
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields[..]
                && (wanted.iter().any(|wanted| wanted == local) || local == any_v6)
            {
                sockets.insert(format!("socket:[{inode}]"));
            }
        }
    }
    sockets
}
