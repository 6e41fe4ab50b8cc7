//! Packs a disk into a box for libvirt: an archive of the disk, its metadata and a Vagrantfile
//! (vagrant-libvirt, "Box Format").

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::disk::SIZE;
use super::packages::SOURCE_DATE;
use super::tool;
use crate::cache::refused;
use crate::reason::Reason;

const VAGRANTFILE: &str = "\
Vagrant.configure(\"2\") do |config|
  config.vm.synced_folder \".\", \"/vagrant\", disabled: true
end
";

/// Makes the box in the scratch folder.
pub(super) fn wrap(scratch: &Utf8Path, disk: &Utf8Path) -> Result<Utf8PathBuf, Reason> {
    let size = fs::metadata(disk).map_err(refused("read", disk))?.len();
    // The size of the machine's disk in GiB, which vagrant-libvirt may enlarge but not reduce. A
    // distribution's image grows into it when cloud-init receives the user-data (its modules
    // `growpart` and `resizefs`).
    let virtual_size = size.max(SIZE).div_ceil(1 << 30);
    let metadata = format!(
        "{{\"provider\":\"libvirt\",\"format\":\"qcow2\",\"virtual_size\":{virtual_size}}}\n"
    );
    for (name, text) in [
        ("metadata.json", metadata.as_str()),
        ("Vagrantfile", VAGRANTFILE),
    ] {
        let path = scratch.join(name);
        fs::write(&path, text).map_err(refused("write", &path))?;
    }
    let shell = tool::shell(scratch, SOURCE_DATE)?;
    let convert = shell
        .cmd("qemu-img")
        .args([
            "convert",
            "-O",
            "qcow2",
            "-c",
            "-o",
            "compression_type=zstd",
        ])
        .args([disk.as_str(), "box.img"]);
    tool::run(convert, &[0])?;
    let wrapped = scratch.join("box");
    let tar = shell
        .cmd("tar")
        .args(["--create", "--file", wrapped.as_str(), "--format=ustar"])
        .args(["--owner=0", "--group=0", "--numeric-owner", "--mode=0644"])
        .arg(format!("--mtime=@{SOURCE_DATE}"))
        .args(["metadata.json", "Vagrantfile", "box.img"]);
    tool::run(tar, &[0])?;
    Ok(wrapped)
}
