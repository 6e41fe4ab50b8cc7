//! Files from the network, by whatever program this host has for that: with its own proxies,
//! certificates and settings, and without a TLS library in this program.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use camino::Utf8Path;
use sha2::{Digest, Sha256, Sha512};
use xshell::{Cmd, Shell};

use crate::process::{self, Finished};
use crate::reason::Reason;

/// How long a download may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the other side has answered at all. In whole seconds.
    pub connect: Duration,
    /// Without anything coming. In whole seconds.
    pub stall: Duration,
    /// In all.
    pub whole: Duration,
}

impl Limits {
    /// Short where there is no network, long where it is slow.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(20),
        whole: Duration::from_secs(15 * 60),
    };
}

/// Downloads a file by the first program of [`DOWNLOADERS`] that the shell finds. The reason for a failure is
/// in that program's own words.
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
    let names: Vec<String> = DOWNLOADERS
        .iter()
        .map(|downloader| format!("`{}`", downloader.name))
        .collect();
    Err(format!("this host has none of {}", names.join(", ")).into())
}

fn why_not(name: &str, finished: &Finished) -> String {
    let ending = finished.ending;
    match finished.last_lines(1) {
        said if said.is_empty() => format!("`{name}` {ending}"),
        // curl says its own name.
        said if said.starts_with(name) => said,
        said => format!("`{name}` {ending}: {said}"),
    }
}

/// A program that downloads a file.
pub struct Downloader {
    /// What the program is called.
    pub name: &'static str,
    command: for<'a> fn(&'a Shell, &str, &Utf8Path, Limits) -> Cmd<'a>,
}

/// The programs that are tried, in this order.
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
        // Only what BusyBox's wget knows as well.
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
                // Its own user could not write where we do.
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
