//! The requirements of tests that open pages in a browser. A host without it can run the other tests.

use xshell::Shell;

use super::needed::{self, Needed};
use crate::process;

/// The programs that only these tests need.
static PROGRAMS: &[Needed] = &[Needed {
    name: "`chromium`",
    program: "chromium",
    probe: &["--version"],
    package: "chromium",
    why: "shows reports as readers see them",
}];

/// Why these tests cannot run on this host, or `None` if they can.
pub(super) fn why_not(shell: &Shell) -> Option<String> {
    if !missing(shell).is_empty() {
        return Some(
            "this host lacks `chromium`; install it with `cargo xtask test --install`".to_owned(),
        );
    }
    let probe = shell
        .cmd("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-dev-shm-usage", "--dump-dom", "data:text/html,x"]);
    let probe = process::run(probe, needed::PROBE);
    (!probe.success()).then(|| "`chromium` does not run on this host".to_owned())
}

pub(super) fn missing(shell: &Shell) -> Vec<&'static Needed> {
    needed::missing(shell, PROGRAMS)
}
