//! `cargo xtask box` with a cloud image from a loopback server. The tests of machines make and boot
//! the box from packages.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha512};
use test_attribute::test;

use crate::loopback_server::{Answer, Server};
use crate::scratch::{Ran, Scratch};
use crate::support::require_tool;

/// A partition table.
#[derive(Debug, Clone, Copy)]
enum Table {
    Guid,
    Pc,
}

/// Runs a file system tool in a folder.
#[track_caller]
fn run(folder: &Utf8Path, program: &str, arguments: &[&str], input: &str) {
    let path = std::env::var("PATH").unwrap() + ":/usr/sbin:/sbin";
    let mut command = Command::new("sh");
    command
        .args(["-c", "printf '%s' \"$0\" | \"$@\"", input, program])
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path);
    Ran::from(command.output().unwrap()).expect(0);
}

/// The users of an image. One has the first ID for people.
const ACCOUNTS: [(&str, &str); 3] = [
    ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("group", "root:x:0:\nshadow:x:42:\nsomebody:x:1000:\n"),
    ("shadow", "root:*:20454:0:99999:7:::\n"),
];

/// The tools that turn a cloud image into a box.
fn require_what_makes_boxes() {
    require_tool("curl", "curl");
    require_tool("qemu-img", "qemu-utils");
    require_tool("debugfs", "e2fsprogs");
}

/// A disk like those of distributions: a small boot partition and the root file system.
fn image(folder: &Utf8Path, table: Table) -> Vec<u8> {
    require_what_makes_boxes();
    require_tool("sfdisk", "fdisk");
    let root = folder.join("root");
    for below in ["etc/cloud/cloud.cfg.d", "etc/systemd/system", "var/lib"] {
        fs::create_dir_all(root.join(below)).unwrap();
    }
    for (name, text) in ACCOUNTS {
        fs::write(root.join("etc").join(name), text).unwrap();
    }
    disk(folder, table)
}

/// A disk with the present content of the root folder.
fn disk(folder: &Utf8Path, table: Table) -> Vec<u8> {
    let label = match table {
        Table::Guid => "gpt",
        Table::Pc => "dos",
    };
    fs::write(folder.join("disk"), "").unwrap();
    run(folder, "truncate", &["--size=64M", "disk"], "");
    let partitions = format!("label: {label}\nstart=2048, size=2048\nstart=8192, size=65536\n");
    run(folder, "sfdisk", &["--quiet", "disk"], &partitions);
    let make = [
        "-q",
        "-F",
        "-t",
        "ext4",
        "-E",
        "offset=4194304",
        "-d",
        "root",
        "disk",
        "32M",
    ];
    run(folder, "mke2fs", &make, "");
    run(folder, "e2fsck", &["-f", "-n", "disk?offset=4194304"], "");
    run(
        folder,
        "qemu-img",
        &["convert", "-c", "-O", "qcow2", "disk", "image"],
        "",
    );
    fs::read(folder.join("image")).unwrap()
}

