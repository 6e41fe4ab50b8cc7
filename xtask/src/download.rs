//! Downloads files with a program of the host. It brings its own proxies, certificates and
//! settings, so this program needs no TLS library.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use camino::Utf8Path;
use sha2::{Digest, Sha256, Sha512};
use xshell::{Cmd, Shell};

use crate::process::{self, Finished};
use crate::reason::Reason;
use crate::wording::list_of_words;

/// Time limits of a download.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the server answers. In whole seconds.
    pub connect: Duration,
    /// Without receiving data. In whole seconds.
    pub stall: Duration,
    /// For the whole download.
    pub whole: Duration,
}

impl Limits {
    /// Short enough to notice a missing network, long enough for a slow one.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(20),
        whole: Duration::from_secs(15 * 60),
    };
}

/// Downloads a file with the first program of [`DOWNLOADERS`] that is installed. A failure is
/// explained in the words of that program.
pub fn download(shell: &Shell, url: &str, to: &Utf8Path, limits: Limits) -> Result<(), Reason> {
    for downloader in DOWNLOADERS {
        let finished = process::run((downloader.command)(shell, url, to, limits), limits.whole);
        if finished.success() {
            return Ok(());
        }
        if !finished.not_found() {
            return Err(why_not(downloader.name, &finished).into());
        }
    }
    let names = list_of_words(DOWNLOADERS.iter().map(|downloader| downloader.name));
    Err(format!("this host has none of {names}").into())
}

fn why_not(name: &str, finished: &Finished) -> String {
    let ending = finished.ending;
    match finished.last_lines(1) {
        said if said.is_empty() => format!("`{name}` {ending}"),
        // curl starts its messages with its name.
        said if said.starts_with(name) => said,
        said => format!("`{name}` {ending}: {said}"),
    }
}

/// A program that downloads a file.
pub struct Downloader {
    /// The program's name.
    pub name: &'static str,
    command: for<'a> fn(&'a Shell, &str, &Utf8Path, Limits) -> Cmd<'a>,
}

/// The programs to try, in this order.
pub static DOWNLOADERS: &[Downloader] = &[
    Downloader {
        name: "curl",
        command: |shell, url, to, limits| {
            let (connect, stall) = (limits.connect.as_secs(), limits.stall.as_secs());
            shell
                .cmd("curl")
                .args(["--fail", "--silent", "--show-error", "--location"])
                .args(["--proto", "=http,https"])
                .args(["--connect-timeout", &connect.to_string()])
                .args(["--speed-limit", "1", "--speed-time", &stall.to_string()])
                .args(["--output", to.as_str(), "--", url])
        },
    },
    Downloader {
        name: "wget",
        // Only flags that BusyBox's wget also knows.
        command: |shell, url, to, limits| {
            let stall = limits.stall.as_secs().to_string();
            shell
                .cmd("wget")
                .args(["-nv", "-t", "1", "-T", &stall, "-O", to.as_str(), "--", url])
        },
    },
    Downloader {
        name: "/usr/lib/apt/apt-helper",
        command: |shell, url, to, limits| {
            let connect = limits.connect.as_secs();
            shell
                .cmd("/usr/lib/apt/apt-helper")
                .args(["-q", "-o", "Acquire::Retries=0"])
                .args(["-o", &format!("Acquire::http::Timeout={connect}")])
                .args(["-o", &format!("Acquire::https::Timeout={connect}")])
                // The user that apt downloads as could not write to our folder.
                .args(["-o", "APT::Sandbox::User=root"])
                .args(["download-file", url, to.as_str()])
        },
    },
];

/// The SHA-256 of a file, in lower-case hexadecimal digits.
pub fn sha256(path: &Utf8Path) -> io::Result<String> {
    digest::<Sha256>(path)
}

/// The SHA-512 of a file, in lower-case hexadecimal digits.
pub fn sha512(path: &Utf8Path) -> io::Result<String> {
    digest::<Sha512>(path)
}

fn digest<D: Digest>(path: &Utf8Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = D::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => hasher.update(&piece[..length]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
