# Makes the root file system of a machine with Debian 13, systemd and cloud-init in `root`, and beside
# it in `packages` an archive of what user-data has installed. The argument is Debian's own archive.
set -eu

mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --include=ca-certificates,cloud-init,curl,dbus,iproute2,systemd-sysv \
  --customize-hook='chroot "$1" systemctl --quiet enable systemd-networkd' \
  --customize-hook='chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer' \
  --customize-hook='chroot "$1" apt-get clean' \
  --customize-hook='chroot "$1" apt-get install --yes --no-install-recommends --download-only etcd-server etcd-client podman' \
  --customize-hook='mkdir packages && mv "$1"/var/cache/apt/archives/*.deb packages' \
  trixie root "$1" >&2

# A lab has one archive and one network, both its own.
rm root/etc/apt/sources.list
cat >root/etc/cloud/cloud.cfg.d/99-lab.cfg <<'EOF'
datasource_list: [NoCloud, None]
network: {config: disabled}
ssh_genkeytypes: []
EOF

cd packages
for file in *.deb; do
  # Without the version, which may hold what a URL has other words for.
  package=$(dpkg-deb --field "$file" Package).deb
  mv "$file" "$package"
  dpkg-deb --field "$package"
  echo "Filename: $package"
  echo "Size: $(stat --format=%s "$package")"
  echo "SHA256: $(sha256sum "$package" | cut --delimiter=' ' --fields=1)"
  echo
done >Packages
