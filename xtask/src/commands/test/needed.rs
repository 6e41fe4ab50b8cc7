//! The programs that the tests need beside Rust, and how to get them.

use std::time::Duration;

use xshell::Shell;

use crate::hint::Hint;
use crate::process::{self, Finished};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::ui::Ui;

/// How long it may take to find out whether this host has something, on a slow and busy one: what is not
/// found in time counts as missing.
pub(super) const PROBE: Duration = Duration::from_secs(5 * 60);

/// How long fetching and unpacking packages may take, on a slow line.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A program that the tests need.
pub(super) struct Needed {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    /// Shows that it is there: words that make it succeed and do nothing.
    pub(super) probe: &'static [&'static str],
    /// The package of Debian and Ubuntu that holds it.
    pub(super) package: &'static str,
    pub(super) why: &'static str,
}

impl Needed {
    fn is_missing(&self, shell: &Shell) -> bool {
        let probe = shell.cmd(self.program).args(self.probe);
        !process::run(probe, PROBE).success()
    }
}

static NEEDED: &[Needed] = &[
    Needed {
        name: "`ruby`",
        program: "ruby",
        probe: &["--version"],
        package: "ruby",
        why: "reads `config.rb` as Vagrant does",
    },
    Needed {
        name: "`yaml` for `/usr/bin/python3`",
        program: "/usr/bin/python3",
        probe: &["-c", "import yaml"],
        package: "python3-yaml",
        why: "reads `user-data` as cloud-init does, with its YAML 1.1",
    },
    Needed {
        name: "`cloud-init`",
        program: "cloud-init",
        probe: &["--version"],
        package: "cloud-init",
        why: "checks `user-data` against its schema",
    },
    Needed {
        name: "`systemd-analyze`",
        program: "systemd-analyze",
        probe: &["--version"],
        package: "systemd",
        why: "checks the units",
    },
    Needed {
        name: "`shellcheck`",
        program: "shellcheck",
        probe: &["--version"],
        package: "shellcheck",
        why: "checks the scripts",
    },
    Needed {
        name: "`patch`",
        program: "patch",
        probe: &["--version"],
        package: "patch",
        why: "applies the differences that `render --check` shows",
    },
    Needed {
        name: "`unshare`",
        program: "unshare",
        probe: &["--version"],
        package: "util-linux",
        why: "shows where a test has no network, or another root",
    },
    Needed {
        name: "`ip`",
        program: "ip",
        probe: &["-Version"],
        package: "iproute2",
        why: "makes the networks of tests, and tells those of this host",
    },
    Needed {
        name: "`curl`",
        program: "curl",
        probe: &["--version"],
        package: "curl",
        why: "downloads releases",
    },
    Needed {
        name: "`wget`",
        program: "wget",
        probe: &["--version"],
        package: "wget",
        why: "downloads releases where there is no curl",
    },
    Needed {
        name: "`zsh`",
        program: "zsh",
        probe: &["--version"],
        package: "zsh",
        why: "completes with the script made for it",
    },
    Needed {
        name: "`fish`",
        program: "fish",
        probe: &["--version"],
        package: "fish",
        why: "completes with the script made for it",
    },
    Needed {
        name: "`mmdebstrap`",
        program: "mmdebstrap",
        probe: &["--version"],
        package: "mmdebstrap",
        why: "makes the file system of machines",
    },
    Needed {
        name: "`systemd-nspawn`",
        program: "systemd-nspawn",
        probe: &["--version"],
        package: "systemd-container",
        why: "boots machines in containers",
    },
    Needed {
        name: "`iptables`",
        program: "iptables",
        probe: &["--version"],
        package: "iptables",
        why: "shows whether this host can publish ports as Docker does",
    },
    Needed {
        name: "`vagrant`",
        program: "vagrant",
        probe: &["--version"],
        package: "vagrant",
        why: "reads the Vagrantfile, and boots machines",
    },
    Needed {
        name: "Vagrant's plugin for libvirt",
        program: "sh",
        probe: &[
            "-c",
            "vagrant plugin list | grep --quiet '^vagrant-libvirt '",
        ],
        package: "vagrant-libvirt",
        why: "boots them under libvirt",
    },
    Needed {
        name: "`qemu-img`",
        program: "qemu-img",
        probe: &["--version"],
        package: "qemu-utils",
        why: "makes the disks of boxes",
    },
    Needed {
        name: "`debugfs`",
        program: "debugfs",
        probe: &["-V"],
        package: "e2fsprogs",
        why: "writes into their file systems",
    },
    Needed {
        name: "`sfdisk`",
        program: "sfdisk",
        probe: &["--version"],
        package: "fdisk",
        why: "parts them as distributions do",
    },
];

