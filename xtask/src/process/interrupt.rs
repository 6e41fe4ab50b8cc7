//! Ctrl-C, a termination signal, a closed terminal: ends what is running, and says what is left and how to go
//! on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{GRACE, group};
use crate::ui::Ui;

/// Makes interruptions end the program in an orderly way, with this exit status. To be called once, before any
/// work.
pub fn install_interrupt_handler(ui: Ui, status: u8) {
    // It fails only where it was installed already, or where the system has no signals to give; the
    // program then ends as programs do.
    let _ = ctrlc::set_handler(move || {
        if let Some(line) = put_off() {
            ui.say(&line);
            return;
        }
        INTERRUPTED.store(true, Ordering::SeqCst);
        group::end_all(GRACE);
        for folder in doomed().values() {
            // Whoever fills it next begins with removing it as well.
            let _ = std::fs::remove_dir_all(folder);
        }
        let quietly = *quietly();
        match quietly {
            Some(end) => end(),
            None => say_so(ui),
        }
        std::process::exit(i32::from(status));
    });
}

/// Has this said after an interruption, for as long as the returned value lives: what state the work
/// leaves, and how to go on or back.
#[must_use = "it is forgotten when this is dropped"]
pub fn on_interrupt(line: impl Into<String>) -> AfterInterrupt {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    after_lines().insert(number, line.into());
    AfterInterrupt(number)
}

/// Has an interruption remove a folder, for as long as the returned value lives.
#[must_use = "it is forgotten when this is dropped"]
pub fn remove_on_interrupt(folder: impl Into<PathBuf>) -> RemovedOnInterrupt {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    doomed().insert(number, folder.into());
    RemovedOnInterrupt(number)
}

/// Keeps a folder of [`remove_on_interrupt`].
#[derive(Debug)]
pub struct RemovedOnInterrupt(u64);

impl Drop for RemovedOnInterrupt {
    fn drop(&mut self) {
        doomed().remove(&self.0);
    }
}

/// Has an interruption say nothing and do this instead, for as long as the returned value lives: it is
/// how the user of what runs meanwhile ends it, and no news to them.
#[must_use = "it is forgotten when this is dropped"]
pub fn quietly_on_interrupt(end: fn()) -> QuietlyOnInterrupt {
    *quietly() = Some(end);
    QuietlyOnInterrupt(())
}

/// Keeps what [`quietly_on_interrupt`] was told.
#[derive(Debug)]
pub struct QuietlyOnInterrupt(());

impl Drop for QuietlyOnInterrupt {
    fn drop(&mut self) {
        *quietly() = None;
    }
}

/// Keeps a line of [`on_interrupt`].
#[derive(Debug)]
pub struct AfterInterrupt(u64);

impl Drop for AfterInterrupt {
    fn drop(&mut self) {
        after_lines().remove(&self.0);
    }
}

/// Puts the first interruption off, for as long as the returned value lives: what must not be left as
/// it is asks [`DeferredInterrupt::is_asked`] again and again, and ends in its own way. `line` is said to whoever
/// interrupts. A second interruption is not put off.
#[must_use = "interruptions are put off only until this is dropped"]
pub fn defer_interrupt(line: impl Into<String>) -> DeferredInterrupt {
    *put_off_line() = Some(line.into());
    DeferredInterrupt(())
}

/// Puts the first interruption off.
#[derive(Debug)]
pub struct DeferredInterrupt(());

impl DeferredInterrupt {
    /// Whether an interruption was put off.
    pub fn is_asked(&self) -> bool {
        ASKED.load(Ordering::SeqCst)
    }
}

impl Drop for DeferredInterrupt {
    fn drop(&mut self) {
        *put_off_line() = None;
    }
}

/// Takes note of an interruption that is to be put off; none where it is not. It is put off once.
fn put_off() -> Option<String> {
    let line = put_off_line().take()?;
    ASKED.store(true, Ordering::SeqCst);
    Some(line)
}

/// What is said about the first interruption while it is put off.
fn put_off_line() -> MutexGuard<'static, Option<String>> {
    PUT_OFF.lock().unwrap_or_else(PoisonError::into_inner)
}

static PUT_OFF: Mutex<Option<String>> = Mutex::new(None);

/// Whether an interruption was put off. It stays so: the program is to end after it.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether the program is about to end.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Goes no further once the program is about to end: a program that was ended because of that has
/// not failed, and nothing must be said or begun because of it.
pub(super) fn wait_if_interrupted() {
    while is_interrupted() {
        thread::park();
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// By number, so that they are said in the order in which the work went.
static AFTER: Mutex<BTreeMap<u64, String>> = Mutex::new(BTreeMap::new());

static DOOMED: Mutex<BTreeMap<u64, PathBuf>> = Mutex::new(BTreeMap::new());

static QUIETLY: Mutex<Option<fn()>> = Mutex::new(None);

static NEXT: AtomicU64 = AtomicU64::new(0);

fn say_so(ui: Ui) {
    let lines: Vec<String> = after_lines().values().cloned().collect();
    ui.say("interrupted");
    for line in lines {
        ui.say(&line);
    }
}

fn quietly() -> MutexGuard<'static, Option<fn()>> {
    QUIETLY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn doomed() -> MutexGuard<'static, BTreeMap<u64, PathBuf>> {
    DOOMED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn after_lines() -> MutexGuard<'static, BTreeMap<u64, String>> {
    AFTER.lock().unwrap_or_else(PoisonError::into_inner)
}
