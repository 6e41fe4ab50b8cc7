//! `render`: what it writes, what it leaves alone, and what it says. What the files mean to the
//! programs that read them is in `render_read`.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use camino::Utf8Path;
use expect_test::{expect, expect_file};
use test_attribute::test;
use xtask::profile::PROFILES;

use crate::definition_shipped::shipped;
use crate::scratch::{Ran, Scratch};
use crate::support::project;
use crate::verify_support::plan;

/// Variants of what the shipped definitions leave out.
pub(crate) const VARIANTS: &[(&str, &str)] = &[
    (
        "debian-container",
        "\
[etcd]
version = \"3.5.33\"
runtime = \"container\"
",
    ),
    (
        "debian-package",
        "\
[machine]
profile = \"debian-13\"

[etcd]
version = \"3.5.16\"
runtime = \"package\"
",
    ),
    (
        "debian-mirror",
        "\
members = [
    { name = \"alpha\", address = \"10.9.8.7\" },
    { name = \"beta\", address = \"10.9.8.8\" },
    { name = \"gamma\", address = \"10.9.8.9\" },
]

[network]
subnet = \"10.9.8.0/24\"

[machine]
memory = 512
cpus = 2
serial_log = true
forwarded_ports = { 2379 = 12379, 80 = 8080 }
shared_folders = { \"~/My Files\" = \"/srv/files\", \"./data\" = \"/srv/data\" }

[etcd]
version = \"3.4.23\"
runtime = \"release\"
release_url = \"http://mirror.example:8080/etcd\"
sha256 = { amd64 = \"00000000000000000000000000000000000000000000000000000000000000aa\" }
token = \"on\"
heartbeat_interval = 500
election_timeout = 5000
quota = \"4GiB\"
auto_compaction = \"30m\"
flags = { snapshot-count = 5000 }
",
    ),
    (
        "coreos-built-in",
        "\
fleet = true

[network]
subnet = \"172.17.8.0/24\"

[machine]
profile = \"coreos\"
channel = \"beta\"
image_version = \"723.3.0\"

[etcd]
version = \"2.3.8\"
runtime = \"built-in\"
token = \"2001-01-01\"
heartbeat_interval = 500
election_timeout = 5000
flags = { snapshot-count = 5000 }
",
    ),
    (
        "coreos-3",
        "\
fleet = true

[machine]
profile = \"coreos\"

[etcd]
version = \"3.4.23\"
runtime = \"container\"
",
    ),
    (
        "flatcar-2",
        "\
[machine]
profile = \"flatcar\"

[etcd]
version = \"2.3.8\"
runtime = \"container\"
",
    ),
    (
        "debian-tls",
        "\
[etcd]
tls = true
",
    ),
    (
        "debian-tls-container",
        "\
[etcd]
tls = true
runtime = \"container\"
",
    ),
    (
        "debian-tls-package",
        "\
[etcd]
tls = true
version = \"3.5.16\"
runtime = \"package\"
",
    ),
    (
        "flatcar-tls",
        "\
[machine]
profile = \"flatcar\"

[etcd]
tls = true
",
    ),
    (
        "debian-extra",
        "\
[machine]
user_data = \"debian-extra.yaml\"
",
    ),
    (
        "flatcar-extra",
        "\
[machine]
profile = \"flatcar\"
user_data = \"extra/flatcar.yaml\"
",
    ),
    (
        "coreos-extra",
        "\
[machine]
profile = \"coreos\"
user_data = \"coreos-extra.yaml\"
",
    ),
];

/// The files that variants name in `machine.user_data`.
const EXTRA_FILES: &[(&str, &str)] = &[
    (
        "debian-extra.yaml",
        "\
#cloud-config
# Values in every style: what a reader makes of them stays the same.
ssh_authorized_keys: [ssh-ed25519 AAAA me@example.org]
write_files:
- path: /usr/local/bin/greet
  permissions: '0755'
  content: |
    #!/bin/sh
    echo \"hello from $(uname -n)\"
- path: /etc/systemd/system/greet.service
  permissions: \"0644\"
  content: |
    [Service]
    Type=oneshot
    ExecStart=/bin/sh -c '/usr/local/bin/greet >/run/greeting'
runcmd:
- [systemctl, start, greet.service]
",
    ),
    (
        "extra/flatcar.yaml",
        "\
#cloud-config
coreos:
  update:
    group: stable
  units:
    - {name: docker-tcp.socket, command: start, enable: true, content: \"[Socket]\\nListenStream=127.0.0.1:2375\\nService=docker.service\\n\\n[Install]\\nWantedBy=sockets.target\\n\"}
users:
  - name: me
    groups: [sudo, docker]
ssh_authorized_keys:
  - ssh-ed25519 AAAA me@example.org
",
    ),
    (
        "coreos-extra.yaml",
        "\
#cloud-config
coreos:
  units:
    - name: settimezone.service
      command: start
      content: |
        [Service]
        Type=oneshot
        ExecStart=/usr/bin/timedatectl set-timezone UTC
write_files:
  - path: /etc/motd
    permissions: '0644'
    content: >
      one

      two
",
    ),
];

/// A new profile, or a new way to run etcd on one, needs a variant.
#[test]
fn every_profile_is_rendered_with_every_runtime() {
    let shipped = shipped().into_iter();
    let variants = VARIANTS
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let rendered: HashSet<_> = shipped
        .chain(variants)
        .map(|(name, text)| plan(&name, &text))
        .map(|plan| (plan.machine.profile.id, plan.etcd.runtime.as_str()))
        .collect();
    let possible = PROFILES.iter().flat_map(|profile| {
        let runtimes = profile.runtimes.iter();
        runtimes.map(|runtime| (profile.id, runtime.as_str()))
    });
    assert_eq!(rendered, possible.collect());
}

/// A workspace with every variant.
pub(crate) fn variants() -> Scratch {
    let scratch = with_extra_files();
    for (name, definition) in VARIANTS {
        scratch.define(name, definition);
    }
    scratch
}

/// A workspace without definitions, with all files that variants name.
pub(crate) fn with_extra_files() -> Scratch {
    let scratch = Scratch::new();
    for (path, text) in EXTRA_FILES {
        let path = scratch.root().join("cluster").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    scratch
}

#[test]
fn checked_in_files_are_what_the_shipped_definitions_say() {
    let ran = Ran::from(
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["render", "--check"])
            .current_dir(project())
            .output()
            .unwrap(),
    )
    .expect(0);
    expect![[r#"
        8 files are up to date
    "#]]
    .assert_eq(&ran.stdout);
}

#[test]
fn every_way_to_run_has_its_golden_files() {
    let scratch = variants();
    scratch.run(&["render"]).expect(0);
    let golden = project().join("tests/golden/render");
    for (name, _) in VARIANTS {
        for file in ["user-data", "config.rb"] {
            let text = read(&scratch, &format!("vagrant/{name}/{file}"));
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::create_dir_all(golden.join(name)).unwrap();
            }
            expect_file![golden.join(name).join(file)].assert_eq(&text);
        }
    }
}

#[test]
fn release_of_3_7_needs_no_checksum() {
    let definition = "[etcd]\nversion = \"3.7.1\"\n[etcd.flags]\nmax-snapshots = 3\n";
    let scratch = Scratch::with("default", definition);
    let ran = scratch.run(&["render"]).expect(0);
    assert_eq!(ran.stderr, "");
    let user_data = read(&scratch, "vagrant/user-data");
    for expected in [
        "e8cd3fa8064c98137c5dbd78b76f969417ace84efb83c481041d7a52ffdd8fb9",
        "d7e25e08f694b6ed7792fc7b7a891fe2c3f3d3dccfe2f3bfdb1547b0eb75b6da",
        "--feature-gates=CompactHashCheck=true,InitialCorruptCheck=true",
        "--max-snapshots=3",
    ] {
        assert!(user_data.contains(expected), "{expected}: {user_data}");
    }
}

#[test]
fn ports_reach_every_kind_of_machine() {
    let mut definitions = shipped();
    definitions.extend(
        VARIANTS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    );
    for (name, text) in &definitions {
        let text = text.replace("2379 = 12379, ", "");
        let ports = "[etcd]\nclient_port = 4001\npeer_port = 7001\n";
        let text = if text.contains("[etcd]\n") {
            text.replace("[etcd]\n", ports)
        } else {
            text + ports
        };
        let user_data = xtask::render::user_data(&plan(name, &text));
        let mut numbers = user_data.split(|c: char| !c.is_ascii_digit());
        let usual = numbers.find(|number| ["2379", "2380"].contains(number));
        assert_eq!(usual, None, "{name}: {user_data}");
        for port in [":4001", ":7001"] {
            assert!(user_data.contains(port), "{name}: {user_data}");
        }
    }
}

#[test]
fn files_that_are_right_are_not_touched() {
    let scratch = Scratch::with("default", "members = 3\n");
    let ran = scratch.run(&["render"]).expect(0);
    expect![[r#"
        created   vagrant/user-data
        created   vagrant/config.rb
    "#]]
    .assert_eq(&ran.stdout);
    let before = status(&scratch, "vagrant/user-data");
    scratch.define("default", "members = 3\n[machine]\ncpus = 2\n");
    let ran = scratch.run(&["render"]).expect(0);
    expect![[r#"
        unchanged vagrant/user-data
        changed   vagrant/config.rb
    "#]]
    .assert_eq(&ran.stdout);
    assert_eq!(before, status(&scratch, "vagrant/user-data"));
    let names: Vec<String> = fs::read_dir(scratch.root().join("vagrant"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "something was left behind: {names:?}");
}

#[test]
fn one_name_renders_one_cluster() {
    let scratch = variants();
    let ran = scratch.run(&["render", "flatcar-2"]).expect(0);
    expect![[r#"
        created   vagrant/flatcar-2/user-data
        created   vagrant/flatcar-2/config.rb
    "#]]
    .assert_eq(&ran.stdout);
    assert!(!scratch.root().join("vagrant/coreos-3").exists());
}

#[test]
fn one_name_is_compared_with_the_others() {
    let scratch = Scratch::with("alone", "[network]\nsubnet = \"192.168.60.0/24\"\n");
    scratch.define("one", "members = 3\n");
    scratch.define("two", "members = 5\n");
    scratch.define("wrong", "membres = 5\n");
    let ran = scratch.run(&["render", "alone"]).expect(0);
    assert_eq!(ran.stderr, "");
    for name in ["one", "two"] {
        let ran = scratch.run(&["render", name]).expect(0);
        let clash = "warning: `one` and `two` both claim the address `192.168.56.101`\n";
        assert!(ran.stderr.starts_with(clash), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("warning").count(), 1);
    }
    scratch.define("two", "members = 3\n");
    let ran = scratch.run(&["render", "two", "--check"]).expect(1);
    let hint = "hint: write them: `cargo xtask render two`\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.stderr);
}

#[test]
fn check_shows_the_difference_and_writes_nothing() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.run(&["render"]).expect(0);
    scratch.define("default", "members = 5\n");
    let before = read(&scratch, "vagrant/config.rb");
    let ran = scratch.run(&["render", "--check"]).expect(1);
    expect_file!["../golden/render/check.stdout"].assert_eq(&ran.stdout);
    expect_file!["../golden/render/check.stderr"].assert_eq(&ran.stderr);
    assert_eq!(before, read(&scratch, "vagrant/config.rb"));
    scratch.run(&["render"]).expect(0);
    scratch.run(&["render", "--check"]).expect(0);
}

#[test]
fn check_before_the_first_render_writes_nothing() {
    let scratch = Scratch::with("five", "members = 5\n");
    let ran = scratch.run(&["render", "--check", "five"]).expect(1);
    assert!(
        ran.stdout
            .starts_with("--- /dev/null\n+++ vagrant/five/user-data (rendered)\n@@ -0,0 +1,"),
        "{}",
        ran.stdout
    );
    assert!(!scratch.root().join("vagrant").exists());
}

#[test]
fn the_difference_is_one_that_patch_can_apply() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.run(&["render"]).expect(0);
    scratch.define("default", "members = 5\nname_prefix = \"db\"\n");
    let ran = scratch.run(&["render", "--check"]).expect(1);
    fs::write(scratch.root().join("changes"), &ran.stdout).unwrap();
    crate::support::require_tool("patch", "patch");
    let patched = Command::new("patch")
        .args(["--batch", "--strip=0", "--fuzz=0", "--input=changes"])
        .current_dir(scratch.root())
        .output()
        .unwrap();
    assert!(patched.status.success(), "{patched:?}");
    scratch.run(&["render", "--check"]).expect(0);
}

#[test]
fn ends_of_lines_that_nobody_sees_are_named() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.run(&["render"]).expect(0);
    let path = scratch.root().join("vagrant/config.rb");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    let ran = scratch.run(&["render", "--check"]).expect(1);
    expect![[r#"
        error: `vagrant/config.rb` is out of date
        note: only line endings differ in `vagrant/config.rb`: they are CR LF, as git's `core.autocrlf` writes them
        hint: write it: `cargo xtask render`
    "#]]
    .assert_eq(&ran.stderr);
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_place() {
    let scratch = Scratch::with("default", "members = 3\n");
    let vagrant = scratch.root().join("vagrant");
    scratch.run(&["render"]).expect(0);
    let right = fs::read_to_string(vagrant.join("config.rb")).unwrap();
    fs::write(vagrant.join("config.rb"), "").unwrap();
    fs::set_permissions(vagrant.join("config.rb"), Permissions::from_mode(0o640)).unwrap();
    fs::rename(vagrant.join("user-data"), scratch.root().join("elsewhere")).unwrap();
    symlink("../elsewhere", vagrant.join("user-data")).unwrap();
    fs::write(scratch.root().join("elsewhere"), "").unwrap();

    scratch.run(&["render"]).expect(0);
    assert_eq!(
        fs::read_to_string(vagrant.join("config.rb")).unwrap(),
        right
    );
    let mode = fs::metadata(vagrant.join("config.rb"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let link = fs::read_link(vagrant.join("user-data")).unwrap();
    assert_eq!(link.to_str(), Some("../elsewhere"));
    scratch.run(&["render", "--check"]).expect(0);
}

#[test]
fn files_without_a_definition_are_reported_and_kept() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.define("gone", "[network]\nsubnet = \"192.168.60.0/24\"\n");
    scratch.run(&["render"]).expect(0);
    fs::remove_file(scratch.root().join("cluster/gone.toml")).unwrap();
    fs::create_dir(scratch.root().join("vagrant/mine")).unwrap();
    fs::write(scratch.root().join("vagrant/mine/config.rb"), "# mine\n\n").unwrap();
    let written = scratch.run(&["render"]).expect(0);
    expect![[r#"
        warning: `vagrant/gone/config.rb` and `vagrant/gone/user-data` are left over: no definition produces them
        hint: remove them: `rm -r vagrant/gone`
    "#]]
    .assert_eq(&written.stderr);
    let checked = scratch.run(&["render", "--check"]).expect(1);
    let left_over = written.stderr.replace("warning: ", "error: ");
    assert!(checked.stderr.ends_with(&left_over), "{}", checked.stderr);
    assert!(scratch.root().join("vagrant/gone/user-data").exists());
}

#[test]
fn check_warns_about_strangers() {
    let shared = "[machine.shared_folders]\n\"./src/here\" = \"/src\"\n\"../above\" = \"/above\"\n";
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.define(
        "five",
        &format!("[network]\nsubnet = \"192.168.60.0/24\"\n{shared}"),
    );
    scratch.run(&["render"]).expect(0);
    let root = scratch.root();
    // What users have there for good reasons.
    for folder in [
        ".vagrant/machines",
        "five/.vagrant",
        "five/log",
        "log",
        "five/src/here",
        "above",
    ] {
        fs::create_dir_all(root.join("vagrant").join(folder)).unwrap();
    }
    for file in ["Vagrantfile", ".gitignore", "five/log/core-01-serial.txt"] {
        fs::write(root.join("vagrant").join(file), "mine").unwrap();
    }
    std::os::unix::fs::symlink("../Vagrantfile", root.join("vagrant/five/Vagrantfile")).unwrap();
    let ran = scratch.run(&["render", "--check"]).expect(0);
    assert_eq!(ran.stderr, "");
    // Vagrant would read it in place of ours.
    fs::remove_file(root.join("vagrant/five/Vagrantfile")).unwrap();
    fs::write(root.join("vagrant/five/Vagrantfile"), "mine").unwrap();
    let ran = scratch.run(&["render", "--check"]).expect(0);
    let fact = "warning: `vagrant/five/Vagrantfile` is not rendered from a definition\n";
    assert!(ran.stderr.starts_with(fact), "{}", ran.stderr);
    fs::remove_file(root.join("vagrant/five/Vagrantfile")).unwrap();
    fs::write(root.join("vagrant/five/user-data.old"), "mine").unwrap();
    fs::create_dir(root.join("vagrant/old")).unwrap();
    fs::write(root.join("vagrant/old/user-data"), "#cloud-config\n").unwrap();
    let ran = scratch.run(&["render", "--check"]).expect(0);
    expect![[r#"
        warning: `vagrant/five/user-data.old` and `vagrant/old` are not rendered from a definition
        note: machines use only rendered files and shared folders
        hint: look at them: `ls -ld vagrant/five/user-data.old vagrant/old`
    "#]]
    .assert_eq(&ran.stderr);
    let ran = scratch.run(&["render", "five", "--check"]).expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn nothing_is_written_while_a_definition_has_an_error() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.define("other", "membres = 3\n");
    scratch.run(&["render"]).expect(3);
    assert!(!scratch.root().join("vagrant").exists());
}

#[test]
fn no_cluster_takes_the_place_of_a_rendered_file() {
    let scratch = Scratch::with("user-data", "members = 3\n");
    let ran = scratch.run(&["render"]).expect(3);
    assert!(
        ran.stderr.contains("a cluster cannot be named `user-data`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_folder_in_the_way_is_named() {
    let scratch = Scratch::with("default", "members = 3\n");
    fs::create_dir_all(scratch.root().join("vagrant/config.rb/inside")).unwrap();
    let ran = scratch.run(&["render"]).expect(5);
    expect![[r#"
        error: cannot read `vagrant/config.rb`: Is a directory (os error 21)
        hint: a folder is in its place; move it away: `mv vagrant/config.rb vagrant/config.rb.old`
    "#]]
    .assert_eq(&ran.stderr);
    expect![[r#"
        created   vagrant/user-data
    "#]]
    .assert_eq(&ran.stdout);
}

/// Tasks run from any folder of a workspace.
#[test]
fn what_a_hint_names_is_found_from_a_folder_further_down() {
    let scratch = Scratch::with("default", "members = 3\n");
    let in_the_way = scratch.root().join("vagrant/config.rb");
    fs::create_dir_all(in_the_way.join("inside")).unwrap();
    let mut command = scratch.command(&["render"]);
    command.current_dir(scratch.root().join("cluster"));
    let ran = Ran::from(command.output().unwrap()).expect(5);
    let hint = format!(": `mv {in_the_way} {in_the_way}.old`\n");
    assert!(ran.stderr.ends_with(&hint), "{}", ran.stderr);
}

#[test]
fn a_full_disk_keeps_the_old_file_in_namespaces() {
    let (ran, kept) = on_a_file_system("size=16k", "dd if=/dev/zero of=vagrant/filler bs=1k 2>dd");
    expect![[r#"
        error: cannot write `vagrant/user-data`: No space left on device (os error 28)
        note: the old content is unchanged
        hint: make room, then render again: `df -h vagrant`
    "#]]
    .assert_eq(&ran.stderr);
    assert_eq!(ran.status, Some(5));
    assert_eq!(kept, "old\n.\n..\nconfig.rb\nfiller\nuser-data\n");
}

#[test]
fn a_read_only_folder_keeps_the_old_file_in_namespaces() {
    let (ran, kept) = on_a_file_system("size=1m", "mount -o remount,ro vagrant");
    expect![[r#"
        error: cannot write `vagrant/user-data`: Read-only file system (os error 30)
        note: the old content is unchanged
        hint: the file system is mounted read-only: use a writable checkout
    "#]]
    .assert_eq(&ran.stderr);
    assert_eq!(ran.status, Some(5));
    assert_eq!(kept, "old\n.\n..\nconfig.rb\nuser-data\n");
}

/// Renders with `vagrant/` on a file system of its own, which holds the text `old` in both files;
/// `then` makes it unfit. Returns how that went, and what is there afterwards.
fn on_a_file_system(options: &str, then: &str) -> (Ran, String) {
    let scratch = Scratch::with("default", "members = 3\n");
    fs::create_dir(scratch.root().join("vagrant")).unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs vagrant || exit 99
        echo old >vagrant/user-data
        echo old >vagrant/config.rb
        {then}
        '{program}' render
        status=$?
        cat vagrant/user-data >kept
        ls -a vagrant >>kept
        exit $status",
        program = env!("CARGO_BIN_EXE_xtask")
    );
    let mut command = scratch.command(&[]);
    let ran = Ran::from(
        in_own_namespaces(&mut command, &script)
            .current_dir(scratch.root())
            .output()
            .unwrap(),
    );
    assert_ne!(ran.status, Some(99), "{}", ran.stderr);
    (ran, read(&scratch, "kept"))
}

/// A shell that may mount, without any right outside. Tests that need it end in `_in_namespaces`, so
/// that they can be left out where a host forbids this.
pub(crate) fn in_own_namespaces(like: &mut Command, script: &str) -> Command {
    unshared(&["--mount", "--uts"], like, script)
}

/// A shell in a network where nobody else is, as far as rights go in the same way.
pub(crate) fn in_own_network(like: &mut Command, script: &str) -> Command {
    unshared(&["--net"], like, script)
}

fn unshared(what: &[&str], like: &mut Command, script: &str) -> Command {
    crate::support::require_tool("unshare", "util-linux");
    let mut command = Command::new("unshare");
    command
        .arg("--map-root-user")
        .args(what)
        .args(["sh", "-c", script]);
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn the_same_definitions_give_the_same_bytes_everywhere() {
    let one = with_extra_files();
    let other = with_extra_files();
    for (name, definition) in VARIANTS {
        one.define(name, definition);
    }
    for (name, definition) in VARIANTS.iter().rev() {
        other.define(name, definition);
    }
    one.run(&["render"]).expect(0);
    let ran = Ran::from(
        other
            .command(&["render"])
            .current_dir(other.root().join("cluster"))
            .env("HOME", "/nonexistent/ä")
            .env("TZ", "Pacific/Kiritimati")
            .env("LANG", "tr_TR.UTF-8")
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("USER", "someone")
            .output()
            .unwrap(),
    );
    ran.expect(0);
    for (name, _) in VARIANTS {
        for file in ["user-data", "config.rb"] {
            let path = format!("vagrant/{name}/{file}");
            let text = read(&one, &path);
            assert_eq!(text, read(&other, &path), "{path}");
            assert!(!text.contains(one.root().as_str()), "{path}");
        }
    }
}

pub(crate) fn read(scratch: &Scratch, path: &str) -> String {
    fs::read_to_string(scratch.root().join(path)).unwrap()
}

/// What changes when a file is written again.
fn status(scratch: &Scratch, path: &str) -> (u64, std::time::SystemTime) {
    use std::os::unix::fs::MetadataExt;
    let path: &Utf8Path = &scratch.root().join(path);
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.modified().unwrap())
}

#[test]
fn what_a_killed_render_left_is_removed_by_the_next() {
    let scratch = Scratch::with("left", "members = 3\n");
    scratch.run(&["render"]).expect(0);
    let folder = scratch.root().join("vagrant/left");
    let gone = scratch.root().join("vagrant/gone");
    fs::create_dir(&gone).unwrap();
    // No process has so high a number; one that is alive may still be writing.
    let dead = [
        folder.join(".config.rb.2147483646.new"),
        folder.join(".user-data.2147483645.new"),
        // Of a definition that was removed since.
        gone.join(".user-data.2147483646.new"),
    ];
    let alive = folder.join(format!(".config.rb.{}.new", std::process::id()));
    // Not named like one.
    let other = folder.join(".config.rb.new");
    for next in [&["render", "--check"][..], &["render"]] {
        for path in dead.iter().chain([&alive, &other]) {
            fs::write(path, "half").unwrap();
        }
        scratch.run(next).expect(0);
        assert_eq!(dead.iter().find(|path| path.exists()), None, "{next:?}");
        assert!(alive.exists() && other.exists());
    }
    // Even if nothing else is to be done.
    fs::write(&dead[0], "half").unwrap();
    scratch.run(&["render", "left", "--check"]).expect(0);
    assert!(!dead[0].exists());
    fs::remove_file(alive).unwrap();
}