/// The programs that this host lacks, of those that all tests need.
pub(super) fn missing_to_all(shell: &Shell) -> Vec<&'static Needed> {
    missing(shell, NEEDED)
}

/// The programs that this host lacks, of those that all tests need and that are in these packages.
pub(super) fn missing_of(shell: &Shell, packages: &[&str]) -> Vec<&'static Needed> {
    let of_these = |needed: &&Needed| packages.contains(&needed.package);
    let needed = NEEDED.iter().filter(of_these);
    needed.filter(|needed| needed.is_missing(shell)).collect()
}

/// The programs that this host lacks, of these.
pub(super) fn missing(shell: &Shell, needed: &'static [Needed]) -> Vec<&'static Needed> {
    let needed = needed.iter();
    needed.filter(|needed| needed.is_missing(shell)).collect()
}

/// What installs packages: nothing that is there is upgraded or removed for it.
const INSTALL: &str = "apt-get install --yes --no-install-recommends --no-upgrade --no-remove";

fn packages(missing: &[&Needed]) -> Vec<&'static str> {
    missing.iter().map(|needed| needed.package).collect()
}

/// In front of a command that needs root.
fn as_root() -> &'static str {
    if nix::unistd::geteuid().is_root() {
        ""
    } else {
        "sudo "
    }
}

/// That they are missing, and the line that installs them.
pub(super) fn lacking(missing: &[&Needed]) -> Failure {
    let mut diagnostic = Diagnostic::error(match missing {
        [_] => "this host lacks a program that the tests need".to_owned(),
        _ => format!(
            "this host lacks {} programs that the tests need",
            missing.len()
        ),
    });
    for needed in missing {
        diagnostic = diagnostic.note(format!("{} {}", needed.name, needed.why));
    }
    let packages = packages(missing).join(" ");
    Failure::host(
        diagnostic
            .hint(Hint::heals(
                "on Debian and Ubuntu",
                [format!("{}{INSTALL} {packages}", as_root())],
            ))
            .hint(Hint::heals(
                "or have it done",
                ["cargo xtask test --install"],
            )),
    )
}

/// Installs what holds them.
///
/// # Errors
/// Fails where the package manager does.
pub(super) fn install(ui: Ui, shell: &Shell, missing: &[&Needed]) -> Outcome<()> {
    let packages = packages(missing);
    // A source that does not answer fails this, though those that matter may have answered.
    ui.say(&format!("== {}apt-get update", as_root()));
    run_as_root(shell, &["apt-get", "update"], &[]);

    ui.say(&format!("== {}{INSTALL} {}", as_root(), packages.join(" ")));
    let words: Vec<&str> = INSTALL.split(' ').collect();
    let installed = run_as_root(shell, &words, &packages);
    if installed.success() {
        return Ok(());
    }

    ui.say("== what that could not install, from the backports of this release of Debian");
    let with_backports = run_as_root(shell, &["sh", "-c", WITH_BACKPORTS, "install"], &packages);
    if with_backports.success() {
        return Ok(());
    }
    Err(not_installed(&installed))
}

/// Its arguments are packages.
const WITH_BACKPORTS: &str = include_str!("backports.sh");

fn run_as_root(shell: &Shell, words: &[&str], packages: &[&str]) -> Finished {
    // Nobody is there to be asked, for a password neither.
    let root: &[&str] = match as_root() {
        "" => &[],
        _ => &["sudo", "--non-interactive"],
    };
    let unasked = &["env", "DEBIAN_FRONTEND=noninteractive"];
    let mut words = [root, unasked, words, packages].into_iter().flatten();
    let program = words.next().copied().unwrap_or_default();
    process::stream(shell.cmd(program).args(words), PATIENCE)
}

fn not_installed(finished: &Finished) -> Failure {
    Failure::host(
        Diagnostic::error(format!("`{}` {}", finished.command, finished.ending()))
            .note("the tests need these packages")
            .hint("run the command yourself, and this again"),
    )
}
