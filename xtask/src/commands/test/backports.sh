# Installs packages that `apt-get install` alone cannot, for example because a package must match the
# version of another one that came from the backports of this Debian release. Only packages that cannot
# be installed otherwise come from the backports. The system's apt sources do not change: this run has
# its own sources and lists, in a folder that is removed at the end.
set -eu

install() {
  apt-get install --yes --no-install-recommends --no-upgrade --no-remove "$@"
}

plain=''
others=''
for package; do
  if install --simulate "$package" >/dev/null 2>&1; then
    plain="$plain $package"
  else
    others="$others $package"
  fi
done

release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# apt expands `$(REPO_URI)`, not the shell.
# shellcheck disable=SC2016
archive=$(apt-get indextargets --format '$(REPO_URI)' \
  'Created-By: Packages' 'Origin: Debian' "Codename: $release" | sed -n 1p)
if [ -z "$archive" ]; then
  echo "cannot install$others: there are no backports for this host, which is not Debian" >&2
  exit 1
fi

folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/archives/partial"
own=/etc/apt/sources.list
if [ -e "$own" ]; then
  cp "$own" "$folder/sources.list"
fi
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $archive $release-backports main" >>"$folder/sources.list"
# Without `Sandbox::User`, apt downloads as a user that cannot write to this folder.
cat >"$folder/apt.conf" <<CONFIGURATION
Dir::Etc::SourceList "$folder/sources.list";
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder";
APT::Sandbox::User "root";
CONFIGURATION

# Package names contain no spaces.
# shellcheck disable=SC2086
{
  set -x
  apt-get --config-file="$folder/apt.conf" update
  install --config-file="$folder/apt.conf" --target-release="$release-backports" $others
  install $plain
}
