//! The places that etcd comes from, with an official release from a loopback server.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::{Expect, expect};
use test_attribute::test;
use xtask::download::Limits;
use xtask::etcd::find::{Wanted, find};
use xtask::etcd::tools::{Tools, ToolsOrigin};
use xtask::report::{FailureKind, Outcome};
use xtask::values::{Architecture, EtcdVersion, Sha256};

use crate::etcd_release::{machine, release};
use crate::harness::not_run;
use crate::loopback_server::{Answer, Server};
use crate::network;
use crate::scratch::{Ran, Scratch};
use crate::support::write_program;

#[test]
fn distribution_package_is_the_fallback() {
    let package = package();
    assert_eq!(package.tools.origin, ToolsOrigin::Package);
    assert!(package.tools.etcd.starts_with(&package.cache));
}

#[test]
fn cached_package_is_reused_silently() {
    let package = package();
    let mut trial = Trial::new("package-again");
    trial.cache.clone_from(&package.cache);
    trial.version = package.tools.version;
    // This host may have the package installed.
    trial.path = programs_only(&trial.folder, &[]);
    let tools = trial.find().unwrap();
    assert_eq!(
        (tools.etcd, tools.origin),
        (package.tools.etcd.clone(), ToolsOrigin::Package)
    );
    trial.said(&expect![[""]]);
}

#[test]
fn failing_source_does_not_prevent_the_package() {
    // The package comes from outside, so the cluster briefly runs on a network that others may use.
    network::outside(a_source_that_fails);
}

fn a_source_that_fails() {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let definition = format!(
        "members = 1\ndriver = \"local\"\nnetwork.subnet = \"10.{high}.{low}.0/24\"\nnetwork.first_host = 201\n\
         [etcd]\nversion = \"3.6.14\"\nrelease_url = \"http://127.0.0.1:1\"\n"
    );
    let scratch = Scratch::with("broken-source", &definition);
    let sources = scratch.root().join("sources");
    fs::create_dir(&sources).unwrap();
    for entry in Utf8Path::new("/etc/apt/sources.list.d")
        .read_dir_utf8()
        .unwrap()
    {
        let entry = entry.unwrap();
        fs::copy(entry.path(), sources.join(entry.file_name())).unwrap();
    }
    // apt fails on an empty source, but not on an unreachable one.
    let empty = Server::answering(Answer::NotFound);
    let broken = format!("deb {} nowhere main\n", empty.url);
    fs::write(sources.join("broken.list"), broken).unwrap();
    let configuration = scratch.root().join("apt.conf");
    fs::write(
        &configuration,
        format!("Dir::Etc::SourceParts \"{sources}\";\n"),
    )
    .unwrap();

    let mut command = scratch.command(&["up", "broken-source"]);
    let output = command.env("APT_CONFIG", configuration).output().unwrap();
    let stderr = Ran::from(output).expect(0).stderr;
    assert_ne!(empty.asked(), 0, "{stderr}");
    assert!(
        stderr.contains("(from the distribution's package, not installed)"),
        "{stderr}"
    );
}

