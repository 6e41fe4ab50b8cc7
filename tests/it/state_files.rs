//! Files of a cluster's state that are no files.

use std::fs;
use std::process::Command;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_attribute::test;
use xtask::values::DriverName;

use crate::cli_completions::was_started_by;
use crate::scratch::{Ran, Scratch};

/// Reading a pipe would wait forever.
#[test]
fn pipes_in_the_place_of_state_are_named() {
    let definition = "members = 3\n[network]\nsubnet = \"10.86.20.0/24\"\n";
    let scratch = Scratch::with("odd", definition);
    was_started_by(&scratch, "odd", definition, DriverName::Local, "3.4.23");
    let folder = scratch.root().join(".state/odd");
    for (file, task) in [
        ("drill.json", "backup odd"),
        ("restore.json", "backup odd"),
        ("replace.json", "replace core-01 --cluster odd"),
        ("seen.json", "status odd"),
        ("cluster.json", "status odd"),
        ("cluster.json", "list"),
    ] {
        let path = folder.join(file);
        let _ = fs::rename(&path, scratch.root().join("kept"));
        mkfifo(path.as_std_path(), Mode::from_bits_truncate(0o600)).unwrap();
        let own = scratch.command(&task.split(' ').collect::<Vec<_>>());
        let mut limited = Command::new("timeout");
        limited
            .arg("60")
            .arg(own.get_program())
            .args(own.get_args());
        limited.current_dir(scratch.root());
        let ran = Ran::from(limited.output().unwrap());
        assert_ne!(ran.status, Some(124), "{file}: `{task}` waits");
        if file == "cluster.json" {
            assert!(
                ran.stderr.contains("cannot be read: it is not a file\n"),
                "{ran:?}"
            );
        }
        fs::remove_file(&path).unwrap();
        let _ = fs::rename(scratch.root().join("kept"), &path);
    }
}
