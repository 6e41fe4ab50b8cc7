//! The program that installs etcd from its release tarball. It may be interrupted and repeated: the folder of
//! a version is either complete or absent.

use std::fmt::Write;

use super::quote::shell;
use crate::facts::etcd_releases;
use crate::plan::Plan;
use crate::values::Architecture;

/// The text of the shell program that installs the release.
pub(super) fn script(plan: &Plan) -> String {
    let version = plan.version();
    let mut script = format!(
        r#"#!/bin/sh
# Installs etcd {version} from its release tarball, unless it is there already.
set -eu
# The unit's own umask would keep etcd from everyone but root.
umask 022

fail() {{
  echo "etcd-install: $*" >&2
  exit 1
}}

download() {{
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --retry 5 --retry-connrefused \
      --connect-timeout 20 --speed-limit 1024 --speed-time 60 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --no-verbose --tries=5 --timeout=60 --output-document="$2" "$1"
  else
    fail "neither curl nor wget is here to download with"
  fi
}}

machine=$(uname -m)
case $machine in
"#
    );
    for (machine, architecture, sha256) in checksums(plan) {
        let _ = writeln!(
            script,
            "{machine}) architecture={architecture} sha256={sha256} ;;"
        );
    }
    let base = shell::word(&format!("{}/v{version}", plan.etcd.release_url));
    let _ = write!(
        script,
        r#"*) fail "no checksum is known for etcd {version} on $machine" ;;
esac

folder=/usr/local/lib/etcd-{version}
if [ ! -d "$folder" ]; then
  work=$folder.part
  rm -rf "$work"
  mkdir -p "$work/etcd"
  tarball=etcd-v{version}-linux-$architecture.tar.gz
  download {base}/"$tarball" "$work/$tarball"
  echo "$sha256  $work/$tarball" | sha256sum --check --status ||
    fail "$tarball does not have the SHA-256 $sha256"
  tar --extract --gzip --file "$work/$tarball" --directory "$work/etcd" \
    --strip-components=1 --no-same-owner
  # Or a loss of power might leave the name, and empty files.
  sync -f "$work"
  mv "$work/etcd" "$folder"
  rm -rf "$work"
fi
for program in etcd etcdctl etcdutl; do
  [ ! -e "$folder/$program" ] || ln -sfn "$folder/$program" "/usr/local/bin/$program"
done
"#
    );
    script
}

/// Whether the checksum of the plan's release is known for any machine.
pub(super) fn has_checksum(plan: &Plan) -> bool {
    !checksums(plan).is_empty()
}

/// The output of `uname -m`, etcd's name for the architecture, and the tarball's checksum. The definition's
/// own checksums take precedence over those that this project knows.
fn checksums(plan: &Plan) -> Vec<(&'static str, Architecture, String)> {
    let own = |architecture| {
        let own = plan.etcd.sha256.iter().find(|(of, _)| *of == architecture);
        own.map(|(_, sha256)| sha256.to_string())
    };
    let known =
        |architecture| etcd_releases::sha256(plan.version(), architecture).map(str::to_owned);
    Architecture::ALL
        .iter()
        .filter_map(|&architecture| {
            let sha256 = own(architecture).or_else(|| known(architecture))?;
            Some((machine(architecture), architecture, sha256))
        })
        .collect()
}

/// The kernel's name for an architecture.
const fn machine(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "x86_64",
        Architecture::Arm64 => "aarch64",
    }
}
