//! Programs of a machine as programs of this host, for where this host does not reach the members'
//! addresses: `.state/<cluster>/inside/<member>/`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;

use super::machine::Machine;
use super::ssh;
use crate::atomic;
use crate::process::quoted;
use crate::values::HostName;
use crate::workspace::Home;

/// Makes a folder of scripts with these names, each of which hands its arguments to the program of that
/// name inside of the machine: what follows the name says how that is called there.
pub(super) fn programs(
    home: &Home,
    member: &HostName,
    programs: &[(&str, &str)],
) -> io::Result<Utf8PathBuf> {
    let folder = home.folder().join("inside").join(member.as_str());
    let machine = Machine::of(home, member);
    let config = quoted(ssh::config_file(home).as_str());
    let machine = quoted(machine.name());
    for (name, called) in programs {
        let script = format!(
            r#"#!/bin/sh
# {name} inside of the machine {machine}.
words=
for word; do
  # ssh has a shell take the words apart again.
  words="$words '$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'"
done
# One login for all that is asked at about the same time: each takes a machine some work, and sshd
# turns away who comes when too many are at its door. Its socket is in a folder where nobody else may
# write, with a path that fits into the 104 bytes that some systems have for it.
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
exec ssh -F {config} -o ConnectTimeout=10 -o ControlMaster=auto -o ControlPersist=10 \
  -o "ControlPath=$socket" {machine} -- "{called} $words"
"#
        );
        let path = folder.join(name);
        atomic::replace(&path, &script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}
