//! What the tests that open pages in a browser need. A host that cannot have it runs the others.

use xshell::Shell;

use super::needed::{self, Needed};
use crate::process;

/// The browser, which a host that shows no pages does not need.
static PROGRAMS: &[Needed] = &[Needed {
    name: "`chromium`",
    program: "chromium",
    probe: &["--version"],
    package: "chromium",
    why: "shows reports as those who read them see them",
}];

/// Why this host shows no pages; nothing where it does.
pub(super) fn why_not(shell: &Shell) -> Option<String> {
    if !missing(shell).is_empty() {
        return Some(
            "this host lacks `chromium`; to have it installed: `cargo xtask test --install`"
                .to_owned(),
        );
    }
    let probe = shell
        .cmd("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-dev-shm-usage", "--dump-dom", "data:text/html,x"]);
    let probe = process::run(probe, needed::PROBE);
    (!probe.success()).then(|| "this host lets no `chromium` run".to_owned())
}

/// The programs that are missing.
pub(super) fn missing(shell: &Shell) -> Vec<&'static Needed> {
    needed::missing(shell, PROGRAMS)
}
