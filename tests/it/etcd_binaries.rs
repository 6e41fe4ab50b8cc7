//! Real etcd for the tests: the distribution's package, fetched by the project's own code, once for
//! all tests of a build.

use std::sync::OnceLock;

use camino::Utf8Path;
use xtask::etcd::download::Limits;
use xtask::etcd::tools::{self, Tools, Wanted};
use xtask::values::EtcdVersion;

/// The folder of the distribution's `etcd` and `etcdctl`.
pub(crate) fn packaged() -> &'static Utf8Path {
    tools().etcd.parent().unwrap()
}

/// The distribution's etcd.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let wanted = Wanted {
            // No distribution has it, so what the distribution has is found, whichever it is.
            version: EtcdVersion::new(9, 9, 9),
            release_url: "",
            sha256: &[],
            named: None,
            cache: &Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("etcd-cache"),
            path: &std::env::var_os("PATH").unwrap_or_default(),
            limits: Limits::USUAL,
        };
        tools::find(&wanted, &|_| {}).unwrap_or_else(|failure| {
            panic!("not run: there is no etcd here: {:#?}", failure.diagnostics)
        })
    })
}
