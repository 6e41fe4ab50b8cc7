//! Handles Ctrl-C, SIGTERM and a closed terminal: ends running programs, and prints what is left
//! and how to continue.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{GRACE, group};
use crate::ui::Ui;

/// Ends the program in an orderly way on an interruption, with this exit status. Call it once,
/// before any work.
pub fn install_interrupt_handler(ui: Ui, status: u8) {
    // Fails only if a handler is already installed or the system has no signals; the default action
    // then applies.
    let _ = ctrlc::set_handler(move || {
        if let Some(line) = put_off() {
            ui.say(&line);
            return;
        }
        INTERRUPTED.store(true, Ordering::SeqCst);
        group::end_all(GRACE);
        for folder in doomed().values() {
            // The next task that uses the folder removes it first, too.
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

/// Prints this line after an interruption while the returned value lives: what state the work is
/// in, and how to continue or undo it.
#[must_use = "it is forgotten when this is dropped"]
pub fn on_interrupt(line: impl Into<String>) -> AfterInterrupt {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    after_lines().insert(number, line.into());
    AfterInterrupt(number)
}

/// Removes a folder on an interruption while the returned value lives.
#[must_use = "it is forgotten when this is dropped"]
pub fn remove_on_interrupt(folder: impl Into<PathBuf>) -> RemovedOnInterrupt {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    doomed().insert(number, folder.into());
    RemovedOnInterrupt(number)
}

/// Guard of [`remove_on_interrupt`].
#[derive(Debug)]
pub struct RemovedOnInterrupt(u64);

impl Drop for RemovedOnInterrupt {
    fn drop(&mut self) {
        doomed().remove(&self.0);
    }
}

/// On an interruption, prints nothing and calls this function, while the returned value lives:
/// Ctrl-C is the normal way to end what is running.
#[must_use = "it is forgotten when this is dropped"]
pub fn quietly_on_interrupt(end: fn()) -> QuietlyOnInterrupt {
    *quietly() = Some(end);
    QuietlyOnInterrupt(())
}

/// Guard of [`quietly_on_interrupt`].
#[derive(Debug)]
pub struct QuietlyOnInterrupt(());

impl Drop for QuietlyOnInterrupt {
    fn drop(&mut self) {
        *quietly() = None;
    }
}

/// Guard of [`on_interrupt`].
#[derive(Debug)]
pub struct AfterInterrupt(u64);

impl AfterInterrupt {
    /// Replaces the line.
    pub fn change(&self, line: impl Into<String>) {
        after_lines().insert(self.0, line.into());
    }
}

impl Drop for AfterInterrupt {
    fn drop(&mut self) {
        after_lines().remove(&self.0);
    }
}

/// Defers the first interruption while the returned value lives. Work that must not stop half-way
/// polls [`DeferredInterrupt::is_asked`] and ends in its own way. `line` is printed on the
/// interruption. A second interruption is not deferred.
#[must_use = "interruptions are deferred only until this is dropped"]
pub fn defer_interrupt(line: impl Into<String>) -> DeferredInterrupt {
    *put_off_line() = Some(line.into());
    DeferredInterrupt(())
}

/// Guard of [`defer_interrupt`].
#[derive(Debug)]
pub struct DeferredInterrupt(());

impl DeferredInterrupt {
    /// Whether the user has interrupted.
    pub fn is_asked(&self) -> bool {
        ASKED.load(Ordering::SeqCst)
    }
}

impl Drop for DeferredInterrupt {
    fn drop(&mut self) {
        *put_off_line() = None;
    }
}

/// Registers an interruption if it is to be deferred, and returns the line to print. Only the first
/// one is deferred.
fn put_off() -> Option<String> {
    let line = put_off_line().take()?;
    ASKED.store(true, Ordering::SeqCst);
    Some(line)
}

/// The line for the first interruption while it is deferred.
fn put_off_line() -> MutexGuard<'static, Option<String>> {
    PUT_OFF.lock().unwrap_or_else(PoisonError::into_inner)
}

static PUT_OFF: Mutex<Option<String>> = Mutex::new(None);

/// Whether an interruption was deferred. It stays set, because the program is to end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether the program is about to end.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Blocks once the program is about to end: a program that was ended for that reason has not
/// failed, and nothing must be printed or started because of it.
pub(super) fn wait_if_interrupted() {
    while is_interrupted() {
        thread::park();
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Keyed by number, so that they are printed in the order of the work.
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