fn sha512(bytes: &[u8]) -> String {
    let digest = Sha512::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A workspace, a folder in it for the tests' files, and the image.
fn workspace(table: Table) -> (Scratch, Utf8PathBuf, Vec<u8>) {
    let scratch = Scratch::with("default", "members = 3\n");
    let folder = scratch.root().join("made");
    fs::create_dir(&folder).unwrap();
    let bytes = image(&folder, table);
    (scratch, folder, bytes)
}

/// The text of a file in the root file system of a box.
fn in_box(folder: &Utf8Path, path: &str) -> String {
    debugfs(folder, &format!("cat {path}"))
}

/// The output of debugfs about the root file system of a box.
fn debugfs(folder: &Utf8Path, request: &str) -> String {
    let show = format!("debugfs -R '{request}' 'unboxed?offset=4194304' 2>/dev/null");
    let output = Command::new("sh")
        .args(["-c", &show])
        .current_dir(folder)
        .env("PATH", std::env::var("PATH").unwrap() + ":/usr/sbin:/sbin")
        .output()
        .unwrap();
    Ran::from(output).expect(0).stdout
}

/// Asserts that Vagrant's user is in the image's root file system, in addition to the existing
/// users.
fn has_its_user(folder: &Utf8Path) {
    let home = Utf8Path::new("/home").join("vagrant");
    let keys = home.join(".ssh/authorized_keys");
    for ((name, before), line) in ACCOUNTS.iter().zip([
        format!("vagrant:x:1001:1001::{home}:/bin/bash\n"),
        "vagrant:x:1001:\n".to_owned(),
        "vagrant:!:20454:0:99999:7:::\n".to_owned(),
    ]) {
        let path = format!("/etc/{name}");
        assert_eq!(in_box(folder, &path), format!("{before}{line}"));
    }
    let key = in_box(folder, keys.as_str());
    assert!(
        key.starts_with("ssh-rsa ") && key.ends_with(" vagrant\n"),
        "{key}"
    );
    let sudo = in_box(folder, "/etc/sudoers.d/90-vagrant");
    assert_eq!(sudo, "vagrant ALL=(ALL) NOPASSWD:ALL\n");
    // cloud-init waits for the user-data of a cluster.
    assert_ne!(in_box(folder, "/etc/cloud/cloud-init.disabled"), "");
    for (path, kind, mode, user, group) in [
        ("/etc/passwd".into(), "regular", "0644", 0, 0),
        ("/etc/shadow".into(), "regular", "0640", 0, 42),
        (home.clone(), "directory", "0755", 1001, 1001),
        (home.join(".ssh"), "directory", "0700", 1001, 1001),
        (keys, "regular", "0600", 1001, 1001),
        ("/etc/sudoers.d/90-vagrant".into(), "regular", "0440", 0, 0),
    ] {
        let said = debugfs(folder, &format!("stat {path}"));
        let words: Vec<&str> = said.split_whitespace().collect();
        let after = |name: &str| {
            let at = words.iter().position(|word| *word == name);
            words[at.unwrap_or_else(|| panic!("no {name} of {path} in {said}")) + 1].to_owned()
        };
        let seen = [
            after("Type:"),
            after("Mode:"),
            after("User:"),
            after("Group:"),
        ];
        let wanted = [kind, mode, &user.to_string(), &group.to_string()].map(str::to_owned);
        assert_eq!(seen, wanted, "{path}");
    }
}

#[test]
fn cloud_image_becomes_a_box_for_vagrant() {
    for table in [Table::Guid, Table::Pc] {
        let (scratch, folder, bytes) = workspace(table);
        let sha512 = sha512(&bytes);
        let server = Server::answering(Answer::File(Arc::new(bytes)));
        let url = format!("{}/image", server.url);
        let arguments = ["box", "--image", &url, "--sha512", &sha512];
        let made = scratch.run(&arguments).expect(0);

        let boxes = scratch.root().join(".state/.cache/boxes");
        let catalogue = fs::read_to_string(boxes.join("debian-13.json")).unwrap();
        let catalogue: serde_json::Value = serde_json::from_str(&catalogue).unwrap();
        let provider = &catalogue["versions"][0]["providers"][0];
        let file = Utf8Path::new(
            provider["url"]
                .as_str()
                .unwrap()
                .strip_prefix("file://")
                .unwrap(),
        );
        let checksum = provider["checksum"].as_str().unwrap();
        assert_eq!(xtask::download::sha256(file).unwrap(), checksum);
        let name = format!("xtask/debian-13-{}", &checksum[..12]);
        assert_eq!(catalogue["name"], name.as_str());
        assert_eq!(
            made.stdout,
            format!("{name}: Debian 13, the image {url}\n{file}\nSHA-256 {checksum}\n")
        );

        run(&folder, "tar", &["--extract", "--file", file.as_str()], "");
        let metadata = fs::read_to_string(folder.join("metadata.json")).unwrap();
        assert_eq!(
            metadata,
            "{\"provider\":\"libvirt\",\"format\":\"qcow2\",\"virtual_size\":20}\n"
        );
        run(
            &folder,
            "qemu-img",
            &["convert", "-O", "raw", "box.img", "unboxed"],
            "",
        );
        run(
            &folder,
            "e2fsck",
            &["-f", "-n", "unboxed?offset=4194304"],
            "",
        );
        has_its_user(&folder);

        // The same image gives the same bytes, and is downloaded again only on request.
        let again = scratch.run(&arguments).expect(0);
        assert_eq!(
            (again.stdout.as_str(), server.asked()),
            (made.stdout.as_str(), 1)
        );
        let anew = scratch
            .run(&[&arguments[..], &["--again"]].concat())
            .expect(0);
        assert_eq!((anew.stdout, server.asked()), (made.stdout, 2));
        let left: Vec<String> = boxes
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        assert_eq!(
            left.len(),
            3,
            "the lock, the catalogue and the box: {left:?}"
        );
    }
}

/// Vagrant passes the URL to curl unchanged.
#[test]
fn curl_finds_the_box_in_odd_and_moved_folders() {
    require_tool("curl", "curl");
    let (scratch, folder, bytes) = workspace(Table::Pc);
    let sha512 = sha512(&bytes);
    let server = Server::answering(Answer::File(Arc::new(bytes)));
    let url = format!("{}/image", server.url);
    for name in ["my [first] box, 50%", "moved"] {
        let below = scratch.root().join(name);
        if name == "moved" {
            fs::rename(scratch.root().join("my [first] box, 50%"), &below).unwrap();
        } else {
            fs::create_dir_all(below.join("cluster")).unwrap();
            fs::write(below.join("cluster/default.toml"), "members = 3\n").unwrap();
        }
        let mut command = scratch.command(&["box", "--image", &url, "--sha512", &sha512]);
        Ran::from(command.current_dir(&below).output().unwrap()).expect(0);
        let catalogue = below.join(".state/.cache/boxes/debian-13.json");
        let catalogue: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(catalogue).unwrap()).unwrap();
        let provider = &catalogue["versions"][0]["providers"][0];
        let url = provider["url"].as_str().unwrap();
        let get = ["-q", "--fail", "--silent", "--output", "fetched", url];
        run(&folder, "curl", &get, "");
        let found = xtask::download::sha256(&folder.join("fetched")).unwrap();
        assert_eq!(provider["checksum"], found.as_str(), "{url}");
    }
    assert_eq!(server.asked(), 1);
}

