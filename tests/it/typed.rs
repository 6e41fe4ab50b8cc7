//! Command lines that the program prints, run in a shell as a user would type them.

use std::fs;
use std::process::Command;

use crate::scratch::{Ran, Scratch};
use crate::support::write_program;

/// Runs a command line in a workspace where `cargo xtask` is this program. Its questions are answered
/// with yes.
pub(crate) fn typed(scratch: &Scratch, command: &str) -> Ran {
    let root = scratch.root();
    let folder = root.join("typed");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        let program = env!("CARGO_BIN_EXE_xtask");
        let script =
            format!("#!/bin/sh\n[ \"$1\" = xtask ] || exit 127\nshift\nexec '{program}' \"$@\"\n");
        write_program(&folder.join("cargo"), &script);
    }
    let asks = ["cargo xtask restore ", "cargo xtask replace "];
    let command = match asks.iter().any(|task| command.contains(task)) {
        true => format!("{command} --yes"),
        false => command.to_owned(),
    };
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(root);
    // In the environment of the program itself.
    for (name, value) in scratch.command(&[]).get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", format!("{folder}:{path}"));
    Ran::from(shell.output().unwrap())
}
