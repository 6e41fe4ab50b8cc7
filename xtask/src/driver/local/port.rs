//! Whether a member's port is free, and who has it where it is not.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use crate::plan::{CLIENT_PORT, Member, PEER_PORT};
use crate::process;
use crate::report::Diagnostic;

/// The ports that every member listens on.
pub(super) const OF_A_MEMBER: [u16; 2] = [CLIENT_PORT, PEER_PORT];

/// What keeps a member from listening on a port, if anything does.
pub(super) fn taken(member: &Member, port: u16) -> Option<Diagnostic> {
    let address = SocketAddrV4::new(member.address, port);
    let error = TcpListener::bind(address).err()?;
    let name = &member.name;
    Some(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = holder(address);
            let who = holder.as_ref().map_or_else(
                || "another process (the system does not tell which)".to_owned(),
                |(id, command)| format!("process {id} (`{command}`)"),
            );
            let hint = holder.map_or_else(
                || format!("find it: `sudo ss -ltnp 'sport = :{port}'`"),
                |(id, _)| {
                    format!("end it (`kill {id}`), or give this cluster another `network.subnet`")
                },
            );
            Diagnostic::error(format!(
                "`{name}` cannot have {address}: {who} listens there"
            ))
            .note(
                "locally, a member at 192.168.56.101 listens on 127.168.56.101, at the same ports",
            )
            .hint(hint)
        }
        io::ErrorKind::AddrNotAvailable => {
            let ip = member.address;
            Diagnostic::error(format!("`{name}` cannot have {address}: this host has no such address"))
                .note("Linux has all of 127.0.0.0/8 on its loopback; other systems want each address added")
                .hint(format!("add it: `sudo ifconfig lo0 alias {ip} up`"))
        }
        _ => Diagnostic::error(format!("`{name}` cannot have {address}: {error}"))
            .note(
                "locally, a member at 192.168.56.101 listens on 127.168.56.101, at the same ports",
            )
            .hint("give this cluster another `network.subnet`"),
    })
}

/// The process that listens at the address, or at its port on every address. Linux tells the owner
/// of the process and root.
fn holder(address: SocketAddrV4) -> Option<(i32, String)> {
    let sockets = sockets(address);
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let id = ids.find(|id| {
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
