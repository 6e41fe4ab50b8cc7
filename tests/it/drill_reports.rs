//! The reports of drills that are kept.

use std::fs;
use std::time::Duration;

use test_attribute::test;
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
}
