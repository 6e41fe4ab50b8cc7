//! What several subjects need.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use crate::harness::not_run;

/// How long anything may take that is looked for again and again, on a host with much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until what is seen is as it should be, or for long enough. Returns what was seen last, for a
/// test to judge.
pub(crate) fn look_until<T>(look: impl FnMut() -> T, is_so: impl Fn(&T) -> bool) -> T {
    look_for(PATIENCE, look, is_so)
}

/// The same within this time.
pub(crate) fn look_for<T>(
    patience: Duration,
    mut look: impl FnMut() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        let seen = look();
        if is_so(&seen) || Instant::now() > deadline {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The root of this project's checkout.
pub(crate) fn project() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Leaves the test out where a program is not installed: one that could not look must not pass.
pub(crate) fn require_tool(program: &str, package: &str) {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !found {
        not_run(format!("{program} is missing; apt-get install {package}"));
    }
}

/// The same for what a distribution's Python can import.
pub(crate) fn require_module(module: &str, package: &str) {
    let import = Command::new("/usr/bin/python3")
        .args(["-c", &format!("import {module}")])
        .output();
    if !import.is_ok_and(|import| import.status.success()) {
        not_run(format!(
            "/usr/bin/python3 has no module {module}; apt-get install {package}"
        ));
    }
}

/// Runs a program on this input and returns its output.
#[track_caller]
pub(crate) fn pipe(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => {
                let program = command.get_program().to_string_lossy();
                not_run(format!("{program} is missing"))
            }
            _ => panic!("{command:?}: {error}"),
        });
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that fails early reads no further; its status says so.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} {}\n{stderr}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Writes a program that can be run at once. Another process does it: what this one has open for writing,
/// a child of another thread may hold open a little longer, and such a file cannot be run.
#[track_caller]
pub(crate) fn write_program(path: &Utf8Path, text: &str) {
    let write = "cat > \"$0\" && chmod 755 \"$0\"";
    pipe(Command::new("sh").args(["-c", write, path.as_str()]), text);
}

/// Copies programs that can be run at once, for the same reason by another process.
#[track_caller]
pub(crate) fn copy_programs(from: &Utf8Path, to: &Utf8Path, names: &[&str]) {
    let names = names.iter().map(|name| from.join(name));
    pipe(Command::new("cp").arg("--").args(names).arg(to), "");
}

/// Makes a program of this script, and the folders above it.
#[track_caller]
pub(crate) fn program(path: &Utf8Path, script: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_program(path, &format!("#!/bin/sh\n{script}\n"));
}

/// What PyYAML, a reader of YAML 1.1 as cloud-init uses it, makes of each document.
#[track_caller]
pub(crate) fn read_yaml_1_1(documents: &[&str]) -> Vec<serde_json::Value> {
    let program = "\
import json, sys, yaml
documents = json.load(sys.stdin)
json.dump([yaml.safe_load(document) for document in documents], sys.stdout)";
    require_module("yaml", "python3-yaml");
    let input = serde_json::to_string(documents).unwrap();
    let output = pipe(
        Command::new("/usr/bin/python3").args(["-c", program]),
        &input,
    );
    serde_json::from_str(&output).unwrap()
}

/// What Ruby makes of each program's globals, by name without `$`; those that it has anyway are
/// left out.
#[track_caller]
pub(crate) fn read_ruby_globals(programs: &[&str]) -> Vec<serde_json::Value> {
    require_tool("ruby", "ruby");
    let program = "\
require 'json'
own = global_variables
programs = JSON.parse(STDIN.read)
# Each in a process of its own, or they would see each other's globals.
results = programs.map do |text|
  reader, writer = IO.pipe
  pid = fork do
    reader.close
    eval(text, TOPLEVEL_BINDING, 'config.rb')
    globals = (global_variables - own).to_h { |name| [name.to_s.delete_prefix('$'), eval(name.to_s)] }
    writer.write(JSON.generate(globals))
    writer.close
    exit!(0)
  end
  writer.close
  text = reader.read
  Process.wait(pid)
  abort('a program failed') unless $?.success?
  JSON.parse(text)
end
print JSON.generate(results)";
    let input = serde_json::to_string(programs).unwrap();
    let output = pipe(Command::new("ruby").args(["-e", program]), &input);
    serde_json::from_str(&output).unwrap()
}
