//! The reports of drills that are kept.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_attribute::test;
use xtask::atomic;
use xtask::state::drill_reports;
use xtask::workspace::Workspace;

use crate::scratch::Scratch;

#[test]
fn reports_of_the_last_20_runs_are_kept() {
    let scratch = Scratch::new();
    let home = Workspace::at(scratch.root()).home(&"default".parse().unwrap());
    let started = |run: u64| Duration::from_secs(1_785_402_300 + run);
    for run in 0..22 {
        let page = format!("run {run}");
        let path = drill_reports::keep(&home, started(run), &page).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), page);
    }
    let kept = drill_reports::all(&home);
    assert_eq!(kept.len(), 20);
    let folder = home.folder().join("drills");
    assert_eq!(kept[0], folder.join("2026-07-30T09-05-02Z.html"));
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "run 2");
    let latest = fs::read_to_string(home.folder().join("drill.html"));
    assert_eq!(latest.unwrap(), "run 21");
    // If the clock was ahead, the report of this run looks like the oldest.
    fs::write(folder.join("Z.html"), "mine").unwrap();
    let path = drill_reports::keep(&home, Duration::from_secs(1), "early").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "early");
    assert_eq!(drill_reports::all(&home).len(), 20);
    assert!(folder.join("Z.html").is_file());
}

#[test]
fn report_is_written_to_a_pipe_and_replaces_no_device() {
    let scratch = Scratch::new();
    let pipe = scratch.root().join("pipe");
    mkfifo(pipe.as_std_path(), Mode::S_IRWXU).unwrap();
    // Nobody reads it, so waiting for a reader would take for ever.
    assert!(atomic::replace(&pipe, "a page").is_err());
    let mut options = File::options();
    let nonblocking = OFlag::O_NONBLOCK.bits();
    let mut reader = options
        .read(true)
        .custom_flags(nonblocking)
        .open(&pipe)
        .unwrap();
    atomic::replace(&pipe, "a page").unwrap();
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "a page");
    let left: Vec<_> = scratch.root().read_dir_utf8().unwrap().flatten().collect();
    assert!(
        left.iter()
            .all(|entry| !entry.file_name().ends_with(".new"))
    );
    let kind = fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(kind.is_fifo());
}

#[test]
fn report_of_a_killed_drill_leaves_nothing_in_the_end() {
    let scratch = Scratch::new();
    let home = Workspace::at(scratch.root()).home(&"default".parse().unwrap());
    let folder = home.folder().join("drills");
    fs::create_dir_all(&folder).unwrap();
    let left = folder.join(".2026-07-30T09-05-00Z.html.2147483646.new");
    fs::write(&left, "half").unwrap();
    drill_reports::keep(&home, Duration::from_secs(1_785_402_400), "whole").unwrap();
    assert!(!left.exists());
}
