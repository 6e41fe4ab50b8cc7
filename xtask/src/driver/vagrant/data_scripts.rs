//! The scripts that replace a machine's etcd data, for a POSIX shell and as root. Each one can be
//! repeated, after whatever interrupted it.
//!
//! They run one after another: an interrupted task leaves its ssh running, and the next task must
//! not meet the rest of its work.

use crate::bootstrap::HANDED_OVER;
use crate::plan::flags::MACHINE_PKI;
use crate::process::quoted;

/// The folder that etcd's unit creates (`render/member_script.rs`). The names in the scripts are
/// relative to it.
pub(super) const FOLDER: &str = "/var/lib/etcd";

/// The folder of etcd's data in it.
pub(super) const DATA: &str = "data";

/// A complete copy of the restored data.
const DELIVERED: &str = "data-restored";

/// Keeps etcd's unit from being started by anybody, also after a reboot: the condition is about
/// this very file.
const HELD: &str = "/etc/systemd/system/etcd.service.d/restoring.conf";

/// The folder of a member's replaced data.
pub(super) fn aside(time: &str) -> String {
    format!("data-replaced-{time}")
}

/// Prints `yes` or `no`: whether the data can be renamed.
pub(super) fn is_movable() -> String {
    format!("if mountpoint -q {FOLDER}/{DATA}; then echo no; else echo yes; fi")
}

/// Receives the restored data as a tar archive. It gets its name once it is complete.
pub(super) fn deliver() -> String {
    in_the_folder(&format!(
        "rm -rf {DELIVERED}.part {DELIVERED}
trap 'rm -rf {DELIVERED}.part' EXIT
mkdir -m 700 {DELIVERED}.part
tar --extract --file=- --directory={DELIVERED}.part --no-same-owner
chown -R --reference=. {DELIVERED}.part
sync -f .
mv -T {DELIVERED}.part {DELIVERED}
sync -f ."
    ))
}

/// Stops etcd and keeps it stopped. A container may outlive its unit.
pub(super) fn halt() -> String {
    alone(&format!(
        "mkdir -p ${{held%/*}}
printf '[Unit]\\nConditionPathExists=!%s\\n' $held >$held
sync -f $held
systemctl daemon-reload
systemctl stop etcd.service
for comm in $(grep -slx etcd /proc/[0-9]*/comm); do
  if grep -qs data-dir={FOLDER}/{DATA} ${{comm%comm}}cmdline; then
    fail 'etcd still runs, although its unit was stopped'
  fi
done"
    ))
}

/// Moves the data aside, unless that was done already.
pub(super) fn set_aside(time: &str) -> String {
    let aside = aside(time);
    in_the_folder(&format!(
        "{ONLY_IF_HELD}
if [ -e {DATA} ] && [ ! -e {aside} ]; then mv -T {DATA} {aside}; fi
sync -f ."
    ))
}

/// Undoes that and [`deliver`].
pub(super) fn put_back(time: &str) -> String {
    let aside = aside(time);
    in_the_folder(&format!(
        "if [ -e {aside} ] && [ ! -e {DATA} ]; then mv -T {aside} {DATA}; fi
rm -rf {DELIVERED}.part {DELIVERED}
sync -f ."
    ))
}

/// Puts the delivered data in the place of etcd's data.
pub(super) fn place() -> String {
    in_the_folder(&format!(
        "if [ -e {DELIVERED} ]; then
  {ONLY_IF_HELD}
  mv -T {DELIVERED} {DATA}
fi
[ -e {DATA} ] || fail \"the restored data is gone from {FOLDER}\"
# It names a member of the cluster before.
rm -f {HANDED_OVER}
sync -f ."
    ))
}

/// Undoes [`halt`]. Whether etcd then runs shows later, when the task waits for the member.
pub(super) fn release() -> String {
    alone(
        "rm -f $held
rmdir ${held%/*} 2>/dev/null || true
sync -f /etc/systemd/system
systemctl daemon-reload
systemctl start --no-block etcd.service || true",
    )
}

/// Writes what a member joins.
pub(super) fn hand_over(text: &str) -> String {
    let text = quoted(text);
    alone(&format!(
        "printf %s {text} >{HANDED_OVER}.part
chmod 644 {HANDED_OVER}.part
sync -f {HANDED_OVER}.part
mv -T {HANDED_OVER}.part {HANDED_OVER}
sync -f {HANDED_OVER}"
    ))
}

/// What happens to an etcd that runs if other authorities are handed over. It would know them only at its next start.
#[derive(Debug, Clone, Copy)]
pub(super) enum NewAuthority {
    /// It is restarted.
    Restarts,
    /// Somebody restarts it later.
    Waits,
}

/// Receives the files of a member's certificate as a tar archive. As in `vagrant/Vagrantfile`, new files belong to the
/// owner of the old ones, and files that are the same are left alone: the time of the authorities tells whether etcd
/// knows them.
pub(super) fn receive_certificate(new_authority: NewAuthority) -> String {
    let then = match new_authority {
        NewAuthority::Restarts => "systemctl restart --no-block etcd.service",
        NewAuthority::Waits => ":",
    };
    alone(&format!(
        "umask 077
[ -d {MACHINE_PKI} ] || mkdir -m 700 {MACHINE_PKI}
cd {MACHINE_PKI}
trap 'rm -rf .received' EXIT
rm -rf .received
mkdir .received
tar --extract --touch --file=- --directory=.received --no-same-owner
for file in ca.crt member.key member.crt; do
  [ -s .received/$file ] || fail \"$file was not received\"
done
chmod 600 .received/*
chown --reference=. .received/*
changed=
for file in ca.crt member.key member.crt; do
  cmp -s .received/$file $file || {{
    mv -T .received/$file $file
    changed=\"$changed $file\"
  }}
done
sync -f .
case $changed in *ca.crt*) {then} ;; esac"
    ))
}

/// Restarts etcd. Whether it then serves shows later.
pub(super) fn restart() -> String {
    alone("systemctl stop etcd.service\nsystemctl start --no-block etcd.service")
}

/// Sends the data as a tar archive. Meanwhile etcd is stopped.
pub(super) fn copy() -> String {
    in_the_folder(&format!(
        "[ -d {DATA}/member ] || fail \"there is no data in {FOLDER}/{DATA}\"
case $(systemctl is-active etcd.service) in
  active | activating | reloading) trap 'systemctl start --no-block etcd.service' EXIT ;;
esac
systemctl stop etcd.service
tar --create --file=- --sparse --directory={DATA} ."
    ))
}

const ONLY_IF_HELD: &str = "[ -e $held ] || fail 'etcd is not kept from starting'";

fn in_the_folder(script: &str) -> String {
    alone(&format!(
        "[ -d {FOLDER} ] || mkdir -m 700 {FOLDER}\ncd {FOLDER}\n{script}"
    ))
}

fn alone(script: &str) -> String {
    format!(
        "set -eu
held={HELD}
fail() {{
  echo \"$*\" >&2
  exit 1
}}
exec 9>/run/xtask-restore.lock
flock -w 600 9 || fail 'an earlier restoration is still at work'
{script}"
    )
}
