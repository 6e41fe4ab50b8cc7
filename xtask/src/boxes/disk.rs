//! Disks as files: what is in their first sectors, and where the root file system begins.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

use camino::Utf8Path;
use xshell::Shell;

use super::tool;
use crate::cache::refused;

const SECTOR: u64 = 512;

/// Where the partition of a disk that is made here begins. The room before it is for GRUB.
const PARTITION: u64 = 1 << 20;

/// The size of a disk that is made here. What is empty in it takes no room in a box.
const SIZE: u64 = 4 << 30;

/// The file system's UUID. It has to be some, and the same for the same bytes; the system finds
/// its root by its label.
const UUID: &str = "9bd25f36-6c4e-4b52-8f1c-0d3a5e7c2b41";

/// Makes a disk that boots from `root.tar`, `core.img` and `boot.img` in the scratch folder.
///
/// # Errors
/// Says why that failed.
pub(super) fn bootable(shell: &Shell, scratch: &Utf8Path, disk: &Utf8Path) -> Result<(), String> {
    let blocks = ((SIZE - PARTITION) / 4096).to_string();
    let make = shell
        .cmd("genext2fs")
        .args(["--tarball", "root.tar", "--block-size", "4096"])
        .args(["--size-in-blocks", &blocks, "--number-of-inodes", "131072"])
        .args(["--volume-label", "root", "--reserved-percentage", "0"])
        .args(["--faketime", "--allow-holes", "root.ext4"]);
    tool::run(make, &[0])?;
    // With a journal, so that a machine whose plug is pulled boots again.
    let tune = shell
        .cmd("tune2fs")
        .args(["-O", "has_journal,extents,dir_index,uninit_bg", "-U", UUID])
        .args(["-c", "0", "root.ext4"]);
    tool::run(tune, &[0])?;
    // Status 1: what was to be done is done.
    tool::run(
        shell.cmd("e2fsck").args(["-f", "-y", "-D", "root.ext4"]),
        &[0, 1],
    )?;
    assemble(scratch, disk).map_err(refused("write", disk))
}

fn assemble(scratch: &Utf8Path, disk: &Utf8Path) -> io::Result<()> {
    let boot = fs::read(scratch.join("boot.img"))?;
    let core = fs::read(scratch.join("core.img"))?;
    if core.len() as u64 > PARTITION - SECTOR {
        return Err(io::Error::other(
            "GRUB has no room before the first partition",
        ));
    }
    let mut file = File::create(disk)?;
    file.write_all(&first_sector(&boot))?;
    file.write_all(&core)?;
    let mut source = File::open(scratch.join("root.ext4"))?;
    let mut block = vec![0; 1 << 20];
    let mut at = PARTITION;
    loop {
        let length = source.read(&mut block)?;
        if length == 0 {
            break;
        }
        // What is empty stays a hole.
        if block[..length].iter().any(|&byte| byte != 0) {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&block[..length])?;
        }
        at += length as u64;
    }
    file.set_len(SIZE)
}

/// The first sector: GRUB's first stage and a partition table of one bootable partition.
fn first_sector(boot: &[u8]) -> [u8; 512] {
    let mut sector = [0; 512];
    // The table begins at 446, behind the disk's signature at 440.
    let code = boot.len().min(440);
    sector[..code].copy_from_slice(&boot[..code]);
    // Between these two bytes stands a jump over a check that hard disks need and that floppies
    // must not have; GRUB's own installer takes it away in the same way (grub-bios-setup).
    sector[0x66..0x68].copy_from_slice(&[0x90, 0x90]);
    sector[440..444].copy_from_slice(b"XTSK");
    let first = u32::try_from(PARTITION / SECTOR).unwrap_or(u32::MAX);
    let count = u32::try_from((SIZE - PARTITION) / SECTOR).unwrap_or(u32::MAX);
    // Bootable; where it begins and ends in cylinders is beyond what they can count; Linux.
    sector[446..454].copy_from_slice(&[0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
    sector[454..458].copy_from_slice(&first.to_le_bytes());
    sector[458..462].copy_from_slice(&count.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Where the root file system of a disk begins, in bytes: its largest partition.
///
/// # Errors
/// Says why it is not found.
pub(super) fn root_partition(disk: &Utf8Path) -> Result<u64, String> {
    let mut start = vec![0; 64 * 512];
    File::open(disk)
        .and_then(|mut file| file.read_exact(&mut start))
        .map_err(refused("read", disk))?;
    largest_partition(&start).ok_or_else(|| format!("`{disk}` has no partition table"))
}

/// Reads the partition table in a disk's first sectors: GUID's, or else the one of PCs (UEFI
/// specification, chapter 5).
fn largest_partition(start: &[u8]) -> Option<u64> {
    let partitions: Vec<(u64, u64)> = if start.get(512..520)? == b"EFI PART" {
        let size = usize::try_from(number(start, 512 + 84, 4)?).ok()?.max(128);
        let entries = start.get(1024..)?.chunks_exact(size);
        let entry = |entry: &[u8]| {
            let (first, last) = (number(entry, 32, 8)?, number(entry, 40, 8)?);
            Some((first, last.checked_sub(first)? + 1))
        };
        entries
            .filter(|bytes| bytes[..16].iter().any(|&byte| byte != 0))
            .filter_map(entry)
            .collect()
    } else if start.get(510..512)? == [0x55, 0xaa] {
        let entry = |at: usize| Some((number(start, at + 8, 4)?, number(start, at + 12, 4)?));
        (446..510).step_by(16).filter_map(entry).collect()
    } else {
        return None;
    };
    partitions
        .into_iter()
        .filter(|(first, count)| *first > 0 && *count > 0)
        .max_by_key(|(_, count)| *count)
        .map(|(first, _)| first * SECTOR)
}

/// A number in little-endian bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let digits = bytes.get(at..at + length)?.iter().rev();
    Some(digits.fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