#[test]
fn release_is_downloaded_once_and_cached() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let trial = Trial::of_release("release", &server.url);
    let tools = trial.find().unwrap();
    assert_eq!(
        (tools.version, tools.origin),
        (release().version, ToolsOrigin::Release)
    );
    trial.said(&expect![[r#"
        there is no `etcd` on PATH
        etcd VERSION is not in the project's cache
        downloading http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz"#]]);
    assert_eq!(trial.left_over(), [tools.etcd.parent().unwrap()]);

    let again = Trial {
        said: RefCell::default(),
        ..trial
    };
    assert_eq!(again.find().unwrap().etcd, tools.etcd);
    again.said(&expect![[""]]);
    assert_eq!(server.asked(), 1);
}

#[test]
fn release_redirects_are_followed() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let first = Server::answering(Answer::Redirect(server.url.clone()));
    let trial = Trial::of_release("redirected", &first.url);
    assert_eq!(trial.find().unwrap().origin, ToolsOrigin::Release);
    assert_eq!((first.asked(), server.asked()), (1, 1));
}

#[test]
fn concurrent_tasks_download_once() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let folder = Trial::of_release("at-once", &server.url).cache;
    let url = &server.url;
    let found: Vec<Utf8PathBuf> = thread::scope(|scope| {
        let search = |folder: &Utf8PathBuf, number: usize| {
            let mut trial = Trial::of_release(&format!("at-once-{number}"), url);
            trial.cache.clone_from(folder);
            trial.find().unwrap().etcd
        };
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let folder = &folder;
                scope.spawn(move || search(folder, number))
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert!(found.iter().all(|etcd| *etcd == found[0]));
    assert_eq!(server.asked(), 1);
}

#[test]
fn tarball_with_a_wrong_checksum_is_not_unpacked() {
    let server = Server::answering(Answer::File(Arc::new(b"not etcd".to_vec())));
    let trial = Trial::of_release("wrong-checksum", &server.url);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz is not the pinned file: its SHA-256 is a8cf3bd23b17f6ff79d41b2035252ff7dcca061772cb3785ba27b1b6d8948462, expected PINNED"]);
}

#[test]
fn incomplete_download_is_not_used() {
    let server = Server::answering(Answer::Half(release().bytes.clone()));
    let trial = Trial::of_release("halfway", &server.url);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: curl: (18…"]);
}

#[test]
fn missing_release_is_reported() {
    let server = Server::answering(Answer::NotFound);
    let trial = Trial::of_release("not-there", &server.url);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: curl: (22…"]);
}

#[test]
fn silent_server_is_given_up() {
    let server = Server::answering(Answer::Silence);
    let mut trial = Trial::of_release("silent", &server.url);
    trial.limits.stall = Duration::from_secs(1);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: curl: (28…"]);
}

#[test]
fn hanging_download_is_ended() {
    let server = Server::answering(Answer::Silence);
    let mut trial = Trial::of_release("hanging", &server.url);
    trial.limits.whole = Duration::from_millis(300);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: `curl` did not finish within 300ms"]);
}

#[test]
fn refused_connection_is_reported() {
    let trial = Trial::of_release("refused", "http://127.0.0.1:1");
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: curl: (7…"]);
}

#[test]
fn version_without_a_checksum_is_not_downloaded() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let mut trial = Trial::of_release("no-checksum", &server.url);
    trial.version = EtcdVersion::new(3, 4, 0);
    trial.sha256.clear();
    trial.does_not_serve(&expect!["the official release: no checksum is known for etcd 3.4.0 on ARCH, and unchecked binaries are not run"]);
    assert_eq!(server.asked(), 0);
}

#[test]
fn own_build_is_not_mistaken_for_the_official_release() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let mut trial = Trial::of_release("own-build", &server.url);
    trial.find().unwrap();
    let other = "0".repeat(64).parse().unwrap();
    trial.sha256 = vec![(machine(), other)];
    trial.find().unwrap_err();
    assert_eq!(server.asked(), 2);
}

#[test]
fn leftovers_of_an_interrupted_task_do_no_harm() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let trial = Trial::of_release("interrupted", &server.url);
    let left = trial.cache.join("etcd/.unfinished/complete");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("etcd"), "half of").unwrap();
    let tools = trial.find().unwrap();
    assert_eq!(trial.left_over(), [tools.etcd.parent().unwrap()]);
}

#[test]
fn lost_cached_release_is_downloaded_again() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let trial = Trial::of_release("lost", &server.url);
    let tools = trial.find().unwrap();
    fs::remove_file(&tools.etcdctl).unwrap();
    assert_eq!(trial.find().unwrap().etcdctl, tools.etcdctl);
    assert_eq!(server.asked(), 2);
}

#[test]
fn wget_and_apt_replace_curl() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    for (name, programs) in [("wget", &["wget"][..]), ("apt", &[])] {
        let mut trial = Trial::of_release(name, &server.url);
        trial.path = programs_only(&trial.folder, &[programs, &["tar", "gzip"]].concat());
        assert_eq!(trial.find().unwrap().origin, ToolsOrigin::Release, "{name}");
    }
}

