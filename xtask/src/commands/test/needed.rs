//! The programs that the tests need besides Rust, and how to install them.

use std::time::Duration;

use xshell::Shell;

use crate::hint::Hint;
use crate::process::{self, Finished};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::ui::Ui;

/// The time limit for probing a program, long enough for a slow and busy host: a program that does not
/// answer in time counts as missing.
pub(super) const PROBE: Duration = Duration::from_secs(5 * 60);

/// The time limit for downloading and unpacking packages on a slow connection.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A program that the tests need.
pub(super) struct Needed {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    /// Arguments that make it succeed without doing anything, to show that it is installed.
    pub(super) probe: &'static [&'static str],
    /// Its package in Debian and Ubuntu.
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
        why: "runs tests without a network, or in another root folder",
    },
    Needed {
        name: "`ip`",
        program: "ip",
        probe: &["-Version"],
        package: "iproute2",
        why: "makes networks for tests, and lists those of this host",
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
        why: "downloads releases if there is no curl",
    },
    Needed {
        name: "`zsh`",
        program: "zsh",
        probe: &["--version"],
        package: "zsh",
        why: "tests its completion script",
    },
    Needed {
        name: "`fish`",
        program: "fish",
        probe: &["--version"],
        package: "fish",
        why: "tests its completion script",
    },
    Needed {
        name: "`mmdebstrap`",
        program: "mmdebstrap",
        probe: &["--version"],
        package: "mmdebstrap",
        why: "makes the file systems of machines",
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
        why: "tests whether this host can publish ports as Docker does",
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
        why: "boots machines under libvirt",
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
        why: "writes into the file systems of boxes",
    },
    Needed {
        name: "`sfdisk`",
        program: "sfdisk",
        probe: &["--version"],
        package: "fdisk",
        why: "partitions disks as distributions do",
    },
];

/// The missing programs among those that all tests need.
pub(super) fn missing_to_all(shell: &Shell) -> Vec<&'static Needed> {
    missing(shell, NEEDED)
}

/// The missing programs among those that all tests need, limited to these packages.
pub(super) fn missing_of(shell: &Shell, packages: &[&str]) -> Vec<&'static Needed> {
    let of_these = |needed: &&Needed| packages.contains(&needed.package);
    let needed = NEEDED.iter().filter(of_these);
    needed.filter(|needed| needed.is_missing(shell)).collect()
}

pub(super) fn missing(shell: &Shell, needed: &'static [Needed]) -> Vec<&'static Needed> {
    let needed = needed.iter();
    needed.filter(|needed| needed.is_missing(shell)).collect()
}

/// Installs packages without upgrading or removing others.
const INSTALL: &str = "apt-get install --yes --no-install-recommends --no-upgrade --no-remove";

fn packages(missing: &[&Needed]) -> Vec<&'static str> {
    missing.iter().map(|needed| needed.package).collect()
}

/// The prefix of a command that needs root.
fn as_root() -> &'static str {
    if nix::unistd::geteuid().is_root() {
        ""
    } else {
        "sudo "
    }
}

/// The error for missing programs, with the command that installs them.
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
                "or let this task install them",
                ["cargo xtask test --install"],
            )),
    )
}

/// Installs the packages of missing programs.
pub(super) fn install(ui: Ui, shell: &Shell, missing: &[&Needed]) -> Outcome<()> {
    let packages = packages(missing);
    // One unreachable package source makes this fail, even if the sources that matter were updated.
    ui.say(&format!("== {}apt-get update", as_root()));
    run_as_root(shell, &["apt-get", "update"], &[]);

    ui.say(&format!("== {}{INSTALL} {}", as_root(), packages.join(" ")));
    let words: Vec<&str> = INSTALL.split(' ').collect();
    let installed = run_as_root(shell, &words, &packages);
    if installed.success() {
        return Ok(());
    }

    ui.say("== the remaining packages, from the backports of this Debian release");
    let with_backports = run_as_root(shell, &["sh", "-c", WITH_BACKPORTS, "install"], &packages);
    if with_backports.success() {
        return Ok(());
    }
    Err(not_installed(&installed))
}

/// A script; its arguments are packages.
const WITH_BACKPORTS: &str = include_str!("backports.sh");

fn run_as_root(shell: &Shell, words: &[&str], packages: &[&str]) -> Finished {
    // Nobody may be there to answer, not even to enter a password.
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
            .hint("run the command yourself, then run this task again"),
    )
}