#[test]
fn image_with_a_wrong_checksum_is_not_used() {
    require_what_makes_boxes();
    let scratch = Scratch::with("default", "members = 3\n");
    let server = Server::answering(Answer::File(Arc::new(b"not a disk".to_vec())));
    let url = format!("{}/image", server.url);
    let expected = "0".repeat(128);
    let ran = scratch
        .run(&["box", "--image", &url, "--sha512", &expected])
        .expect(5);
    let found = sha512(b"not a disk");
    let wanted = format!(
        "error: could not make a box of Debian 13\n\
         note: {url} is not the pinned image: its SHA-512 is {found}, expected {expected}\n"
    );
    assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
    assert!(
        !scratch
            .root()
            .join(".state/.cache/boxes/debian-13.json")
            .exists()
    );
}

/// Vagrant's user is added to the existing users.
#[test]
fn image_with_a_vagrant_user_is_refused() {
    let (scratch, folder, _) = workspace(Table::Pc);
    let root = folder.join("root");
    let passwd = "root:x:0:0::/root:/bin/sh\nvagrant:x:1000:1000::/:/bin/sh\n";
    fs::write(root.join("etc/passwd"), passwd).unwrap();
    let bytes = disk(&folder, Table::Pc);
    let sha512 = sha512(&bytes);
    let server = Server::answering(Answer::File(Arc::new(bytes)));
    let url = format!("{}/image", server.url);
    let made = scratch.run(&["box", "--image", &url, "--sha512", &sha512]);
    let said = "note: the image already has a user `vagrant`\n";
    assert!(made.expect(5).stderr.contains(said));
}

#[test]
fn file_that_is_no_disk_is_reported() {
    require_what_makes_boxes();
    let scratch = Scratch::with("default", "members = 3\n");
    let bytes = vec![0; 1 << 20];
    let sha512 = sha512(&bytes);
    let server = Server::answering(Answer::File(Arc::new(bytes)));
    let url = format!("{}/image", server.url);
    let ran = scratch
        .run(&["box", "--image", &url, "--sha512", &sha512])
        .expect(5);
    assert!(
        ran.stderr.contains("has no partition table"),
        "{}",
        ran.stderr
    );
}

#[test]
fn unreachable_server_is_reported() {
    require_what_makes_boxes();
    let scratch = Scratch::with("default", "members = 3\n");
    let expected = "0".repeat(128);
    let ran = scratch
        .run(&[
            "box",
            "--image",
            "http://127.0.0.1:1/image",
            "--sha512",
            &expected,
        ])
        .expect(5);
    let wanted = "note: http://127.0.0.1:1/image could not be downloaded: curl: (7)";
    assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
}

#[test]
fn systems_with_published_boxes_need_none() {
    let scratch = Scratch::with(
        "flatcar",
        "machine.profile = \"flatcar\"\netcd.runtime = \"container\"\n",
    );
    let ran = scratch.run(&["box", "flatcar"]).expect(5);
    let wanted = "\
error: this project makes no box of Flatcar Container Linux
note: its makers publish a box for virtualbox, which Vagrant downloads
";
    assert!(ran.stderr.ends_with(wanted), "{}", ran.stderr);
}
