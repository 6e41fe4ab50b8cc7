//! Real clusters over several minor releases, up and down.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;

use crate::apply_support::{Writer, count};
use crate::cluster_on_machines::Cluster;
use crate::etcd_release::release_in;
use crate::harness::not_run;
use crate::local_support::{begin, end, etcdctl, get, processes, put};
use crate::scratch::{Ran, Scratch};
use crate::support::{look_until, program};

const RELEASES: [&str; 3] = ["3.5.33", "3.6.14", "3.7.1"];

/// The folder with a folder for each release.
fn releases() -> Utf8PathBuf {
    let folder = std::env::var("XTASK_TEST_RELEASES").unwrap_or_default();
    let folder = Utf8PathBuf::from(folder);
    for release in RELEASES {
        let etcd = folder.join(release).join("etcd");
        if !etcd.is_file() {
            not_run(format!("there is no `{etcd}`"));
        }
    }
    folder
}

fn define(scratch: &Scratch, network: u8, version: &str) {
    let etcd = format!("version = \"{version}\"\n");
    scratch.define("etcd", &count(network, 3, &etcd));
}

fn started(network: u8, version: &str) -> Scratch {
    started_as(&count(network, 3, &format!("version = \"{version}\"\n")))
}

fn started_as(definition: &str) -> Scratch {
    let scratch = Scratch::with("etcd", definition);
    let folder = releases();
    let up = ["up", "etcd", "--etcd-dir", folder.as_str()];
    scratch.run(&up).expect(0);
    put(&scratch, "etcd", "greeting", "hello");
    scratch
}

fn apply(scratch: &Scratch, more: &[&str]) -> Ran {
    let folder = releases();
    let apply = ["apply", "etcd", "--yes", "--etcd-dir", folder.as_str()];
    scratch.run(&[&apply, more].concat())
}

/// Kills `apply` as soon as this is so.
fn apply_killed_once(scratch: &Scratch, more: &[&str], is_so: impl FnMut() -> bool) {
    let folder = releases();
    let apply = ["apply", "etcd", "--yes", "--etcd-dir", folder.as_str()];
    let apply = begin(scratch, &[&apply, more].concat());
    look_until(is_so, |is_so| *is_so);
    kill(Pid::from_raw(apply.id().cast_signed()), Signal::SIGKILL).unwrap();
    end(apply);
}

/// What each member runs.
fn versions(scratch: &Scratch) -> Vec<String> {
    let status = ["status", "etcd", "--format", "json"];
    let status: Value = serde_json::from_str(&scratch.run(&status).stdout).unwrap();
    let members = status["members"].as_array().unwrap().iter();
    let versions = members.map(|one| one["version"].as_str().unwrap_or_default().to_owned());
    versions.collect()
}

#[track_caller]
fn runs(scratch: &Scratch, network: u8, version: &str, speaks: &str) {
    assert_eq!(versions(scratch), [version; 3]);
    let url = format!("http://127.87.{network}.101:2379/version");
    let answer = minreq::get(url).send().unwrap();
    let answer: Value = serde_json::from_slice(answer.as_bytes()).unwrap();
    assert_eq!(answer["etcdcluster"], speaks);
    scratch.run(&["plan", "etcd"]).expect(0);
    scratch.run(&["verify", "etcd"]).expect(0);
    assert_eq!(get(scratch, "etcd", "greeting"), "hello\n");
}

/// Whether a downgrade is enabled, as the first member says.
fn is_downgrading(network: u8) -> bool {
    let url = format!("http://127.87.{network}.101:2379/v3/maintenance/status");
    let status = minreq::post(url).with_body("{}").send().unwrap();
    let status: Value = serde_json::from_slice(status.as_bytes()).unwrap();
    status["downgradeInfo"]["enabled"] == true
}

/// Members of 3.7 do not start with what 3.5 has left in their logs, unless they get a snapshot first.
#[test]
fn minor_releases_are_walked_up_and_down_under_load() {
    let network = 91;
    let scratch = started(network, "3.5.33");
    define(&scratch, network, "3.7.1");
    let refused = scratch.run(&["plan", "etcd"]).expect(7).stderr;
    let hint = "one after another: `cargo xtask apply etcd --hops`\n";
    assert!(refused.contains(hint), "{refused}");

    let writer = Writer::start(network, &[101, 102, 103]);
    apply(&scratch, &["--hops"]).expect(0);
    runs(&scratch, network, "3.7.1", "3.7.0");
    define(&scratch, network, "3.5.33");
    apply(&scratch, &["--hops"]).expect(0);
    let (written, longest) = writer.lost_nothing(&scratch, "etcd");
    eprintln!("{written} writes, the longest gap {longest:?}");
    runs(&scratch, network, "3.5.33", "3.5.0");

    // And up again, by one.
    define(&scratch, network, "3.6.14");
    apply(&scratch, &[]).expect(0);
    runs(&scratch, network, "3.6.14", "3.6.0");
}

