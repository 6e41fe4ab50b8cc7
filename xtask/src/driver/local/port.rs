//! Whether a member's port is free, and who has it where it is not.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use camino::{Utf8Path, Utf8PathBuf};

use super::process::data_folder;
use crate::plan::{CLIENT_PORT, Member, PEER_PORT};
use crate::process;
use crate::report::Diagnostic;
use crate::values::HostName;

/// The ports that every member listens on.
pub(super) const OF_A_MEMBER: [u16; 2] = [CLIENT_PORT, PEER_PORT];

/// What keeps a member from listening on a port, if anything does.
pub(super) fn taken(member: &Member, port: u16) -> Option<Diagnostic> {
    let address = SocketAddrV4::new(member.address, port);
    let error = TcpListener::bind(address).err()?;
    let name = &member.name;
    Some(match error.kind() {
        io::ErrorKind::AddrInUse => in_use(name, address),
        io::ErrorKind::AddrNotAvailable => {
            let ip = member.address;
            Diagnostic::error(format!("`{name}` cannot have {address}: this host has no such address"))
                .note("Linux has all of 127.0.0.0/8 on its loopback; other systems want each address added")
                .hint(format!("add it: `sudo ifconfig lo0 alias {ip} up`"))
        }
        _ => Diagnostic::error(format!("`{name}` cannot have {address}: {error}"))
            .note(ADDRESSES)
            .hint("give this cluster another `network.subnet`"),
    })
}

fn in_use(member: &HostName, address: SocketAddrV4) -> Diagnostic {
    let taken = |by: &str| {
        Diagnostic::error(format!(
            "`{member}` cannot have {address}: {by} listens there"
        ))
    };
    let port = address.port();
    let Some((id, command)) = holder(address) else {
        return taken("another process (the system does not tell which)")
            .note(ADDRESSES)
            .hint(format!("find it: `sudo ss -ltnp 'sport = :{port}'`"));
    };
    if let Some(other) = data_folder(id).and_then(|data| OtherMember::at(&data)) {
        let OtherMember {
            name,
            cluster,
            root,
        } = other;
        let folder = process::quoted(root.as_str());
        return taken(&format!(
            "`{name}` of cluster `{cluster}` in `{root}` (process {id})"
        ))
        .note("clusters with the same addresses cannot run at the same time on one host")
        .hint(format!(
            "stop that cluster: `cd {folder} && cargo xtask down {cluster}`"
        ))
        .hint("or give this one another `network.subnet`");
    }
    taken(&format!("process {id} (`{command}`)"))
        .note(ADDRESSES)
        .hint(format!(
            "end it (`kill {id}`), or give this cluster another `network.subnet`"
        ))
}

const ADDRESSES: &str =
    "locally, a member at 192.168.56.101 listens on 127.168.56.101, at the same ports";

/// A member of a cluster that another workspace has started, or another definition.
struct OtherMember {
    name: String,
    cluster: String,
    root: Utf8PathBuf,
}

impl OtherMember {
    /// The member that keeps its data here: `<root>/.state/<cluster>/members/<name>/data`.
    fn at(data: &Utf8Path) -> Option<Self> {
        let [_data, name, members, cluster, state, root] = first_six(data)?;
        let is_ours = members.file_name() == Some("members") && state.file_name() == Some(".state");
        is_ours.then_some(Self {
            name: name.file_name()?.to_owned(),
            cluster: cluster.file_name()?.to_owned(),
            root: root.to_owned(),
        })
    }
}

fn first_six(path: &Utf8Path) -> Option<[&Utf8Path; 6]> {
    let folders: Vec<&Utf8Path> = path.ancestors().take(6).collect();
    folders.try_into().ok()
}

/// The process that listens at the address, or at its port on every address. Linux tells the owner
/// of the process and root.
fn holder(address: SocketAddrV4) -> Option<(i32, String)> {
    let sockets = sockets(address);
    let id = process::all().into_iter().find(|id| {
        let files = fs::read_dir(format!("/proc/{id}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
    })?;
    let command = process::command_line(id)?.join(" ");
    let short: String = command
        .chars()
        .filter(|c| !c.is_control())
        .take(60)
        .collect();
    Some((id, short))
}

/// The listening sockets in question, as `/proc/<pid>/fd` names them. `/proc/net/tcp` gives address
/// and port in hexadecimal, the address in the host's byte order, and state `0A` for listening
/// (Linux, Documentation/networking/proc_net_tcp.rst).
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
