//! Local scripts that run programs inside a machine, for hosts that cannot reach the members'
//! addresses: `.state/<cluster>/inside/<member>/`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};

use super::machine::Machine;
use super::ssh;
use crate::atomic;
use crate::process::quoted;
use crate::values::HostName;
use crate::workspace::Home;

/// Writes scripts of these names to a folder. Each passes its arguments to a program inside the
/// machine; the second part of each pair is the command there.
pub(super) fn programs(
    folder: &Utf8Path,
    home: &Home,
    member: &HostName,
    programs: &[(&str, String)],
) -> io::Result<()> {
    let machine = Machine::of(home, member);
    let config = quoted(ssh::config_file(home).as_str());
    let machine = quoted(machine.name());
    for (name, called) in programs {
        let script = format!(
            r#"#!/bin/sh
# Runs {name} inside the machine {machine}.
words=
for word; do
  # The remote shell splits the words again.
  words="$words '$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'"
done
# Concurrent calls share one login: each login costs a machine some work, and sshd rejects connections
# when too many are waiting. The socket is in a folder where nobody else may write, with a path that
# fits into the 104 bytes that some systems allow.
folder=${{XDG_RUNTIME_DIR:-}}
if [ -z "$folder" ] || [ "${{#folder}}" -gt 36 ]; then
  folder=/tmp/xtask-$(id -u)
  mkdir -m 700 "$folder" 2>/dev/null
fi
socket=none
set -- $(ls -ldn "$folder")
case $1 in
  drwx------*) [ "$3" = "$(id -u)" ] && socket=$folder/xtask-%C ;;
esac
login() {{
  ssh -F {config} -o ConnectTimeout=10 -o ControlMaster=auto -o ControlPersist=10 \
    -o "ControlPath=$socket" {machine} -- "$1 {called} $words"
}}
# The process list shows every argument, so a user of etcd is passed on otherwise.
if [ -n "${{ETCDCTL_USER-}}" ]; then
  printf '%s\n' "$ETCDCTL_USER" | login 'IFS= read -r ETCDCTL_USER; export ETCDCTL_USER;'
else
  login ''
fi
"#
        );
        let path = folder.join(name);
        atomic::replace(&path, &script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The folder of a member's scripts.
pub(super) fn folder(home: &Home, member: &HostName) -> Utf8PathBuf {
    home.folder().join("inside").join(member.as_str())
}
