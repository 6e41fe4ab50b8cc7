//! The program that starts a machine's member. One text serves every machine of a cluster, so it
//! looks up the machine's host name to know which member it is.

use std::fmt::Write;

use super::quote::shell;
use crate::bootstrap::HANDED_OVER;
use crate::command_line;
use crate::plan::Plan;
use crate::plan::flags::{self, Certificate, FlagOrigin, MemberFlags};
use crate::values::Ports;

/// The folder that the unit creates for etcd (`StateDirectory=etcd`), in which etcd creates its data folder.
pub(super) const STATE_DIR: &str = "/var/lib/etcd";

/// What the member's data leaves behind when it is lost. It is beside the data folder, which may be on a disk
/// of its own.
const HAD_DATA: &str = "/var/lib/etcd/had-data";

/// What a member without data does: the same as `bootstrap.rs` decides.
const BOOTSTRAP: &str = include_str!("bootstrap.sh");

/// The exit status if the machine's name is not a member's: `EX_CONFIG` of sysexits.h. The unit does not
/// retry, because that would not help.
pub(super) const NOT_A_MEMBER: i32 = 78;

/// The exit status of a member that has lost its data: `EX_NOINPUT` of sysexits.h. The unit does not retry.
pub const LOST_DATA: i32 = 66;

/// The whole program. The flags are appended to `command`, which has one word or option per item and is shell
/// code, not text.
pub(super) fn script(plan: &Plan, command: &[String]) -> String {
    let cluster = &plan.name;
    let mut script = format!(
        r#"#!/bin/sh
# Starts this machine's member of the cluster `{cluster}`: the one with the machine's name.
set -eu

name=$(uname -n)
name=${{name%%.*}}
case $name in
"#
    );
    for member in &plan.members {
        let _ = writeln!(
            script,
            "{}) address={} id={} ;;",
            member.name,
            member.address,
            plan.predicted_id(member).0
        );
    }
    let names: Vec<&str> = plan.members.iter().map(|m| m.name.as_str()).collect();
    let names = names.join(", ");
    let _ = write!(
        script,
        r#"*)
  echo "this machine is called '$name', and the members of the cluster '{cluster}' are: {names}" >&2
  echo "hint: hostnamectl set-hostname NAME && systemctl restart etcd" >&2
  exit {NOT_A_MEMBER}
  ;;
esac
peer_url={peer_url}
members={members}
cluster={id}
data={STATE_DIR}/data
had_data={HAD_DATA}
handed_over={HANDED_OVER}
lost_data={LOST_DATA}
way_back={way_back}
{tls}
{BOOTSTRAP}
exec"#,
        peer_url = plan.scheme().url("$address", plan.ports().peer),
        members = shell::word(&plan.initial_cluster()),
        id = plan.predicted_cluster_id(),
        way_back = way_back(plan),
        tls = if plan.etcd.tls {
            tls(plan)
        } else {
            String::new()
        },
    );
    let words = command.iter().cloned().chain(etcd_flags(plan));
    script.push_str(&words.fold(String::new(), |line, word| {
        if line.is_empty() {
            format!(" {word}")
        } else {
            format!("{line} \\\n  {word}")
        }
    }));
    script.push('\n');
    script
}

/// The flags as shell words. Values with placeholders are in double quotes, so that the shell fills them in;
/// everything else is quoted literally.
fn etcd_flags(plan: &Plan) -> Vec<String> {
    let version = plan.version();
    let quoted = |word: &str, origin| match origin {
        FlagOrigin::MemberFlags if word.contains('$') => format!("\"{word}\""),
        _ => shell::word(word),
    };
    flags::flags(plan, &myself(plan))
        .iter()
        .map(|flag| {
            let words: Vec<String> = flag
                .words(version)
                .iter()
                .map(|word| quoted(word, flag.origin))
                .collect();
            words.join(" ")
        })
        .collect()
}

/// Clients are served on the cluster's network and on loopback, members only on the cluster's network.
fn myself(plan: &Plan) -> MemberFlags {
    let (Ports { client, peer }, scheme) = (plan.ports(), plan.scheme());
    let loopback = scheme.url("127.0.0.1", client);
    let client = scheme.url("$address", client);
    let peer = scheme.url("$address", peer);
    MemberFlags {
        name: "$name".to_owned(),
        data_dir: format!("{STATE_DIR}/data"),
        listen_client_urls: format!("{client},{loopback}"),
        advertise_client_urls: client,
        listen_peer_urls: peer.clone(),
        initial_advertise_peer_urls: peer,
        initial_cluster: "$members".to_owned(),
        initial_cluster_state: "$state".to_owned(),
        certificate: Certificate::on_machine(),
    }
}

/// Makes sure that the member has its certificate, and shows it to those that are asked. One that is not accepted, or
/// does not accept the others, waits: only silence lets it found a cluster.
fn tls(plan: &Plan) -> String {
    let start = command_line::task(plan, "up");
    let certificate = Certificate::on_machine();
    let files = certificate.files().join(" ");
    let [first, second] = certificate.curl_options();
    format!(
        r#"
for file in {files}; do
  if [ ! -r "$file" ] || [ ! -s "$file" ]; then
    echo "etcd-member: $name cannot be started without $file" >&2
    echo "hint: hand over its certificate, on the host of this machine: {start}" >&2
    exit 1
  fi
done
# With TLS, curl does not always tell when it was connected, but how often.
curl() {{
  command curl {first} \
    {second} "$@" --write-out '\n%{{num_connects}}.000000'
}}
"#
    )
}

/// How a member that has lost its data comes back, for the shell. It runs where `$name` is the member.
fn way_back(plan: &Plan) -> String {
    let cluster = &plan.name;
    let option = match cluster.as_str() {
        "default" => String::new(),
        name => format!(" --cluster {name}"),
    };
    if plan.version().is_v2() {
        "\"remove it with \\`etcdctl member remove\\`, and add it again\"".to_owned()
    } else if plan.members.len() > 1 {
        format!("\"replace it, on the host of this machine: cargo xtask replace $name{option}\"")
    } else {
        format!(
            "\"restore a backup, if there is one, on the host of this machine: cargo xtask backup {cluster} --list\""
        )
    }
}
