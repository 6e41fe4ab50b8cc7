//! Disk images: the first sectors and the root partition.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

use camino::Utf8Path;
use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use xshell::Shell;

use super::packages::SOURCE_DATE;
use super::tool;
use crate::cache::refused;
use crate::reason::Reason;

const SECTOR: u64 = 512;

/// Where the partition begins. GRUB lies before it.
const PARTITION: u64 = 1 << 20;

/// The size of a machine's disk: room for the system, for a database of 8 GiB, the most that etcd
/// suggests, and for the copy that defragmentation makes of it. Empty space takes no room in a box,
/// and a disk takes as much of the host as its machine writes.
pub(super) const SIZE: u64 = 20 << 30;

/// The file system's UUID. It is fixed, so that the same inputs give the same bytes; the system
/// finds its root by label.
const UUID: &str = "9bd25f36-6c4e-4b52-8f1c-0d3a5e7c2b41";

/// Makes a bootable disk from `root.tar`, `core.img` and `boot.img` in the scratch folder.
pub(super) fn bootable(shell: &Shell, scratch: &Utf8Path, disk: &Utf8Path) -> Result<(), Reason> {
    let blocks = ((SIZE - PARTITION) / 4096).to_string();
    let make = shell
        .cmd("genext2fs")
        .args(["--tarball", "root.tar", "--block-size", "4096"])
        .args(["--size-in-blocks", &blocks, "--number-of-inodes", "131072"])
        .args(["--volume-label", "root", "--reserved-percentage", "0"])
        .args(["--faketime", "--allow-holes", "root.ext4"]);
    tool::run(make, &[0])?;
    // The journal lets a machine boot again after a loss of power.
    let tune = shell
        .cmd("tune2fs")
        .args(["-O", "has_journal,extents,uninit_bg", "-U", UUID])
        .args(["-c", "0", "root.ext4"]);
    tool::run(tune, &[0])?;
    // Status 1 means that errors were corrected.
    let check = shell
        .cmd("e2fsck")
        .env("E2FSCK_TIME", SOURCE_DATE.to_string())
        .args(["-f", "-y", "root.ext4"]);
    tool::run(check, &[0, 1])?;
    let commands = ["atime", "ctime", "mtime"]
        .map(|time| format!("set_inode_field {JOURNAL} {time} @{SOURCE_DATE}\n"))
        .concat();
    let script = scratch.join("date-journal");
    fs::write(&script, commands).map_err(refused("write", &script))?;
    let date = ["-w", "-f", "date-journal", "root.ext4"];
    tool::run(shell.cmd("debugfs").args(date), &[0])?;
    assemble(scratch, disk).map_err(refused("write", disk))
}

/// The inode of the journal, which carries today's date (ext4's documentation, "Special inodes").
const JOURNAL: &str = "<8>";

/// The size of a copied block in bytes. Each group of the file system begins at the start of such a
/// block.
const BLOCK: usize = 1 << 20;

fn assemble(scratch: &Utf8Path, disk: &Utf8Path) -> io::Result<()> {
    let boot = fs::read(scratch.join("boot.img"))?;
    let core = fs::read(scratch.join("core.img"))?;
    if core.len() as u64 > PARTITION - SECTOR {
        return Err(io::Error::other(
            "GRUB does not fit before the first partition",
        ));
    }
    let mut file = File::create(disk)?;
    file.write_all(&first_sector(&boot))?;
    file.write_all(&core)?;
    let mut source = File::open(scratch.join("root.ext4"))?;
    let (mut block, empty) = (Vec::new(), vec![0; BLOCK]);
    let mut at = 0;
    // Most of the file is a hole and stays one.
    while let Some(data) = next_data(&source, at)? {
        at = data - data % BLOCK as u64;
        source.seek(SeekFrom::Start(at))?;
        block.clear();
        (&source).take(BLOCK as u64).read_to_end(&mut block)?;
        date_superblock(&mut block, at);
        if block != empty {
            file.seek(SeekFrom::Start(PARTITION + at))?;
            file.write_all(&block)?;
        }
        at += BLOCK as u64;
    }
    file.set_len(SIZE)
}

/// The next offset with data, from this one on; `None` at the end. Reading the holes of a disk
/// would take half a minute.
fn next_data(file: &File, at: u64) -> io::Result<Option<u64>> {
    let at = i64::try_from(at).map_err(io::Error::other)?;
    match lseek(file, at, Whence::SeekData) {
        Ok(data) => Ok(u64::try_from(data).ok()),
        Err(Errno::ENXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The size of a block group. Each begins with a copy of the superblock.
const GROUP: u64 = 128 << 20;

/// Sets the dates in a superblock at the start of this piece. The file system tools write the time
/// of their work there, which is all that differs between two days (ext4's documentation, "The
/// Super Block").
fn date_superblock(piece: &mut [u8], at: u64) {
    if !at.is_multiple_of(GROUP) {
        return;
    }
    // The first block leaves room for a boot loader.
    let start = if at == 0 { 1024 } else { 0 };
    let Some(superblock) = piece.get_mut(start..start + 1024) else {
        return;
    };
    if superblock[56..58] == [0x53, 0xef] {
        let date = u32::try_from(SOURCE_DATE).unwrap_or_default().to_le_bytes();
        // The last write, and the last check.
        for field in [48, 64] {
            superblock[field..field + 4].copy_from_slice(&date);
        }
    }
}

/// The first sector: GRUB's first stage and a partition table with one bootable partition.
fn first_sector(boot: &[u8]) -> [u8; 512] {
    let mut sector = [0; 512];
    // The table begins at 446, after the disk's signature at 440.
    let code = boot.len().min(440);
    sector[..code].copy_from_slice(&boot[..code]);
    // These two bytes are a jump over a check that hard disks need and floppies must not have.
    // GRUB's own installer overwrites it in the same way (grub-bios-setup).
    sector[0x66..0x68].copy_from_slice(&[0x90, 0x90]);
    sector[440..444].copy_from_slice(b"XTSK");
    let first = u32::try_from(PARTITION / SECTOR).unwrap_or(u32::MAX);
    let count = u32::try_from((SIZE - PARTITION) / SECTOR).unwrap_or(u32::MAX);
    // Bootable; start and end exceed cylinder addressing; Linux.
    sector[446..454].copy_from_slice(&[0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
    sector[454..458].copy_from_slice(&first.to_le_bytes());
    sector[458..462].copy_from_slice(&count.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Where the root file system begins, in bytes: the largest partition.
pub(super) fn root_partition(disk: &Utf8Path) -> Result<u64, Reason> {
    let mut start = vec![0; 64 * 512];
    File::open(disk)
        .and_then(|mut file| file.read_exact(&mut start))
        .map_err(refused("read", disk))?;
    largest_partition(&start).ok_or_else(|| format!("`{disk}` has no partition table").into())
}

/// Reads the partition table: GPT, or else MBR (UEFI specification, chapter 5).
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

/// Reads a little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let digits = bytes.get(at..at + length)?.iter().rev();
    Some(digits.fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
