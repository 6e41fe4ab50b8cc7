//! `cargo xtask test`: everything that has to hold before a change is merged.

use std::fmt::Write;
use std::time::{Duration, Instant};

use xshell::Shell;

use super::render;
use crate::process::{self, Ending, Finished};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::ui;
use crate::workspace::Workspace;

/// Run every test of this project
///
/// First looks for the programs that the rendered files are put before, and stops where one is
/// missing: a test that could not look must not pass. Then checks formatting, lints, whether the
/// rendered files are what their definitions say, and runs the tests, with real etcd clusters on this
/// host's loopback addresses among them. One that fails keeps none of the others from running.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// Install what the tests need and this host lacks, with apt-get
    #[arg(long)]
    install: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask test              run everything
  cargo xtask test --install    in CI: install what is missing first
  cargo test                    the tests alone

Exit status:
  1  something does not hold
  5  a program that the tests need is missing";

/// Runs `test`.
///
/// # Errors
/// Programs that the tests need and that are not there.
pub fn run(args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let shell = process::shell()?;
    shell.change_dir(workspace.root());
    let missing = missing(&shell);
    if args.install && !missing.is_empty() {
        install(&shell, &missing)?;
    }
    let missing = if args.install {
        self::missing(&shell)
    } else {
        missing
    };
    if !missing.is_empty() {
        return Err(lacking(&missing));
    }

    let mut summary = String::new();
    let mut exit = Exit::Success;
    for step in STEPS {
        ui::say(&format!("== {}: {}", step.name, step.line));
        let begun = Instant::now();
        let failed = (step.run)(&shell, step);
        let seconds = begun.elapsed().as_secs_f64();
        let verdict = match &failed {
            None => "ok".to_owned(),
            Some(why) => format!("failed: `{}` {why}", step.line),
        };
        let _ = writeln!(summary, "{:<15} {seconds:>6.1} s  {verdict}", step.name);
        if failed.is_some() {
            exit = Exit::Unhealthy;
        }
    }
    if !may_have_namespaces(&shell) {
        summary.push_str(
            "not run: tests that end in `_in_namespaces`; this host refuses `unshare --map-root-user --mount true`\n",
        );
    }
    ui::print(&format!("\n{summary}"));
    Ok(exit)
}

/// Something that has to hold.
struct Step {
    name: &'static str,
    /// The command that looks at this alone.
    line: &'static str,
    /// Returns why it does not hold.
    run: fn(&Shell, &Step) -> Option<String>,
}

static STEPS: &[Step] = &[
    Step {
        name: "formatting",
        line: "cargo fmt --all --check",
        run: cargo,
    },
    Step {
        name: "lints",
        line: "cargo clippy --all-targets -- -D warnings",
        run: cargo,
    },
    Step {
        name: "rendered files",
        line: "cargo xtask render --check",
        run: |_, _| {
            let exit = render::run(&render::Args::check_everything()).unwrap_or_else(|failure| {
                ui::diagnostics::report(&failure.diagnostics);
                failure.exit
            });
            let ending = Ending::Exited(i32::from(exit as u8));
            (exit != Exit::Success).then(|| ending.to_string())
        },
    },
    Step {
        name: "tests",
        line: "cargo test",
        run: |shell, _| {
            let words: &[&str] = if may_have_namespaces(shell) {
                &[]
            } else {
                WITHOUT_NAMESPACES
            };
            let finished = process::stream(shell.cmd("cargo").arg("test").args(words), PATIENCE);
            (!finished.success()).then(|| finished.ending())
        },
    },
];

/// Leaves out the tests that look at a full disk, a machine's own root or none of a host's rights.
const WITHOUT_NAMESPACES: &[&str] = &["--", "--skip", "_in_namespaces"];

/// Whether a process may have mounts of its own. Containers often may not.
fn may_have_namespaces(shell: &Shell) -> bool {
    let probe = shell
        .cmd("unshare")
        .args(["--map-root-user", "--mount", "--uts", "true"]);
    process::run(probe, Duration::from_secs(30)).success()
}

/// How long one step may take, the first build on a slow host included.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

fn cargo(shell: &Shell, step: &Step) -> Option<String> {
    let words = step.line.split(' ').skip(1);
    let finished = process::stream(shell.cmd("cargo").args(words), PATIENCE);
    (!finished.success()).then(|| finished.ending())
}

/// A program that the tests need.
struct Needed {
    name: &'static str,
    program: &'static str,
    /// Shows that it is there: words that make it succeed and do nothing.
    probe: &'static [&'static str],
    /// The package of Debian and Ubuntu that holds it.
    package: &'static str,
    why: &'static str,
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
];

fn missing(shell: &Shell) -> Vec<&'static Needed> {
    let is_missing = |needed: &&Needed| {
        let probe = shell.cmd(needed.program).args(needed.probe);
        !process::run(probe, Duration::from_secs(30)).success()
    };
    NEEDED.iter().filter(is_missing).collect()
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

fn lacking(missing: &[&Needed]) -> Failure {
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
    Failure::new(
        Exit::Host,
        diagnostic
            .hint(format!(
                "on Debian and Ubuntu: `{}{INSTALL} {packages}`",
                as_root()
            ))
            .hint("or have it done: `cargo xtask test --install`"),
    )
}

fn install(shell: &Shell, missing: &[&Needed]) -> Outcome<()> {
    let packages = packages(missing);
    // A source that does not answer fails the update, though those that matter may have answered.
    for line in ["apt-get update", INSTALL] {
        let line = format!("{}{line}", as_root());
        let wanted = if line.ends_with("update") {
            &[][..]
        } else {
            &packages
        };
        ui::say(&format!("== {line} {}", wanted.join(" ")));
        let mut words = line.split(' ');
        let command = shell
            .cmd(words.next().unwrap_or_default())
            // Nobody is there to be asked for a password.
            .args((!as_root().is_empty()).then_some("--non-interactive"))
            .args(words)
            .args(wanted)
            .env("DEBIAN_FRONTEND", "noninteractive");
        let finished = process::stream(command, PATIENCE);
        if !finished.success() && !wanted.is_empty() {
            return Err(not_installed(&finished));
        }
    }
    Ok(())
}

fn not_installed(finished: &Finished) -> Failure {
    Failure::new(
        Exit::Host,
        Diagnostic::error(format!("`{}` {}", finished.command, finished.ending()))
            .note("the tests need these packages")
            .hint("run the command yourself, and this again"),
    )
}
