//! Backups that are not restored, and what is said about them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use test_attribute::test;
use xtask::download::sha256;

use crate::backup::{backup, one, started};
use crate::local_support::{get, processes, put};
use crate::restore::{backed_up, beside_data, restore};
use crate::scratch::Scratch;
use crate::support::require_tool;

/// Copies a backup with its manifest.
fn copied(file: &Utf8Path, name: &str) -> Utf8PathBuf {
    let copy = file.with_file_name(name);
    fs::copy(file, &copy).unwrap();
    fs::copy(format!("{file}.json"), format!("{copy}.json")).unwrap();
    copy
}

/// Edits the manifest of a backup.
fn edit(file: &Utf8Path, field: &str, value: Value) {
    let path = format!("{file}.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    manifest[field] = value;
    fs::write(path, manifest.to_string()).unwrap();
}

/// Replaces a value in a snapshot by another of the same length. `seals`: also its own checksum.
pub(crate) fn forge(file: &Utf8Path, seals: bool) {
    let mut bytes = fs::read(file).unwrap();
    let (old, new) = (b"balance-100", b"balance-999");
    let at = bytes
        .windows(old.len())
        .position(|part| part == old)
        .unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
    let content = bytes.len() - 32;
    fs::write(file, &bytes[..content]).unwrap();
    if seals {
        let digits = sha256(file).unwrap();
        for (index, pair) in digits.as_bytes().chunks(2).enumerate() {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes[content + index] = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn damaged_and_forged_backups_are_refused() {
    let scratch = started("forged", &one(91));
    let older = backed_up(&scratch, "forged");
    put(&scratch, "forged", "account", "balance-100");
    let file = backed_up(&scratch, "forged");
    let before = processes(&scratch, "forged");
    let bare = |copy: &Utf8Path| fs::remove_file(format!("{copy}.json")).unwrap();
    let cut = |copy: &Utf8Path, left: usize| {
        let bytes = fs::read(copy).unwrap();
        fs::write(copy, &bytes[..left]).unwrap();
    };
    let size = fs::read(&file).unwrap().len();
    let checksum = "it does not end with the SHA-256 that etcd appends";
    let differs = "its SHA-256 is not the one in its manifest";
    type Spoil<'a> = &'a dyn Fn(&Utf8Path);
    let cases: [(&str, Spoil<'_>, &str); 13] = [
        ("truncated", &|copy| cut(copy, size - 512), "its size is "),
        (
            "truncated-bare",
            &|copy| {
                bare(copy);
                cut(copy, size - 512);
            },
            checksum,
        ),
        (
            "without-trailer",
            &|copy| {
                bare(copy);
                cut(copy, size - 32);
            },
            checksum,
        ),
        (
            "empty",
            &|copy| cut(copy, 0),
            "its size is 0 bytes, but its manifest says ",
        ),
        (
            "empty-bare",
            &|copy| {
                bare(copy);
                cut(copy, 0);
            },
            checksum,
        ),
        ("snapshot", &|copy| forge(copy, false), differs),
        ("sealed", &|copy| forge(copy, true), differs),
        (
            "bare",
            &|copy| {
                bare(copy);
                forge(copy, false);
            },
            checksum,
        ),
        (
            "revision",
            &|copy| edit(copy, "revision", 1.into()),
            " but its manifest says 1",
        ),
        (
            "format",
            &|copy| edit(copy, "format", 2.into()),
            "its manifest cannot be read: its format is 2",
        ),
        (
            "manifest",
            &|copy| fs::write(format!("{copy}.json"), "{").unwrap(),
            "its manifest cannot be read: ",
        ),
        (
            "swapped",
            &|copy| assert!(fs::copy(&older, copy).unwrap() > 0),
            differs,
        ),
        (
            "no-file",
            &|copy| {
                fs::remove_file(format!("{copy}.json")).unwrap();
                fs::create_dir(format!("{copy}.json")).unwrap();
            },
            "its manifest cannot be read: ",
        ),
    ];
    for (name, spoil, why) in cases {
        let copy = copied(&file, &format!("{name}.db"));
        spoil(&copy);
        let ran = restore(&scratch, "forged", &["--from", copy.file_name().unwrap()]);
        assert_eq!(ran.status, Some(7), "{name}: {}", ran.stderr);
        let error = format!("error: `{copy}` cannot be restored: ");
        assert!(
            ran.stderr.starts_with(&error) && ran.stderr.contains(why),
            "{name}: {}",
            ran.stderr
        );
        let end = "note: nothing was changed\nhint: find another backup: `cargo xtask backup forged --list`\n";
        assert!(ran.stderr.ends_with(end), "{name}: {}", ran.stderr);
    }
    let other = copied(&file, "release.db");
    edit(&other, "etcd", "3.6.14".into());
    let ran = restore(&scratch, "forged", &["--from", other.as_str()]).expect(7);
    let error = format!("error: `{other}` was taken from etcd 3.6.14, and the cluster runs 3.4.");
    assert!(ran.stderr.starts_with(&error), "{}", ran.stderr);

    assert_eq!(processes(&scratch, "forged"), before);
    assert_eq!(get(&scratch, "forged", "account"), "balance-100\n");
    assert_eq!(beside_data(&scratch, "forged"), [""; 0]);
}

/// A forged snapshot with a forged manifest cannot be told from a true one, except by its proof.
#[test]
fn swapped_pair_is_what_it_says() {
    let scratch = started("pair", &one(92));
    put(&scratch, "pair", "account", "balance-100");
    let file = Utf8PathBuf::from(
        backup(&scratch, "pair", &["--prove"])["file"]
            .as_str()
            .unwrap(),
    );
    forge(&file, true);
    edit(&file, "sha256", sha256(&file).unwrap().into());
    edit(&file, "proven", Value::Null);
    let ran = restore(&scratch, "pair", &["--from", file.as_str()]).expect(0);
    assert!(ran.stderr.contains(", not proven\n"), "{}", ran.stderr);
    assert_eq!(get(&scratch, "pair", "account"), "balance-999\n");
}

#[test]
fn what_is_no_backup_is_named() {
    require_tool("setpriv", "util-linux");
    let scratch = started("none", &one(93));
    let file = backed_up(&scratch, "none");
    let fifo = scratch.root().join("fifo");
    mkfifo(fifo.as_std_path(), Mode::S_IRWXU).unwrap();
    for from in ["", ".", "/", "none.db", fifo.as_str(), "/dev/null"] {
        let ran = restore(&scratch, "none", &["--from", from]).expect(2);
        let said = &ran.stderr;
        assert!(
            said.starts_with("error: there is no backup `"),
            "{from}: {said}"
        );
        assert!(
            said.ends_with("`cargo xtask backup none --list`\n"),
            "{said}"
        );
    }
    // Nor does a manifest make it wait that nobody writes.
    let copy = copied(&file, "waits.db");
    fs::remove_file(format!("{copy}.json")).unwrap();
    mkfifo(std::path::Path::new(&format!("{copy}.json")), Mode::S_IRWXU).unwrap();
    let ran = restore(&scratch, "none", &["--from", copy.as_str()]).expect(7);
    let why = "its manifest cannot be read: it is not a file";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    scratch.run(&["backup", "none", "--list"]).expect(1);

    let neither = scratch.run(&["restore", "none"]).expect(2).stderr;
    assert!(
        neither.starts_with("error: there is nothing to restore from\n"),
        "{neither}"
    );
    scratch
        .run(&["restore", "none", "--from", "a", "--from-member", "core-01"])
        .expect(2);
    let unknown = restore(&scratch, "none", &["--from-member", "core-07"])
        .expect(2)
        .stderr;
    assert!(unknown.contains("hint: "), "{unknown}");
    // Nothing is downloaded for it.
    let never = Scratch::with("never", &one(94));
    let said = restore(&never, "never", &["--from", "none.db"])
        .expect(2)
        .stderr;
    assert!(said.contains("error: there is no backup `"), "{said}");
    assert_eq!(never.left_in_state(), ["never.lock"]);
}

#[test]
fn unreadable_backup_is_refused_as_root() {
    require_tool("setpriv", "util-linux");
    let scratch = started("secret", &one(95));
    let file = backed_up(&scratch, "secret");
    let copy = scratch.root().join("copy.db");
    fs::copy(&file, &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o000)).unwrap();
    // Root without the right to read everything.
    let words = scratch.command(&["restore", "secret", "--yes", "--from", copy.as_str()]);
    let mut command = Command::new("setpriv");
    command.args([
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search",
    ]);
    command
        .arg(words.get_program())
        .args(words.get_args())
        .current_dir(scratch.root());
    command.env("XTASK_DRIVER", "local");
    let ran = crate::scratch::Ran::from(command.output().unwrap()).expect(7);
    assert!(
        ran.stderr.contains("cannot be restored: Permission denied"),
        "{}",
        ran.stderr
    );
}
