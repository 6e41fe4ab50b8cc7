//! A disk from the distribution's packages. mmdebstrap installs them into a tar archive, which becomes a
//! file system, and that a disk that boots by its BIOS.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;

use super::{disk, tool};
use crate::cache::refused;
use crate::profile::CloudImage;

/// The moment that every file is dated to, in seconds since 1970: 2026-01-01. So the same packages
/// give the same bytes on every day.
pub const SOURCE_DATE: u64 = 1_767_225_600;

/// What a machine needs to boot, to be logged in to and to read its user-data. curl and the
/// certificates fetch etcd.
const PACKAGES: &str = "linux-image-cloud-amd64,initramfs-tools,zstd,grub-pc-bin,grub-common,\
    systemd-sysv,udev,dbus,kmod,procps,e2fsprogs,iproute2,netbase,openssh-server,sudo,\
    cloud-init,ca-certificates,curl";

/// Manuals and translations are half of a small system.
const LEFT_OUT: [&str; 4] = ["man", "doc", "locale", "info"];

/// What the kernel finds its disk with: a machine's devices are known, and each module that is not
/// in the initramfs saves time at every boot.
const SETUP: &str = r#"#!/bin/sh
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'virtio_pci\nvirtio_blk\nvirtio_scsi\nsd_mod\next4\n' >"$1/etc/initramfs-tools/modules"
printf 'MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\nRESUME=none\n' >"$1/etc/initramfs-tools/conf.d/box"
"#;

/// The first network, by which Vagrant logs in, is set up here; the second by Vagrant.
const CUSTOMIZE: &str = r#"#!/bin/sh
set -eu
printf '[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n\n[DHCPv4]\nClientIdentifier=mac\n' \
  >"$1/etc/systemd/network/20-dhcp.network"
echo localhost >"$1/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$1/etc/hosts"
echo 'LABEL=root / ext4 errors=remount-ro 0 1' >"$1/etc/fstab"
echo 'network: {config: disabled}' >"$1/etc/cloud/cloud.cfg.d/90-network.cfg"
chroot "$1" systemctl --quiet enable systemd-networkd ssh
chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer dpkg-db-backup.timer grub-common.service
# What a member has no use for: machines of its own, faster ciphers, another hypervisor's channel.
# Emulated processors take seconds for each.
for module in kvm_amd kvm_intel aesni_intel ghash_clmulni_intel sha1_ssse3 sha256_ssse3 \
  sha512_ssse3 vmw_vsock_vmci_transport; do
  echo "blacklist $module"
done >"$1/etc/modprobe.d/box.conf"
# The caches of libraries and messages are those of these packages: the first boot need not make them.
touch "$1/etc/.updated" "$1/var/.updated"
kernel=$(cd "$1/boot" && echo vmlinuz-*)
mkdir -p "$1/boot/grub"
cat >"$1/boot/grub/grub.cfg" <<END
set timeout=0
linux /boot/$kernel root=LABEL=root ro net.ifnames=0 console=tty0 console=ttyS0
initrd /boot/initrd.img-${kernel#vmlinuz-}
boot
END
chroot "$1" grub-mkimage --format=i386-pc --prefix='(hd0,msdos1)/boot/grub' --output=/boot/grub/core.img \
  biosdisk part_msdos ext2 linux normal configfile boot
# Every machine makes its own.
rm -f "$1"/etc/ssh/ssh_host_*_key*
"#;

/// What decides how the disk turns out, the archive's packages aside.
pub(super) fn inputs(image: &CloudImage) -> Vec<Vec<u8>> {
    let texts = [image.suite, PACKAGES, SETUP, CUSTOMIZE];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Makes the disk.
///
/// # Errors
/// Says why that failed.
pub(super) fn raw(
    image: &CloudImage,
    scratch: &Utf8Path,
    disk: &Utf8Path,
    say: &dyn Fn(&str),
) -> Result<(), String> {
    if std::env::consts::ARCH != "x86_64" {
        return Err("a box from packages boots by a BIOS, which only x86 machines have".to_owned());
    }
    for (name, text) in [("setup", SETUP), ("customize", CUSTOMIZE)] {
        let path = scratch.join(name);
        fs::write(&path, text).map_err(refused("write", &path))?;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, executable).map_err(refused("write", &path))?;
    }
    say(&format!(
        "installing packages of {} into an archive, which takes a minute or two",
        image.suite
    ));
    let shell = tool::shell(scratch, SOURCE_DATE)?;
    let without = LEFT_OUT.map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*"));
    // In the folder that it runs in, so that no path of this host is in anything.
    let install = shell
        .cmd("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "--format=tar"])
        .args(without)
        .arg(format!("--include={PACKAGES}"))
        .args([
            "--essential-hook=./setup \"$1\"",
            "--customize-hook=./customize \"$1\"",
        ])
        .arg("--customize-hook=copy-out /boot/grub/core.img /usr/lib/grub/i386-pc/boot.img .")
        .args([image.suite, "root.tar"]);
    tool::run(install, &[0])?;
    say("making a disk of it");
    disk::bootable(&shell, scratch, disk)
}