#[test]
fn killed_downgrade_is_continued_or_cancelled() {
    let network = 92;
    let scratch = started(network, "3.6.14");
    // Before a member has the earlier release.
    define(&scratch, network, "3.5.33");
    apply_killed_once(&scratch, &[], || is_downgrading(network));
    define(&scratch, network, "3.6.14");
    let verify = scratch.run(&["verify", "etcd"]).expect(0).stdout;
    for words in [
        "a downgrade to 3.5 is enabled",
        "the change to etcd 3.5.33 was set back",
    ] {
        assert!(verify.contains(words), "{verify}");
    }
    let plan = scratch.run(&["plan", "etcd"]).expect(1).stdout;
    for task in [
        " 1. cancel etcd's downgrade to 3.5\n",
        " 2. record that the cluster stays with etcd 3.6.14\n",
    ] {
        assert!(plan.contains(task), "{plan}");
    }
    let applied = apply(&scratch, &[]).expect(0).stderr;
    assert!(!applied.contains("saved as"), "{applied}");
    assert!(!applied.contains("nothing to do"), "{applied}");
    assert!(!is_downgrading(network));
    runs(&scratch, network, "3.6.14", "3.6.0");

    // After one has it.
    let has_begun = || versions(&scratch).contains(&"3.5.33".to_owned());
    define(&scratch, network, "3.5.33");
    apply_killed_once(&scratch, &[], has_begun);
    define(&scratch, network, "3.6.14");
    apply(&scratch, &[]).expect(0);
    assert!(!is_downgrading(network));
    runs(&scratch, network, "3.6.14", "3.6.0");

    // Or it is continued.
    define(&scratch, network, "3.5.33");
    apply_killed_once(&scratch, &[], has_begun);
    let verify = scratch.run(&["verify", "etcd"]).expect(1).stdout;
    assert!(verify.contains("`cargo xtask apply etcd`\n"), "{verify}");
    apply(&scratch, &[]).expect(0);
    runs(&scratch, network, "3.5.33", "3.5.0");
}

#[test]
fn downgrade_that_was_enabled_by_hand_is_cancelled() {
    let network = 96;
    let scratch = started(network, "3.6.14");
    let enable = ["downgrade", "enable", "3.5"];
    etcdctl(&scratch, "etcd", &enable).expect(0);
    let verify = scratch.run(&["verify", "etcd"]).expect(0).stdout;
    assert!(verify.contains("a downgrade to 3.5 is enabled"), "{verify}");
    let plan = scratch.run(&["plan", "etcd"]).expect(1);
    let task = " 1. cancel etcd's downgrade to 3.5\n";
    assert!(plan.stdout.contains(task), "{}", plan.stdout);
    let applied = apply(&scratch, &[]).expect(0).stderr;
    assert!(
        applied.contains("downgrade to 3.5 is cancelled"),
        "{applied}"
    );
    assert!(!applied.contains("nothing to do"), "{applied}");
    runs(&scratch, network, "3.6.14", "3.6.0");

    // No member of 3.6 can join meanwhile.
    etcdctl(&scratch, "etcd", &enable).expect(0);
    let replace = ["replace", "core-02", "--cluster", "etcd", "--yes"];
    let replaced = scratch.run(&replace).expect(0).stderr;
    assert!(
        replaced.contains("downgrade to 3.5 is cancelled"),
        "{replaced}"
    );
    etcdctl(&scratch, "etcd", &enable).expect(0);
    scratch.define("etcd", &count(network, 5, "version = \"3.6.14\"\n"));
    apply(&scratch, &[]).expect(0);
    assert_eq!(versions(&scratch), ["3.6.14"; 5]);
}

