//! Fetches the distribution's package and unpacks it into the cache, without installing it.
//!
//! apt uses its own state folder, with the host's sources, keys, pins and proxies. So it needs
//! neither root nor current package lists, and the system stays unchanged.

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use xshell::{Cmd, Shell};

use super::cache::{self, EtcdCache};
use super::find::{Search, program_on_path};
use super::pair;
use super::tools::{Tools, ToolsOrigin, architecture};
use crate::cache::{Locked, refused};
use crate::process;
use crate::reason::Reason;

/// How long apt may take for lists or packages.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The packages that hold etcd and etcdctl in Debian and Ubuntu.
const PACKAGES: [&str; 2] = ["etcd-server", "etcd-client"];

/// A cached package of exactly the wanted version.
pub(super) fn cached(search: &Search<'_>) -> Result<Tools, Reason> {
    let version = search.wanted.version;
    unpacked(search)
        .into_iter()
        .find(|tools| tools.version == version)
        .ok_or_else(|| format!("etcd {version} is not in the project's cache").into())
}

/// The distribution's package at any version, from the cache or the archive.
pub(super) fn any(search: &Search<'_>) -> Result<Tools, Reason> {
    if let Some(tools) = newest(search) {
        return Ok(tools);
    }
    program_on_path(search.wanted.path, "apt-get")?;
    let cache = EtcdCache::of(search.wanted.cache);
    let locked = cache.lock(|| search.step("waiting for another task that is fetching etcd"))?;
    if let Some(tools) = newest(search) {
        // The other task fetched the same package.
        return Ok(tools);
    }
    fetch(search, &cache, &locked)
}

fn newest(search: &Search<'_>) -> Option<Tools> {
    unpacked(search)
        .into_iter()
        .max_by_key(|tools| tools.version)
}

fn unpacked(search: &Search<'_>) -> Vec<Tools> {
    EtcdCache::of(search.wanted.cache)
        .packages(architecture())
        .iter()
        .filter_map(|folder| pair::in_folder(folder, ToolsOrigin::Package).ok())
        .collect()
}

fn fetch(search: &Search<'_>, cache: &EtcdCache, locked: &Locked) -> Result<Tools, Reason> {
    let scratch = locked.scratch()?;
    let apt = Apt::below(&scratch.path)?;
    let shell = search.shell()?;
    shell.change_dir(&scratch.path);

    search.step("fetching the distribution's packages `etcd-server` and `etcd-client`, without installing them");
    // One source that does not answer makes the update fail, although the needed lists may be
    // there. The download shows whether they are.
    let lists = process::run(apt.get(&shell, &["update"]), PATIENCE);
    let packages = process::run(apt.get(&shell, &["download"]).args(PACKAGES), PATIENCE);
    if !packages.success() {
        let failed = if lists.success() { &packages } else { &lists };
        return Err(Reason::from(format!(
            "`{}` {}: {}",
            failed.command,
            failed.ending(),
            failed.last_lines(3).replace('\n', "; ")
        )));
    }

    let files = packages_in(&scratch.path);
    let root = scratch.path.join("root");
    for file in &files {
        let unpack = shell
            .cmd("dpkg-deb")
            .args(["--extract", file.as_str(), root.as_str()]);
        let finished = process::run(unpack, PATIENCE);
        if !finished.success() {
            let (ending, said) = (finished.ending(), finished.last_lines(2));
            return Err(format!("`{}` {ending}: {said}", finished.command).into());
        }
    }
    let version = files
        .iter()
        .find_map(|file| version_of_package(file))
        .ok_or("`apt-get download` left no packages")?;
    let folder = cache.package(version, architecture());
    cache::keep(locked, &scratch, &root.join("usr/bin"), &folder)
        .map_err(|why| format!("the package {version} cannot be used: {why}"))?;
    pair::in_folder(&folder, ToolsOrigin::Package)
}

fn packages_in(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    folder
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.extension() == Some("deb"))
        .collect()
}

/// The middle of `etcd-server_3.4.23-4+b4_amd64.deb`.
fn version_of_package(file: &Utf8Path) -> Option<&str> {
    file.file_name()?
        .strip_prefix("etcd-server_")?
        .split('_')
        .next()
}

/// apt with its own state folder.
struct Apt {
    folder: Utf8PathBuf,
}

impl Apt {
    fn below(folder: &Utf8Path) -> Result<Self, Reason> {
        let folder = folder.join("apt");
        for name in ["lists/partial", "archives/partial"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(refused("create", &path))?;
        }
        let path = folder.join("apt.conf");
        fs::write(&path, CONFIGURATION).map_err(refused("write", &path))?;
        Ok(Self { folder })
    }

    fn get<'a>(&self, shell: &'a Shell, words: &[&str]) -> Cmd<'a> {
        let folder = &self.folder;
        let option = |name: &str, value: &str| ["-o".to_owned(), format!("{name}={value}")];
        shell
            .cmd("apt-get")
            .args(["-q", "-c", folder.join("apt.conf").as_str()])
            .args(option("Dir::State", folder.as_str()))
            .args(option("Dir::State::status", "/dev/null"))
            .args(option("Dir::Cache", folder.as_str()))
            .args(option("Dir::Cache::pkgcache", "packages.bin"))
            .args(option("Dir::Cache::srcpkgcache", "sources.bin"))
            .args(option("Dir::Log", folder.as_str()))
            .args(words)
            .env("LC_ALL", "C.UTF-8")
    }
}

/// Read after the host's configuration. It drops the host's hooks for updates, and all lists except
/// those of packages. The user that apt switches to as root could not write to our folder.
const CONFIGURATION: &str = r##"#clear APT::Update;
#clear Acquire::IndexTargets;
Acquire::IndexTargets::deb::Packages {
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
  flatMetaKey "Packages";
  ShortDescription "Packages";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages";
  flatDescription "$(RELEASE) Packages";
  Optional "0";
};
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
APT::Sandbox::User "root";
"##;
