//! Whether Vagrant can be expected to work here, by nothing but a look at files.

use std::os::unix::net::UnixStream;

/// Why Vagrant cannot run machines on this host; nothing where it probably can.
pub fn why_not_usable() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let sockets = ["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"];
    let answers = |socket: &str| UnixStream::connect(socket).is_ok();
    if !is_there("vagrant") {
        Some("this host has no Vagrant")
    } else if sockets.iter().any(|socket| answers(socket)) || is_there("VBoxManage") {
        None
    } else {
        Some("Vagrant finds neither a running libvirt nor VirtualBox here")
    }
}
