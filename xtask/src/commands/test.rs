//! `cargo xtask test`: runs all checks that a change must pass before it is merged.

mod browser;
mod needed;
pub mod rights;
mod vms;

use std::fmt::Write;
use std::slice;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use clap::ValueEnum;
use xshell::{Cmd, Shell};

use super::Exit;
use crate::process;
use crate::report::Outcome;
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Run every test of this project
///
/// First, `test` looks for the programs that the tests need, and stops if one is missing: a test that
/// cannot run must not pass. Then it checks formatting, lints and rendered files, and runs the tests,
/// some of which start real etcd clusters on separate networks. If one step fails, the others still
/// run.
///
/// Three kinds of tests run separately. `--machines` boots virtual machines. `--soak` repeats kills
/// and drills often enough to trust the figures in the documentation. `--releases` changes the
/// version of clusters between releases of etcd that no distribution packages.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// Install missing programs with apt-get
    #[arg(long)]
    install: bool,
    /// Boot virtual machines instead
    #[arg(
        long,
        value_enum,
        value_name = "STORY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "short"
    )]
    machines: Option<Story>,
    /// Repeat kills and drills instead, in an order given by a seed
    #[arg(
        long,
        value_name = "SEED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        conflicts_with = "machines"
    )]
    soak: Option<u64>,
    /// Change versions instead, between releases that are in this folder
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath, conflicts_with_all = ["machines", "soak"])]
    releases: Option<Utf8PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask test                   all tests without virtual machines
  cargo xtask test --install         in CI: install missing programs first
  cargo xtask test --machines        boot three virtual machines, for the short story
  cargo xtask test --machines=all    the long story, before a release
  cargo xtask test --releases=etcd   change versions; `etcd/3.7.1/etcd` and so on are there
  cargo xtask test --soak=7          repeat kills and drills, in the order of seed 7
  cargo test                         only the tests, ignoring those that cannot run here

Exit status:
  1  a step failed; or, with CI=true in the environment, a test could not run
  5  a program that the tests need is missing";

/// Which test of virtual machines to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Story {
    /// Start three machines, verify them, and repair one after a power loss
    Short,
    /// The same and much more, with every drill
    All,
}

/// Runs `test`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let shell = process::shell()?;
    shell.change_dir(workspace.root());
    require_programs(ui, args, &shell)?;
    let seed = args.soak.map(|seed| seed.to_string());
    let steps: &[Step] = match (args.machines, &seed, &args.releases) {
        (Some(Story::Short), ..) => slice::from_ref(&SHORT_STORY),
        (Some(Story::All), ..) => slice::from_ref(&ALL_STORIES),
        (None, Some(seed), _) => {
            shell.set_var("XTASK_TEST_SEED", seed);
            slice::from_ref(&SOAK)
        }
        (None, None, Some(folder)) => {
            let folder = camino::absolute_utf8(folder).unwrap_or_else(|_| folder.clone());
            shell.set_var("XTASK_TEST_RELEASES", folder);
            slice::from_ref(&RELEASES)
        }
        (None, None, None) => STEPS,
    };
    Ok(run_each(ui, steps, &shell))
}

/// Installs missing programs if requested, and fails if any program that these tests need is missing.
fn require_programs(ui: Ui, args: &Args, shell: &Shell) -> Outcome<()> {
    let missing = |to_install: bool| match args.machines {
        Some(_) => vms::missing(shell),
        None => {
            let mut missing = needed::missing_to_all(shell);
            // If these cannot be installed, the other tests still run.
            if to_install {
                missing.extend(browser::missing(shell));
            }
            missing
        }
    };
    let mut lacking = missing(args.install);
    if args.install && !lacking.is_empty() {
        needed::install(ui, shell, &lacking)?;
        lacking = missing(true);
    }
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(needed::lacking(&lacking))
    }
}

/// Runs every step, even if one fails, and prints a summary.
fn run_each(ui: Ui, steps: &[Step], shell: &Shell) -> Exit {
    let mut summary = String::new();
    let mut exit = Exit::Success;
    for step in steps {
        ui.say(&format!("== {}: {}", step.name, step.line));
        let begun = Instant::now();
        let failed = (step.run)(shell, step);
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
    ui.print(&format!("\n{summary}"));
    exit
}

/// Why this host cannot boot virtual machines, or `None` if it can. Benchmarks need this too.
///
/// # Errors
/// Fails if the current folder is gone.
pub fn why_no_vms() -> Outcome<Option<String>> {
    Ok(vms::why_not(&process::shell()?))
}

/// One part of `cargo xtask test`.
struct Step {
    name: &'static str,
    /// The command that runs only this step.
    line: &'static str,
    /// Returns why the step failed, or `None`.
    run: fn(&Shell, &Step) -> Option<String>,
}

static STEPS: &[Step] = &[
    cargo("formatting", "cargo fmt --all --check"),
    cargo("lints", "cargo clippy --all-targets -- -D warnings"),
    cargo("documentation", "cargo doc --no-deps"),
    Step {
        name: "rendered files",
        line: "cargo xtask render --check",
        run: |shell, _| {
            let own = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
            failed(shell.cmd(own).args(["render", "--check"]))
        },
    },
    cargo("tests", "cargo test"),
];

static SHORT_STORY: Step = cargo("machines", "cargo test --test vm -- --skip long_story");
static ALL_STORIES: Step = cargo("machines", "cargo test --test vm -- --skip short_story");
static RELEASES: Step = cargo("releases", "cargo test --test releases");
static SOAK: Step = cargo("soak", "cargo test --test soak");

/// A step that runs a cargo command.
const fn cargo(name: &'static str, line: &'static str) -> Step {
    Step {
        name,
        line,
        run: |shell, step| {
            let words = step.line.split(' ').skip(1);
            failed(shell.cmd("cargo").args(words))
        },
    }
}

/// Runs a command. Returns how it ended if it failed.
fn failed(command: Cmd<'_>) -> Option<String> {
    let finished = process::stream(command, PATIENCE);
    (!finished.success()).then(|| finished.ending())
}

/// The time limit of a step, which includes the first build on a slow host and booting machines.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);
