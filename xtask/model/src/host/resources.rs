//! Reads the amount of memory and disk space.

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The total, including swap.
    pub total: u64,
    /// The amount available without swapping.
    pub available: u64,
}

/// Space for files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder that the files go to.
    pub folder: String,
    /// Where the file system that holds it is mounted.
    pub mounted_on: String,
    /// The free space in bytes.
    pub available: u64,
}

/// Reads `/proc/meminfo`.
pub fn memory(text: &str) -> Option<Memory> {
    let kibibytes = |name: &str| {
        let mut lines = text.lines();
        let rest = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let number: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
        number.checked_mul(1 << 10)
    };
    Some(Memory {
        total: kibibytes("MemTotal")?.saturating_add(kibibytes("SwapTotal").unwrap_or(0)),
        available: kibibytes("MemAvailable")?,
    })
}

/// Reads what `df -P -k` prints of the file system that a folder is on.
pub fn disk(folder: &str, text: &str) -> Option<Disk> {
    let line = text.lines().nth(1)?;
    // Both the device name before it and the mount point after it may contain spaces.
    let (before, mounted_on) = line.split_once("% ")?;
    let mut numbers = before.split_whitespace().rev().skip(1);
    let available: u64 = numbers.next()?.parse().ok()?;
    Some(Disk {
        folder: folder.to_owned(),
        mounted_on: mounted_on.trim().to_owned(),
        available: available.checked_mul(1 << 10)?,
    })
}
