//! Real etcd for the tests: the distribution's package, fetched by the project's own code, once per
//! build.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use xtask::download::Limits;
use xtask::etcd::find::{Wanted, find};
use xtask::etcd::tools::Tools;
use xtask::values::EtcdVersion;

use crate::harness::not_run;
use crate::network;
use crate::scratch::{Ran, Scratch};

/// The folder of the distribution's `etcd` and `etcdctl`.
pub(crate) fn packaged() -> &'static Utf8Path {
    tools().etcd.parent().unwrap()
}

/// The distribution's etcd.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    let tools = TOOLS.get_or_init(|| {
        let wanted = Wanted {
            // No distribution has this version, so the package is found at its own version.
            version: EtcdVersion::new(9, 9, 9),
            release_url: "",
            sha256: &[],
            named: None,
            cache: &Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("etcd-cache"),
            path: &std::env::var_os("PATH").unwrap_or_default(),
            limits: Limits::USUAL,
        };
        network::outside(|| tried_thrice(|| find(&wanted, &|_| {})))
            .map_err(|failure| format!("there is no etcd here: {:?}", failure.diagnostics))
    });
    tools.as_ref().unwrap_or_else(|why| not_run(why))
}

/// Runs a step that depends on a package server, up to three times, because the server may be busy.
pub(crate) fn tried_thrice<T, E>(mut act: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    act().or_else(|_| act()).or_else(|_| act())
}

/// The folder of Debian 13's `etcd`, `etcdctl` and `etcdutl`, etcd 3.5, on any release. The project's own code
/// fetches them, too. It uses the host's sources, so it is given those of Debian 13.
pub(crate) fn of_debian_13() -> &'static Utf8Path {
    static FOLDER: OnceLock<Result<Utf8PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("etcd-of-debian-13");
        if !folder.join("etcdutl").is_file() {
            network::outside(|| fetch_of_debian_13(&folder))?;
        }
        Ok(folder)
    });
    folder.as_ref().unwrap_or_else(|why| not_run(why))
}

/// It runs briefly on the network from which packages are fetched, as other test runs may. The
/// address depends on this process's ID.
fn fetch_of_debian_13(folder: &Utf8Path) -> Result<(), String> {
    let archive = debian_archive()?;
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let definition = format!("members = 1\n[network]\nsubnet = \"10.{high}.{low}.0/24\"\n");
    let scratch = Scratch::with("fetch", &definition);
    let (sources, configuration) = (
        scratch.root().join("sources.list"),
        scratch.root().join("apt.conf"),
    );
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    fs::write(
        &sources,
        format!("deb [signed-by={keyring}] {archive} trixie main\n"),
    )
    .unwrap();
    fs::write(
        &configuration,
        format!("Dir::Etc::sourcelist \"{sources}\";\nDir::Etc::sourceparts \"-\";\n"),
    )
    .unwrap();
    let mut up = scratch.command(&["up", "fetch", "--timeout", "5m"]);
    up.env("APT_CONFIG", configuration);
    let fetched = tried_thrice(|| {
        let up = Ran::from(up.output().unwrap());
        if up.status == Some(0) {
            Ok(())
        } else {
            Err(up)
        }
    });
    fetched.map_err(|up| up.stderr)?;
    let env = scratch.run(&["env", "fetch", "--shell", "json"]).expect(0);
    let env: Value = serde_json::from_str(&env.stdout).unwrap();
    let etcdctl = Utf8Path::new(env["etcdctl"].as_str().unwrap());
    let found = etcdctl.parent().unwrap();
    let beside = folder.with_extension("new");
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&beside).unwrap();
    // In another process: a file that this process writes may be open in a forked child, and could
    // then not be executed.
    let programs = ["etcd", "etcdctl", "etcdutl"].map(|name| found.join(name));
    let copied = Command::new("cp").args(programs).arg(&beside).status();
    assert!(copied.unwrap().success());
    // An earlier build had no etcdutl there.
    let _ = fs::remove_dir_all(folder);
    fs::rename(beside, folder).unwrap();
    Ok(())
}

/// The source of Debian packages of this host's apt.
pub(crate) fn debian_archive() -> Result<String, String> {
    let targets = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME)",
            "Created-By: Packages",
        ])
        .output()
        .map_err(|_| "this host has no apt-get")?;
    let targets = String::from_utf8(targets.stdout).unwrap();
    let of_release = targets.lines().find_map(|target| {
        let (archive, codename) = target.split_once(' ')?;
        (archive.ends_with("/debian/") && !codename.contains('-')).then(|| archive.to_owned())
    });
    Ok(of_release.ok_or("this host's apt does not get Debian from anywhere")?)
}
