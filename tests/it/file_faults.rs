//! Makes a program fail or die at a chosen change of a file: its calls of `rename` and `unlink` go through a
//! small library that is compiled for the test. The program itself is the real one.

use std::process::Command;

use crate::scratch::Scratch;
use crate::support::{pipe, require_tool};

const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int calls;

static int is_chosen(const char *path) {
    const char *part = getenv("FAULT_PATH"), *number = getenv("FAULT_CALL"), *error = getenv("FAULT_ERROR");
    if (!part || !strstr(path, part) || ++calls != atoi(number)) return 0;
    if (!atoi(error)) kill(getpid(), SIGKILL);
    errno = atoi(error);
    return 1;
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return is_chosen(to) ? -1 : real(from, to);
}

int unlink(const char *path) {
    int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
    return is_chosen(path) ? -1 : real(path);
}
"#;

/// What happens at the call.
pub(crate) enum Fault {
    /// SIGKILL, before the change.
    Kill,
    /// This error, without the change.
    Error(nix::errno::Errno),
}

/// The command with a fault at the call of this number, counted from 1, that changes a path with this part.
pub(crate) fn at_call(
    scratch: &Scratch,
    words: &[&str],
    fault: &Fault,
    part: &str,
    number: u32,
) -> Command {
    require_tool("cc", "gcc");
    let library = scratch.root().join("faults.so");
    if !library.exists() {
        let compile = [
            "-shared",
            "-fPIC",
            "-x",
            "c",
            "-",
            "-o",
            library.as_str(),
            "-ldl",
        ];
        pipe(Command::new("cc").args(compile), LIBRARY);
    }
    let error = match fault {
        Fault::Kill => 0,
        Fault::Error(error) => *error as i32,
    };
    let mut command = scratch.command(words);
    command
        .env("LD_PRELOAD", library)
        .env("FAULT_PATH", part)
        .env("FAULT_CALL", number.to_string())
        .env("FAULT_ERROR", error.to_string());
    command
}