/// etcd's own downgrade goes through the gateway, which a flag turns off.
#[test]
fn changes_that_need_the_gateway_are_refused_without_it() {
    let network = 97;
    let off = |version: &str| {
        let flag = "flags = { enable-grpc-gateway = false }\n";
        let etcd = format!("version = \"{version}\"\n{flag}");
        count(network, 3, &etcd)
    };
    let scratch = started_as(&off("3.6.14"));
    let folder = releases();
    let plan = |more: &[&str]| {
        let plan = ["plan", "etcd", "--etcd-dir", folder.as_str()];
        scratch.run(&[&plan, more].concat())
    };
    let needs_it = |ran: Ran| {
        let fact = "without etcd's gRPC gateway\n";
        let refused = ran.expect(7).stderr;
        assert!(refused.contains(fact), "{refused}");
    };
    for to in ["3.5.33", "3.7.1"] {
        scratch.define("etcd", &off(to));
        needs_it(plan(&[]));
        needs_it(apply(&scratch, &[]));
        // The members run without it until they are restarted.
        define(&scratch, network, to);
        needs_it(plan(&[]));
    }
    scratch.define("etcd", &off("3.6.14"));
    let enable = ["downgrade", "enable", "3.5"];
    etcdctl(&scratch, "etcd", &enable).expect(0);
    let refused = plan(&[]).expect(7).stderr;
    let hint = "cancel it by hand: `cargo xtask etcdctl --cluster etcd -- downgrade cancel`\n";
    assert!(refused.contains(hint), "{refused}");
    etcdctl(&scratch, "etcd", &["downgrade", "cancel"]).expect(0);

    // As the hint says.
    define(&scratch, network, "3.6.14");
    apply(&scratch, &[]).expect(0);
    define(&scratch, network, "3.5.33");
    apply(&scratch, &[]).expect(0);
    runs(&scratch, network, "3.5.33", "3.5.0");

    // The second of two hops needs it.
    scratch.define("etcd", &off("3.7.1"));
    needs_it(plan(&["--hops"]));
    needs_it(apply(&scratch, &["--hops"]));
    assert_eq!(versions(&scratch), ["3.5.33"; 3]);

    // An upgrade is taken back without it.
    scratch.define("etcd", &off("3.6.14"));
    let has_begun = || versions(&scratch).contains(&"3.6.14".to_owned());
    apply_killed_once(&scratch, &[], has_begun);
    scratch.define("etcd", &off("3.5.33"));
    apply(&scratch, &[]).expect(0);
    assert_eq!(versions(&scratch), ["3.5.33"; 3]);
}

/// A member that does not run gets its own version first: it does not start with another one before the cluster is
/// ready.
#[test]
fn dead_member_is_started_with_its_own_version() {
    let network = 94;
    let scratch = started(network, "3.5.33");
    for (version, speaks) in [
        ("3.6.14", "3.6.0"),
        ("3.7.1", "3.7.0"),
        ("3.6.14", "3.6.0"),
        ("3.5.33", "3.5.0"),
    ] {
        let id = processes(&scratch, "etcd")["core-03"];
        kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
        let is_gone = || !processes(&scratch, "etcd").contains_key("core-03");
        look_until(is_gone, |gone| *gone);
        define(&scratch, network, version);
        apply(&scratch, &[]).expect(0);
        runs(&scratch, network, version, speaks);
    }
}

/// New data comes with the version that the others run.
#[test]
fn member_is_replaced_during_a_downgrade() {
    let network = 95;
    let scratch = started(network, "3.6.14");
    define(&scratch, network, "3.5.33");
    apply_killed_once(&scratch, &[], || is_downgrading(network));
    let replace = ["replace", "core-02", "--cluster", "etcd", "--yes"];
    let replaced = scratch.run(&replace);
    assert!(
        matches!(replaced.status, Some(0 | 1)),
        "{}",
        replaced.stderr
    );
    assert_eq!(versions(&scratch), ["3.6.14"; 3]);
    apply(&scratch, &[]).expect(0);
    runs(&scratch, network, "3.5.33", "3.5.0");
}

