//! Members whose data cannot be moved aside, and disks that are full.

use camino::Utf8PathBuf;
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::render::in_own_namespaces;
use crate::restore::three;
use crate::scratch::{Ran, Scratch};

/// Runs a script in a workspace with `$x` for the program, `up` and `put`.
fn script(scratch: &Scratch, name: &str, script: &str) -> Ran {
    let program: Utf8PathBuf = env!("CARGO_BIN_EXE_xtask").into();
    let first = format!(
        "x='{program}'; etcd='{etcd}'; members=.state/{name}/members
        up() {{ $x up {name} --etcd-dir $etcd --timeout 5m; }}
        put() {{ $x etcdctl -c {name} put \"$@\" >/dev/null; }}
        get() {{ $x etcdctl -c {name} get --print-value-only \"$@\"; }}
        backup() {{ $x backup {name} --to \"$PWD/a.db\" >/dev/null 2>&1; }}
        restore() {{ $x restore {name} --from \"$PWD/a.db\" --yes --timeout 5m; }}
        ids() {{ cat $members/*/pid; }}\n",
        etcd = packaged()
    );
    let last = format!("\n$x destroy {name} --yes >/dev/null 2>&1");
    let mut command = in_own_namespaces(&mut scratch.command(&[]), &(first + script + &last));
    Ran::from(command.current_dir(scratch.root()).output().unwrap())
}

#[track_caller]
fn says(ran: &Ran, results: &[&str], facts: &[&str]) {
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    for result in results {
        assert!(
            ran.stdout.lines().any(|line| line == *result),
            "{result}: {said}"
        );
    }
    for fact in facts {
        assert!(ran.stderr.contains(fact), "{fact}: {said}");
    }
}

/// Mounts something at a member's data, and asserts that a restoration is refused and changes nothing. `then`:
/// what follows.
fn refuses(name: &'static str, network: u8, mount: &str, then: &str) -> Ran {
    let scratch = Scratch::with(name, &three(network));
    let text = format!(
        "mkdir -p $members/core-03/data disk; {mount} $members/core-03/data || exit 99
        chmod 700 $members/core-03/data
        up >/dev/null 2>&1; echo up $?; put greeting hello; backup; put late yes; ids >before
        restore; echo refused $?
        ids | cmp - before && echo same processes; echo late $(get late); ls $members/core-01
        {then}
        $x down {name} >/dev/null 2>&1; umount $members/core-03/data"
    );
    let ran = script(&scratch, name, &text);
    let immovable = "/core-03/data` is a mount point\n";
    let hint = format!("raise `generation` under `[etcd]` in `cluster/{name}.toml`");
    let error = "error: the data of `core-03` cannot be moved aside: `";
    let facts = [error, immovable, "note: nothing was changed\n", &hint];
    says(
        &ran,
        &["up 0", "refused 7", "same processes", "late yes"],
        &facts,
    );
    assert!(!ran.stdout.contains("data-"), "{}", ran.stdout);
    ran
}

#[test]
fn bound_folder_is_not_moved_in_namespaces() {
    refuses("bound", 131, "mount --bind disk", "");
}

/// The way out is a new generation, as the hint says. The member that is left out does not come back.
#[test]
fn member_on_a_mount_point_is_left_out_in_namespaces() {
    let then = "printf '[etcd]\\ngeneration = 2\\n' >>cluster/disk.toml
        restore; echo restored $?
        echo $(get greeting) and $(get late)
        up; echo again $?
        ls $members/core-03/data
        echo $($x status disk | grep core-03)
        $x down disk; cp -a $members/core-03/data disk; umount $members/core-03/data
        cp -a disk/data $members/core-03; up >/dev/null 2>&1
        $x replace core-03 --cluster disk --yes; echo back $?
        echo $(get greeting) and $(get late)";
    let ran = refuses("disk", 132, "mount -t tmpfs none", then);
    let without = "  without   core-03: the old data stays, under the old identity\n";
    let warning = "warning: `core-03` was left out of the restoration, so it was not started\n";
    let hint = "hint: once its data can be moved aside, bring it back: `cargo xtask replace core-03 --cluster disk`\n";
    let results = ["restored 1", "hello and", "again 1", "member", "back 0"];
    says(&ran, &results, &[without, warning, hint]);
    assert_eq!(ran.stderr.matches(warning).count(), 2);
    assert_eq!(ran.stdout.matches("\nhello and\n").count(), 2);
    assert!(
        ran.stdout
            .contains("core-03 http://127.83.132.103:2379 stopped"),
        "{}",
        ran.stdout
    );
}

/// The disk of one member has no room for its restored data. etcd reserves 64 MB for its log.
#[test]
fn full_disk_changes_nothing_in_namespaces() {
    let scratch = Scratch::with("full", &three(133));
    let text =
        "mkdir -p $members/core-03; mount -t tmpfs -o size=300m none $members/core-03 || exit 99
        up >/dev/null 2>&1; echo up $?; put greeting hello; backup; put late yes; ids >before
        dd if=/dev/zero of=$members/core-03/fill bs=1M 2>/dev/null
        restore; echo full $?
        rm $members/core-03/fill
        ids | cmp - before && echo same processes; echo late $(get late); ls $members/*
        restore >/dev/null 2>&1; echo room $?; echo late $(get late)
        $x down full >/dev/null 2>&1; umount $members/core-03";
    let ran = script(&scratch, "full", text);
    let facts = [
        "error: the data of `core-03` cannot be restored: ",
        "no space left on device",
        "note: nothing was changed, and nothing of it is left\n",
    ];
    says(
        &ran,
        &[
            "up 0",
            "full 5",
            "same processes",
            "late yes",
            "room 0",
            "late",
        ],
        &facts,
    );
    assert!(!ran.stdout.contains("data-"), "{}", ran.stdout);
}

/// The disk of a destroyed cluster is too small: what was prepared for it is removed, too.
#[test]
fn failed_restoration_leaves_no_members_in_namespaces() {
    let scratch = Scratch::with("gone", &three(134));
    let text = "up >/dev/null 2>&1; echo up $?; put greeting hello; backup; $x destroy gone --yes
        mount -t tmpfs -o size=100m none .state || exit 99
        $x restore gone --from \"$PWD/a.db\" --yes --etcd-dir $etcd; echo full $?
        ls .state; $x status gone; umount .state";
    let ran = script(&scratch, "gone", text);
    says(
        &ran,
        &["up 0", "full 5"],
        &[
            "no space left on device",
            "error: cluster `gone` has not been started",
        ],
    );
    assert!(!ran.stdout.contains("members"), "{}", ran.stdout);
}

/// The folder of a member belongs to somebody else.
#[test]
fn member_of_another_user_is_refused_as_root() {
    use std::process::Command;
    let scratch = Scratch::with("theirs", &three(135));
    crate::local_support::up(&scratch, "theirs").expect(0);
    let file = crate::restore::backed_up(&scratch, "theirs");
    let folder = scratch.root().join(".state/theirs/members/core-02");
    std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
    let words = scratch.command(&["restore", "theirs", "--yes", "--from", file.as_str()]);
    crate::support::require_tool("setpriv", "util-linux");
    let mut command = Command::new("setpriv");
    let rights = "-dac_override,-dac_read_search,-fowner";
    command.args([
        &format!("--bounding-set={rights}"),
        &format!("--inh-caps={rights}"),
    ]);
    command
        .arg(words.get_program())
        .args(words.get_args())
        .current_dir(scratch.root());
    command.env("XTASK_DRIVER", "local");
    let ran = Ran::from(command.output().unwrap()).expect(7);
    let error = format!(
        "error: the data of `core-02` cannot be moved aside: `{folder}` cannot be changed: Permission denied\n"
    );
    assert!(
        ran.stderr.contains(&error) && ran.stderr.contains("raise `generation`"),
        "{}",
        ran.stderr
    );
    std::os::unix::fs::chown(&folder, Some(0), Some(0)).unwrap();
    crate::local_support::is_healthy(&scratch, "theirs");
}
