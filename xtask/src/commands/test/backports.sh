# Installs packages where `apt-get install` alone cannot, such as one that has to be of the version of
# another that came from the backports of this release of Debian. Each that cannot be had otherwise is
# taken from there. No source of the system's apt names the backports, and none does afterwards: the
# sources and lists of this run are in a folder that is removed with it.
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
# apt fills that in, not the shell.
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
# The user that apt as root would download as cannot write there.
cat >"$folder/apt.conf" <<CONFIGURATION
Dir::Etc::SourceList "$folder/sources.list";
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder";
APT::Sandbox::User "root";
CONFIGURATION

# Names of packages hold no spaces.
# shellcheck disable=SC2086
{
  set -x
  apt-get --config-file="$folder/apt.conf" update
  install --config-file="$folder/apt.conf" --target-release="$release-backports" $others
  install $plain
}
