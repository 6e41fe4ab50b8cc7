use std::fmt;

/// A version of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// The version with these numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The last word of a text that starts like a version, without any suffix: `Vagrant 2.3.4`,
    /// `7.0.20r163906`, `2.4.2.dev`. It is the last because warnings come before it.
    pub fn in_text(text: &str) -> Option<Self> {
        text.split_whitespace().rev().find_map(Self::of_word)
    }

    fn of_word(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let patch = rest[..digits].parse().ok()?;
        Some(Self::new(major, minor, patch))
    }

    /// Its first two numbers.
    pub const fn numbers(self) -> (u32, u32) {
        (self.major, self.minor)
    }

    /// Whether its first two numbers are these or higher.
    pub fn is_at_least(self, major: u32, minor: u32) -> bool {
        self >= Self::new(major, minor, 0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
    }
}
