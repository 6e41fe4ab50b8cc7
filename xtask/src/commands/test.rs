//! `cargo xtask test`: everything that has to hold before a change is merged.

mod browser;
mod needed;
mod vms;

use std::fmt::Write;
use std::time::{Duration, Instant};

use xshell::Shell;

use super::render;
use crate::process::{self, Ending};
use crate::report::{Exit, Outcome};
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
  1  something does not hold; or with CI=true in the environment, was not run
  5  a program that the tests need is missing";

/// Runs `test`.
///
/// # Errors
/// Programs that the tests need and that are not there.
pub fn run(args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let shell = process::shell()?;
    shell.change_dir(workspace.root());
    let mut missing = needed::missing_to_all(&shell);
    if args.install {
        missing.extend(browser::missing(&shell));
        missing.extend(vms::missing(&shell));
        if !missing.is_empty() {
            needed::install(&shell, &missing)?;
            missing = needed::missing_to_all(&shell);
            missing.extend(browser::missing(&shell));
            missing.extend(vms::missing(&shell));
        }
    }
    if !missing.is_empty() {
        return Err(needed::lacking(&missing));
    }

    let host = Host::of(shell);
    let mut summary = String::new();
    let mut exit = Exit::Success;
    for step in STEPS {
        ui::say(&format!("== {}: {}", step.name, step.line));
        let begun = Instant::now();
        let failed = (step.run)(&host, step);
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
    // Where all of it has to hold, nothing may be left out.
    let must_run = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    for (ending, why) in &host.lacking {
        let _ = writeln!(summary, "not run: tests that end in `{ending}`: {why}");
        if must_run {
            exit = Exit::Unhealthy;
        }
    }
    ui::print(&format!("\n{summary}"));
    Ok(exit)
}

/// Why this host boots no virtual machines, for what does it beside the tests; nothing where it does.
///
/// # Errors
/// Fails where there is no folder to work in.
pub fn why_no_vms() -> Outcome<Option<String>> {
    Ok(vms::why_not(&process::shell()?))
}

/// Something that has to hold.
struct Step {
    name: &'static str,
    /// The command that looks at this alone.
    line: &'static str,
    /// Returns why it does not hold.
    run: fn(&Host, &Step) -> Option<String>,
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
        run: |host, _| {
            let skipped = host.lacking.iter();
            let skipped = skipped.flat_map(|(ending, _)| ["--skip", ending]);
            let tests = host
                .shell
                .cmd("cargo")
                .args(["test", "--no-fail-fast", "--"])
                .args(skipped);
            let finished = process::stream(tests, PATIENCE);
            (!finished.success()).then(|| finished.ending())
        },
    },
];

/// Something that a host may forbid. The tests that need it say so by the ending of their names.
struct Right {
    ending: &'static str,
    /// Why this host lacks it; nothing where it does not.
    why_not: fn(&Shell) -> Option<String>,
}

static RIGHTS: &[Right] = &[
    Right {
        ending: "_in_namespaces",
        why_not: |shell| {
            let probe = ["--map-root-user", "--mount", "--uts", "true"];
            unless(
                process::run(shell.cmd("unshare").args(probe), needed::PROBE).success(),
                "this host refuses `unshare --map-root-user --mount true`, as containers often do",
            )
        },
    },
    Right {
        ending: "_as_root",
        why_not: |_| {
            unless(
                nix::unistd::geteuid().is_root(),
                "only root can be another user",
            )
        },
    },
    Right {
        ending: "_in_containers",
        why_not: |shell| {
            let world = ["--mount", "--net", "sh", "-c", WORLD, "world"];
            let probe = shell.cmd("unshare").args(world).args(["sh", "-c", BOOT]);
            unless(
                process::run(probe, needed::PROBE).success(),
                "this host lets no `systemd-nspawn` run on a network of its own, which takes root and more",
            )
        },
    },
    Right {
        ending: "_with_docker_in_containers",
        why_not: |shell| {
            let world = ["--mount", "--net", "sh", "-c", WORLD, "world"];
            let probe = shell.cmd("unshare").args(world).args(["sh", "-c", PUBLISH]);
            unless(
                process::run(probe, needed::PROBE).success(),
                "this host's kernel has not what Docker publishes ports with, or only root may use it",
            )
        },
    },
    Right {
        ending: "_in_a_browser",
        why_not: browser::why_not,
    },
    Right {
        ending: "_in_vms",
        why_not: vms::why_not,
    },
];

fn unless(is_held: bool, why: &str) -> Option<String> {
    (!is_held).then(|| why.to_owned())
}

/// What runs in a world of its own leaves nothing in this one.
const WORLD: &str = include_str!("test/world.sh");

/// What a machine needs to boot in a container.
const BOOT: &str = "ip link add bridge type bridge && exec systemd-nspawn --quiet --register=no \
    --keep-unit --network-bridge=bridge --volatile=yes --directory=/ --console=pipe true";

/// The kinds of rules by which Docker publishes ports.
const PUBLISH: &str = "iptables --table nat --append PREROUTING --match addrtype --dst-type LOCAL \
    --protocol tcp --destination-port 2379 --jump DNAT --to-destination 172.17.0.2:2379 && \
    iptables --table nat --append POSTROUTING --source 172.17.0.0/16 --jump MASQUERADE && \
    iptables --append FORWARD --match conntrack --ctstate ESTABLISHED --jump ACCEPT";

/// Where it all happens.
struct Host {
    shell: Shell,
    /// The endings of tests that cannot run here, each with the reason. It is found out once: what is left
    /// out is what is said to be.
    lacking: Vec<(&'static str, String)>,
}

impl Host {
    fn of(shell: Shell) -> Self {
        let lacking = RIGHTS
            .iter()
            .filter_map(|right| Some((right.ending, (right.why_not)(&shell)?)))
            .collect();
        Self { shell, lacking }
    }
}

/// How long one step may take, the first build on a slow host included, and booting machines.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

fn cargo(host: &Host, step: &Step) -> Option<String> {
    let words = step.line.split(' ').skip(1);
    let finished = process::stream(host.shell.cmd("cargo").args(words), PATIENCE);
    (!finished.success()).then(|| finished.ending())
}
