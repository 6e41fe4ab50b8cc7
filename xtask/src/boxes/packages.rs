//! Makes a disk from the distribution's packages: mmdebstrap installs them into a tar archive,
//! which becomes a file system on a disk that boots with a BIOS.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;

use super::{disk, tool};
use crate::cache::refused;
use crate::profile::CloudImage;
use crate::reason::Reason;

/// The date of every file, in seconds since 1970: 2026-01-01. It makes the bytes independent of the
/// day.
pub const SOURCE_DATE: u64 = 1_767_225_600;

/// What a machine needs to boot, for logins and to read its user-data. curl and the certificates
/// are for fetching etcd.
const PACKAGES: &str = "linux-image-cloud-amd64,initramfs-tools,zstd,grub-pc-bin,grub-common,\
    systemd-sysv,udev,dbus,kmod,procps,e2fsprogs,iproute2,netbase,openssh-server,sudo,\
    cloud-init,ca-certificates,curl";

/// Manuals and translations are half of a small system. With emulated processors, udev in the
/// initramfs takes ten seconds to find the one disk that the modules below have already found.
const LEFT_OUT: [&str; 6] = [
    "man/*",
    "doc/*",
    "locale/*",
    "info/*",
    "initramfs-tools/*/udev",
    "initramfs-tools/*/dmsetup",
];

/// The modules for the disk, and the network before everything else: a machine's devices are known,
/// and each module that is not in the initramfs makes every boot faster.
const SETUP: &str = r#"#!/bin/sh
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"
printf 'virtio_pci\nvirtio_blk\nvirtio_scsi\nsd_mod\next4\nvirtio_net\n' >"$1/etc/initramfs-tools/modules"
printf 'MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\nRESUME=none\n' >"$1/etc/initramfs-tools/conf.d/box"
cat >"$1/etc/initramfs-tools/hooks/box" <<'END'
#!/bin/sh
# The root file system is found by its label, without udev.
[ "$1" = prereqs ] && exit
. /usr/share/initramfs-tools/hook-functions
copy_exec /sbin/blkid
END
chmod 755 "$1/etc/initramfs-tools/hooks/box"
"#;

/// Vagrant's user and key are added to every disk in the same way.
const CUSTOMIZE: &str = r#"#!/bin/sh
set -eu
echo localhost >"$1/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$1/etc/hosts"
echo 'LABEL=root / ext4 errors=remount-ro 0 1' >"$1/etc/fstab"
chroot "$1" systemctl --quiet enable systemd-networkd ssh
chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer dpkg-db-backup.timer grub-common.service
# Each unit takes emulated processors about a second. These load modules that nothing here needs, mount
# file systems for looking into the kernel, or wait at consoles for a login by password, which nobody has.
chroot "$1" systemctl --quiet mask modprobe@configfs.service modprobe@drm.service \
  modprobe@efi_pstore.service modprobe@fuse.service sys-fs-fuse-connections.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
  dev-mqueue.mount proc-sys-fs-binfmt_misc.automount systemd-binfmt.service \
  systemd-network-generator.service systemd-udev-load-credentials.service \
  systemd-networkd-persistent-storage.service getty@.service serial-getty@.service
rm -f "$1/etc/modules-load.d/modules.conf"
mkdir -p "$1/etc/systemd/system-generators"
for generator in debug gpt-auto hibernate-resume run ssh system-update tpm2; do
  ln -s /dev/null "$1/etc/systemd/system-generators/systemd-$generator-generator"
done
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
# Of the kernel's security modules those that have something to do here. The first start of the others,
# for measuring files and for programs in the kernel, takes seconds. And an emulated processor that a
# busy host lets wait must not take its timer for a broken one, and panic.
cat >"$1/boot/grub/grub.cfg" <<END
set timeout=0
linux /boot/$kernel root=LABEL=root ro net.ifnames=0 no_timer_check lsm=landlock,lockdown,yama,apparmor console=tty0 console=ttyS0
initrd /boot/initrd.img-${kernel#vmlinuz-}
boot
END
chroot "$1" grub-mkimage --format=i386-pc --prefix='(hd0,msdos1)/boot/grub' --output=/boot/grub/core.img \
  biosdisk part_msdos ext2 linux normal configfile boot
# Every machine makes its own.
rm -f "$1"/etc/ssh/ssh_host_*_key*
"#;

/// The inputs that determine the disk, apart from the archive's packages.
pub(super) fn inputs(image: &CloudImage) -> Vec<Vec<u8>> {
    let texts = [image.suite, PACKAGES, SETUP, CUSTOMIZE];
    let texts = texts.iter().chain(&LEFT_OUT);
    texts.map(|text| text.as_bytes().to_vec()).collect()
}

/// Makes a bootable raw disk.
pub(super) fn raw(
    image: &CloudImage,
    scratch: &Utf8Path,
    disk: &Utf8Path,
    say: &dyn Fn(&str),
) -> Result<(), Reason> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(
            "a box made from packages boots with a BIOS, which only x86 machines have".into(),
        );
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
    let without = LEFT_OUT.map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}"));
    // Relative paths, so that no path of this host ends up in the archive.
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
    say("turning it into a disk");
    disk::bootable(&shell, scratch, disk)
}
