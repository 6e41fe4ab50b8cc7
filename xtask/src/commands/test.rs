//! `cargo xtask test`: everything that has to hold before a change is merged.

mod browser;
mod needed;
pub mod rights;
mod vms;

use std::fmt::Write;
use std::slice;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use xshell::{Cmd, Shell};

use super::Exit;
use crate::process;
use crate::report::Outcome;
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Run every test of this project
///
/// First looks for the programs that the rendered files are put before, and stops where one is
/// missing: a test that could not look must not pass. Then checks formatting, lints, whether the
/// rendered files are what their definitions say, and runs the tests, with real etcd clusters on
/// networks of their own among them. One that fails keeps none of the others from running.
///
/// Two kinds of tests take longer and run alone. `--machines` boots virtual machines, `--soak` repeats
/// kills and rehearsals for as long as it takes to trust the figures in the documentation.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// Install what the tests need and this host lacks, with apt-get
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
    /// Repeat kills and rehearsals instead, in the order of a seed
    #[arg(
        long,
        value_name = "SEED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        conflicts_with = "machines"
    )]
    soak: Option<u64>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask test                   everything but virtual machines
  cargo xtask test --install         in CI: install what is missing first
  cargo xtask test --machines        boot three virtual machines, by the short story
  cargo xtask test --machines=all    the long one, before a release
  cargo xtask test --soak=7          kills and rehearsals, in the order of this seed
  cargo test                         the tests alone; what cannot run here is ignored

Exit status:
  1  something does not hold; or with CI=true in the environment, was not run
  5  a program that the tests need is missing";

/// How much of the life of virtual machines is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Story {
    /// Three machines from nothing, verified, one mended after a loss of power
    Short,
    /// That and much more, with every drill
    All,
}

/// Runs `test`.
///
/// # Errors
/// Programs that the tests need and that are not there.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let shell = process::shell()?;
    shell.change_dir(workspace.root());
    have_what_is_needed(ui, args, &shell)?;
    let seed = args.soak.map(|seed| seed.to_string());
    let steps: &[Step] = match (args.machines, &seed) {
        (Some(Story::Short), _) => slice::from_ref(&SHORT_STORY),
        (Some(Story::All), _) => slice::from_ref(&ALL_STORIES),
        (None, Some(seed)) => {
            shell.set_var("XTASK_TEST_SEED", seed);
            slice::from_ref(&SOAK)
        }
        (None, None) => STEPS,
    };
    Ok(run_each(ui, steps, &shell))
}

/// Insists on the programs that these tests need, once they were installed where that was asked for.
fn have_what_is_needed(ui: Ui, args: &Args, shell: &Shell) -> Outcome<()> {
    let missing = |to_install: bool| match args.machines {
        Some(_) => vms::missing(shell),
        None => {
            let mut missing = needed::missing_to_all(shell);
            // A host that cannot have these runs the other tests.
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

/// Runs each step, whatever becomes of the others, and sums up.
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
static SOAK: Step = cargo("soak", "cargo test --test soak");

/// A step that is a command of cargo's.
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

/// Runs a command. Returns how it ended where it failed.
fn failed(command: Cmd<'_>) -> Option<String> {
    let finished = process::stream(command, PATIENCE);
    (!finished.success()).then(|| finished.ending())
}

/// How long one step may take, the first build on a slow host included, and booting machines.
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);
