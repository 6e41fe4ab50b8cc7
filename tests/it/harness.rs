//! Runs the tests. Most of them wait for something, so more run at a time than there are processors. A
//! test that cannot run on this host is reported as ignored, with the reason; with `CI=true` in the
//! environment it fails. A test whose name ends in `_alone` judges how fast something is, and runs while
//! nothing else does. The slowest are listed at the end.

use std::any::Any;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::Signal;
use xtask::commands::test::rights;

use crate::{network, scratch};

/// A test, as `#[test]` enters it.
pub(crate) struct Test {
    /// Its path in this binary, which comes first.
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

inventory::collect!(Test);

/// How many tests run at a time for each processor.
const PER_PROCESSOR: usize = 3;

/// How many of the slowest are listed.
const SLOWEST: usize = 10;

/// Why a test is left out, as what it panics with.
struct NotRun(String);

/// Ends the test: it cannot run on this host, and says why.
pub(crate) fn not_run(why: impl Into<String>) -> ! {
    std::panic::resume_unwind(Box::new(NotRun(why.into())))
}

/// Runs the tests that the command line asks for. `first`: the beginnings of the names of those that take
/// longest, and therefore begin first.
pub(crate) fn run(first: &[&str]) -> ExitCode {
    heed_interrupts();
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        let processors = thread::available_parallelism().map_or(1, Into::into);
        arguments.test_threads = Some(PER_PROCESSOR * processors);
    }
    let _of_this_run = (!arguments.list).then(|| {
        network::prepare();
        scratch::share_processors();
        scratch::remove_what_killed_runs_left()
    });
    let mut tests: Vec<&Test> = inventory::iter::<Test>().collect();
    tests.sort_by_key(|test| {
        let name = short(test);
        let rank = first.iter().position(|first| name.starts_with(first));
        (is_alone(name), rank.unwrap_or(first.len()), name)
    });
    let conclusion = libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect());
    tell_the_slowest();
    conclusion.exit_code()
}

/// Starts anew with an interrupt's default action, where a shell started this in the background and so has it
/// and all that it starts ignore interrupts: programs under test would never end.
fn heed_interrupts() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if ignored.is_some_and(|mask| mask & (1 << (Signal::SIGINT as i32 - 1)) != 0) {
        let mut env = Command::new("env");
        let failed = env
            .arg("--default-signal=INT")
            .args(std::env::args_os())
            .exec();
        panic!("interrupts are ignored, and `env` cannot change that: {failed}");
    }
}

/// Whoever has it for writing has this host alone.
static HOST: RwLock<()> = RwLock::new(());

fn is_alone(name: &str) -> bool {
    name.ends_with("_alone")
}

/// A test's name without the binary's.
fn short(test: &Test) -> &'static str {
    test.name
        .split_once("::")
        .map_or(test.name, |(_, name)| name)
}

fn trial(test: &'static Test) -> Trial {
    let name = short(test);
    Trial::ignorable_test(name, move || {
        if let Some(why) = rights::why_not(name) {
            return left_out(why);
        }
        let (_beside, _alone) = if is_alone(name) {
            (None, Some(HOST.write()))
        } else {
            (Some(HOST.read()), None)
        };
        let begun = Instant::now();
        // On a thread of its own, which may move to a network of its own.
        let thread = thread::Builder::new().name(name.to_owned());
        let ended = thread.spawn(test.run)?.join();
        if let Ok(mut times) = TIMES.lock() {
            times.push((begun.elapsed(), name));
        }
        match ended {
            Ok(()) => Ok(Completion::Completed),
            Err(panic) => match panic.downcast::<NotRun>() {
                Ok(why) => left_out(why.0),
                Err(panic) => Err(Failed::from(message(&*panic))),
            },
        }
    })
}

/// Where everything has to hold, nothing may be left out.
fn left_out(why: String) -> Result<Completion, Failed> {
    if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        return Err(format!("not run, with CI=true in the environment: {why}").into());
    }
    Ok(Completion::ignored_with(why))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked, with no message")
}

static TIMES: Mutex<Vec<(Duration, &str)>> = Mutex::new(Vec::new());

fn tell_the_slowest() {
    let Ok(mut times) = TIMES.lock() else {
        return;
    };
    if times.len() < 2 {
        return;
    }
    times.sort_by(|one, other| other.cmp(one));
    println!("slowest tests:");
    for (took, name) in times.iter().take(SLOWEST) {
        println!("{:>7.1} s  {name}", took.as_secs_f64());
    }
}
