# Makes the root file system of a machine with systemd, Docker's engine and its registry in `root`. The
# argument is Debian's own archive. Of the releases in it 12 is taken, whose engine is the nearer one
# to those of 2015. As on CoreOS, the engine starts when somebody first asks for it.
set -eu

mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
  --dpkgopt='force-unsafe-io' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --include=docker.io,docker-registry,systemd-sysv \
  --customize-hook='chroot "$1" systemctl --quiet enable systemd-networkd' \
  --customize-hook='chroot "$1" systemctl --quiet disable containerd docker docker-registry' \
  --customize-hook='chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer' \
  bookworm root "$1" >&2