/// A hop ends with a backup, during which this client raises an alarm.
#[test]
fn unhealthy_hop_names_the_goal_and_how_to_continue() {
    let network = 98;
    let scratch = started(network, "3.5.33");
    let folder = scratch.root().join("releases");
    for release in RELEASES {
        fs::create_dir_all(folder.join(release)).unwrap();
        for name in ["etcd", "etcdctl", "etcdutl"] {
            let to = folder.join(release).join(name);
            symlink(releases().join(release).join(name), to).unwrap();
        }
    }
    let alarm = format!("http://127.87.{network}.101:2379/v3/maintenance/alarm");
    let body = r#"{"action":"ACTIVATE","memberID":"1","alarm":"NOSPACE"}"#;
    let etcdctl = folder.join("3.6.14/etcdctl");
    fs::remove_file(&etcdctl).unwrap();
    let raise = format!(
        "case $* in *'snapshot save'*) curl --silent --data '{body}' {alarm} >/dev/null ;; esac\n\
         exec '{}/3.6.14/etcdctl' \"$@\"",
        releases()
    );
    program(&etcdctl, &raise);
    define(&scratch, network, "3.7.1");
    let apply = ["apply", "etcd", "--hops", "--etcd-dir", folder.as_str()];
    let failed = scratch.run(&[&apply[..], &["--yes"]].concat()).expect(6);
    let failed = failed.stderr;
    for words in [
        "error: with etcd 3.6.14, etcd is unhealthy",
        "note: not passed: alarms",
        "note: the hops to 3.7.1 end there\n",
        &format!("then continue: `cargo xtask {}`\n", apply.join(" ")),
    ] {
        assert!(failed.contains(words), "{failed}");
    }
}

#[test]
fn definition_edited_between_hops_is_looked_at_with_hops() {
    let network = 99;
    let scratch = started(network, "3.5.33");
    define(&scratch, network, "3.7.1");
    let folder = releases();
    let words = ["etcd", "--hops", "--etcd-dir", folder.as_str()];
    let apply = scratch.command(&[&["apply", "--yes"], &words[..]].concat());
    let apply = thread::spawn(move || {
        let mut apply = apply;
        Ran::from(apply.output().unwrap())
    });
    let has_begun = || versions(&scratch).contains(&"3.6.14".to_owned());
    look_until(has_begun, |has_begun| *has_begun);
    define(&scratch, network, "3.6.14");
    let edited = apply.join().unwrap().expect(6).stderr;
    let hint = format!("`cargo xtask plan {}`\n", words.join(" "));
    assert!(edited.contains(&hint), "{edited}");
}

/// The hops over several releases are continued where they were.
#[test]
fn killed_hops_are_continued() {
    let network = 93;
    let scratch = started(network, "3.5.33");
    define(&scratch, network, "3.7.1");
    for version in ["3.6.14", "3.7.1"] {
        let has_begun = || versions(&scratch).contains(&version.to_owned());
        apply_killed_once(&scratch, &["--hops"], has_begun);
    }
    apply(&scratch, &["--hops"]).expect(0);
    runs(&scratch, network, "3.7.1", "3.7.0");
}

/// A member of the earlier release cannot join before the downgrade has begun.
#[test]
fn machine_is_replaced_before_a_downgrade_in_containers() {
    let folder = releases();
    let [old, new] = ["3.5.33", "3.6.14"].map(|version| {
        let folder = folder.join(version);
        release_in(&folder, version)
    });
    let mut cluster = Cluster::running(&new);
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.redefine(&new, &old);
    let lose = "systemctl kill --signal=KILL etcd.service && rm -rf /var/lib/etcd/*";
    let member = "core-03";
    cluster.machine(member).run(&["sh", "-c", lose]).expect(0);
    let replaced = cluster.run(&["replace", member, "--yes"]);
    assert!(
        matches!(replaced.status, Some(0 | 1)),
        "{}",
        replaced.stderr
    );
    let runs = cluster.machine(member).run(&["etcd", "--version"]).stdout;
    assert!(runs.contains("etcd Version: 3.6.14\n"), "{runs}");
    cluster.run(&["apply", "--yes"]).expect(0);
    cluster.run(&["plan"]).expect(0);
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}

/// The client on this host is older than all of them.
#[test]
fn machines_are_downgraded_and_upgraded_in_containers() {
    let folder = releases();
    let [old, new] = ["3.5.33", "3.6.14"].map(|version| {
        let folder = folder.join(version);
        release_in(&folder, version)
    });
    let mut cluster = Cluster::running(&new);
    cluster.etcdctl(&["put", "greeting", "hello"]);
    for (from, to) in [(&new, &old), (&old, &new)] {
        cluster.redefine(from, to);
        let applied = cluster.run(&["apply", "--yes"]).expect(0);
        let runs = format!("etcd {}\n", to.version);
        assert!(applied.stdout.contains(&runs), "{}", applied.stdout);
        cluster.run(&["plan"]).expect(0);
    }
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}