#[test]
fn wget_and_apt_explain_failures() {
    let server = Server::answering(Answer::NotFound);
    let mut trial = Trial::of_release("wget-fails", &server.url);
    trial.path = programs_only(&trial.folder, &["wget", "tar", "gzip"]);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: `wget` exited with status 8…"]);
    let mut trial = Trial::of_release("apt-fails", &server.url);
    trial.path = programs_only(&trial.folder, &["tar", "gzip"]);
    trial.does_not_serve(&expect!["the official release: http://SERVER/vVERSION/etcd-vVERSION-linux-ARCH.tar.gz could not be downloaded: `/usr/lib/apt/apt-helper` exited with status 100…"]);
}

#[test]
fn named_folder_is_used_at_any_version() {
    let mut trial = Trial::new("named");
    trial.named = package().tools.etcd.parent().map(Utf8Path::to_owned);
    let tools = trial.find().unwrap();
    assert_eq!(
        (tools.version, tools.origin),
        (package().tools.version, ToolsOrigin::Named)
    );
    trial.said(&expect![[""]]);
}

#[test]
fn unusable_named_folder_is_an_error() {
    let mut trial = Trial::new("named-badly");
    let folder = trial.folder.join("bin");
    fs::create_dir_all(&folder).unwrap();
    trial.named = Some(folder.clone());
    trial.fails(&expect![[r#"
        error: the folder that you named cannot be used: there is no `etcd` in `FOLDER/bin`
        note: a named folder is used as it is or not at all
        hint: name a folder that holds `etcd` and `etcdctl` of one version, built for this machine
    "#]]);

    // Not an executable for any machine.
    write_program(&folder.join("etcd"), "\x7fELF\x00 of no machine");
    let permissions = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(folder.join("etcd"), permissions(0o644)).unwrap();
    fs::write(folder.join("etcdctl"), "").unwrap();
    trial.fails(&expect![[r#"
        error: the folder that you named cannot be used: `FOLDER/bin/etcd` cannot be run: it is not executable, or its file system is mounted `noexec`
        note: a named folder is used as it is or not at all
        hint: name a folder that holds `etcd` and `etcdctl` of one version, built for this machine
    "#]]);
    fs::set_permissions(folder.join("etcd"), permissions(0o755)).unwrap();
    trial.fails(&expect![[r#"
        error: the folder that you named cannot be used: `FOLDER/bin/etcd` is not a program for this machine (ARCH)
        note: a named folder is used as it is or not at all
        hint: name a folder that holds `etcd` and `etcdctl` of one version, built for this machine
    "#]]);

    fs::remove_file(folder.join("etcd")).unwrap();
    script_that_answers_as(&folder.join("etcd"), "etcd Version: 3.6.14");
    script_that_answers_as(&folder.join("etcdctl"), "etcdctl version: 3.5.30");
    trial.fails(&expect![[r#"
        error: the folder that you named cannot be used: `FOLDER/bin/etcd` is 3.6.14, but `FOLDER/bin/etcdctl` is 3.5.30, and their formats differ
        note: a named folder is used as it is or not at all
        hint: name a folder that holds `etcd` and `etcdctl` of one version, built for this machine
    "#]]);
}

#[test]
fn path_comes_first_if_pinned_and_last_otherwise() {
    let server = Server::answering(Answer::File(release().bytes.clone()));
    let mut trial = Trial::of_release("path", &server.url);
    let pair = package().tools.etcd.parent().unwrap();
    trial.path = pair.as_os_str().to_owned();
    assert_eq!(trial.find().unwrap().origin, ToolsOrigin::Path);
    assert_eq!(server.asked(), 0);

    trial.version = EtcdVersion::new(3, 6, 14);
    trial.release_url = "http://127.0.0.1:1".to_owned();
    assert_eq!(trial.find().unwrap().origin, ToolsOrigin::PathOther);
    trial.said(&expect![[r#"
        `PACKAGE/etcd` is VERSION, not 3.6.14
        etcd 3.6.14 is not in the project's cache
        downloading http://SERVER/v3.6.14/etcd-v3.6.14-linux-ARCH.tar.gz
        http://SERVER/v3.6.14/etcd-v3.6.14-linux-ARCH.tar.gz could not be downloaded: `/usr/lib/apt/apt-helper` exited with status 100…
        there is no `apt-get` on PATH"#]]);
}

#[test]
fn every_place_explains_why_it_was_not_used() {
    let mut trial = Trial::new("nowhere");
    trial.path = programs_only(&trial.folder, &["curl"]);
    trial.fails(&expect![[r#"
        error: no etcd was found, neither 3.6.14 nor another version
        note: PATH: there is no `etcd` on PATH
        note: the cache: etcd 3.6.14 is not in the project's cache
        note: the official release: http://SERVER/v3.6.14/etcd-v3.6.14-linux-ARCH.tar.gz could not be downloaded: curl: (7…
        note: the distribution's package: there is no `apt-get` on PATH
        note: PATH, at any version: there is no `etcd` on PATH
        hint: if this network needs a proxy, export `https_proxy` and `http_proxy`
        hint: or pass a folder that holds `etcd` and `etcdctl`: `--etcd-dir FOLDER`
    "#]]);
}

#[test]
fn version_output_of_old_releases_is_understood() {
    let mut trial = Trial::new("versions");
    for (etcd, etcdctl, version) in [
        ("etcd version 2.0.0", "etcdctl version 2.0.0", (2, 0, 0)),
        (
            "etcd Version: 2.3.8\nGit SHA: 7e4fc7e",
            "etcdctl version 2.3.8",
            (2, 3, 8),
        ),
        (
            "etcd Version: 3.0.17",
            "etcdctl version: 3.0.17\nAPI version: 3.0",
            (3, 0, 17),
        ),
        (
            "etcd Version: 3.7.0-rc.1",
            "etcdctl version: 3.7.0-rc.1",
            (3, 7, 0),
        ),
    ] {
        let folder = trial.folder.join(format!("{version:?}"));
        fs::create_dir_all(&folder).unwrap();
        script_that_answers_as(&folder.join("etcd"), etcd);
        script_that_answers_as(&folder.join("etcdctl"), etcdctl);
        trial.named = Some(folder);
        let (major, minor, patch) = version;
        assert_eq!(
            trial.find().unwrap().version,
            EtcdVersion::new(major, minor, patch)
        );
    }
}

/// The distribution's package, fetched by the program itself once for all tests.
fn package() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let mut trial = Trial::new("package");
        let cache = shared().join("cache");
        trial.cache.clone_from(&cache);
        let tools = network::outside(move || trial.find()).unwrap();
        Package { cache, tools }
    })
}

struct Package {
    cache: Utf8PathBuf,
    tools: Tools,
}

fn shared() -> Utf8PathBuf {
    Utf8PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tools")
}

/// A PATH with only these programs of the host.
fn programs_only(folder: &Utf8Path, programs: &[&str]) -> OsString {
    let folder = folder.join("programs");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for program in programs {
        let found = std::env::split_paths(&path)
            .map(|from| from.join(program))
            .find(|from| from.is_file());
        let found = found
            .unwrap_or_else(|| not_run(format!("{program} is missing; apt-get install {program}")));
        symlink(found, folder.join(program)).unwrap();
    }
    folder.into_os_string()
}

fn script_that_answers_as(path: &Utf8Path, answer: &str) {
    write_program(
        path,
        &format!("#!/bin/sh\ncat <<'ANSWER'\n{answer}\nANSWER\n"),
    );
}

/// A search in its own folder, and its output.
struct Trial {
    version: EtcdVersion,
    release_url: String,
    sha256: Vec<(Architecture, Sha256)>,
    named: Option<Utf8PathBuf>,
    folder: Utf8PathBuf,
    cache: Utf8PathBuf,
    path: OsString,
    limits: Limits,
    said: RefCell<Vec<String>>,
}

impl Trial {
    /// A search for a version that only the internet could provide.
    fn new(name: &str) -> Self {
        let folder = shared().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self {
            version: EtcdVersion::new(3, 6, 14),
            release_url: "http://127.0.0.1:1".to_owned(),
            sha256: Vec::new(),
            named: None,
            cache: folder.join("cache"),
            folder,
            path: std::env::var_os("PATH").unwrap(),
            limits: Limits::USUAL,
            said: RefCell::default(),
        }
    }

    /// A search for a release on a server, on a host without packages.
    fn of_release(name: &str, url: &str) -> Self {
        let mut trial = Self::new(name);
        trial.version = release().version;
        trial.release_url = url.to_owned();
        trial.sha256 = vec![(machine(), release().sha256.clone())];
        trial.path = programs_only(&trial.folder, &["curl", "tar", "gzip"]);
        trial
    }

    fn find(&self) -> Outcome<Tools> {
        let wanted = Wanted {
            version: self.version,
            release_url: &self.release_url,
            sha256: &self.sha256,
            named: self.named.as_deref(),
            cache: &self.cache,
            path: &self.path,
            limits: self.limits,
        };
        find(&wanted, &|line| {
            self.said.borrow_mut().push(line.to_owned());
        })
    }

    /// Compares the output.
    fn said(&self, expected: &Expect) {
        expected.assert_eq(&self.plain(&self.said.borrow().join("\n")));
    }

    /// Asserts that the search fails, and compares its report.
    fn fails(&self, expected: &Expect) {
        let failure = self.find().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Host);
        let mut text = String::new();
        for diagnostic in failure.diagnostics {
            text += &format!("error: {}\n", diagnostic.message);
            text.extend(
                diagnostic
                    .notes
                    .iter()
                    .map(|note| format!("note: {note}\n")),
            );
            text.extend(
                diagnostic
                    .hints
                    .iter()
                    .map(|hint| format!("hint: {hint}\n")),
            );
        }
        expected.assert_eq(&self.plain(&text));
    }

    /// Asserts that the official release is unusable, leaves nothing behind, and is explained.
    fn does_not_serve(&self, expected: &Expect) {
        let failure = self.find().unwrap_err();
        let notes = &failure.diagnostics[0].notes;
        let why = notes
            .iter()
            .find(|note| note.starts_with("the official release: "));
        expected.assert_eq(&self.plain(why.unwrap()));
        assert_eq!(self.left_over(), Vec::<Utf8PathBuf>::new());
    }

    /// The content of the cache, apart from its lock.
    fn left_over(&self) -> Vec<Utf8PathBuf> {
        let entries = self
            .cache
            .join("etcd")
            .read_dir_utf8()
            .into_iter()
            .flatten();
        entries
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.file_name() != Some(".lock"))
            .collect()
    }

    /// Replaces what differs between hosts and runs. Of curl's, wget's and apt's messages only the
    /// number stays, because their wording changes between releases.
    fn plain(&self, text: &str) -> String {
        let package = package().tools.etcd.as_str();
        let server = self.release_url.trim_start_matches("http://");
        let text = text
            .replace(package, "PACKAGE/etcd")
            .replace(server, "SERVER")
            .replace(release().sha256.as_str(), "PINNED")
            .replace(&release().version.to_string(), "VERSION")
            .replace(machine().as_str(), "ARCH")
            .replace(self.folder.as_str(), "FOLDER");
        let lines = text.split_inclusive('\n').map(|line| {
            let theirs = ["curl: (", "exited with status "];
            let words = theirs
                .iter()
                .find_map(|theirs| Some(line.find(theirs)? + theirs.len()));
            let Some(words) = words else {
                return line.to_owned();
            };
            let number = line[words..].find(|c: char| !c.is_ascii_digit());
            let newline = if line.ends_with('\n') { "\n" } else { "" };
            format!("{}…{newline}", &line[..words + number.unwrap_or(0)])
        });
        lines.collect()
    }
}
