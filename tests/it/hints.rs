//! `verify` finds every fault of processes and reports nothing else; then the hints of `verify`,
//! `status` and `up` are followed as printed: no command is refused or unknown, hints that should
//! heal do so, and nothing gets worse.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::drilled_cluster::{Cluster, UnderWay, held, of_processes, of_processes_with_tls, tell};
use crate::local_support::etcdctl;
use crate::scratch::Ran;
use crate::support::look_until;
use crate::typed::typed;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hint {
    check: String,
    commands: Vec<String>,
    effect: String,
}

/// The exit statuses with which this program refuses to act: wrong arguments, an obstacle on the
/// host, or a state that forbids it.
const REFUSED: [Option<i32>; 3] = [Some(2), Some(5), Some(7)];

/// The exit statuses with which a shell reports unknown or unusable commands.
const UNKNOWN: [Option<i32>; 2] = [Some(126), Some(127)];

#[track_caller]
fn a_fourth_is_followed(first: usize, name: &'static str) {
    let possible = of_processes().into_iter();
    let faults: Vec<&str> = possible.skip(first).step_by(4).collect();
    assert_ne!(faults.len(), 0);
    let cluster = start(name);
    let mut is_healthy = true;
    for fault in faults {
        if !is_healthy {
            let destroy = ["destroy", name, "--yes"];
            cluster.scratch.run(&destroy).expect(0);
            cluster.up().expect(0);
        }
        bring_about(&cluster, fault);
        // Some drills need members that were never replaced.
        is_healthy = is_followed(&cluster, fault) && !has_replaced(&cluster);
    }
}

fn has_replaced(cluster: &Cluster) -> bool {
    let identity = ["identity", cluster.name, "--format", "json"];
    let ran = cluster.scratch.run(&identity).expect(0);
    ran.stdout.contains("\"added\": true")
}

fn start(name: &'static str) -> Cluster {
    Cluster::start(name, 12)
}

/// Runs this command line in the workspace.
fn follow(cluster: &Cluster, command: &str) -> Ran {
    // It asks, and there is nobody to answer.
    let agrees = match command.starts_with("cargo xtask apply ") {
        true => " --yes",
        false => "",
    };
    typed(&cluster.scratch, &format!("{command}{agrees}"))
}

#[test]
fn hints_work_for_the_first_quarter_of_faults() {
    a_fourth_is_followed(0, "first");
}

#[test]
fn hints_work_for_the_second_quarter_of_faults() {
    a_fourth_is_followed(1, "second");
}

#[test]
fn hints_work_for_the_third_quarter_of_faults() {
    a_fourth_is_followed(2, "third");
}

#[test]
fn hints_work_for_the_last_quarter_of_faults() {
    a_fourth_is_followed(3, "last");
}

/// Their hint renews the certificates.
#[test]
fn hints_work_for_faults_of_certificates() {
    let cluster = Cluster::start_with_tls("certified", 12);
    let of_plain = of_processes();
    let mut faults = of_processes_with_tls();
    faults.retain(|fault| !of_plain.contains(fault));
    assert_ne!(faults.len(), 0);
    for fault in faults {
        bring_about(&cluster, fault);
        assert!(is_followed(&cluster, fault), "{fault}");
    }
}

/// Manual changes of the member list are reverted, but for those that the definition asks for.
#[test]
fn hints_work_after_members_were_changed_by_hand() {
    let cluster = start("hand");
    let remove = || {
        let seen = cluster.verified(&["--wait", "60s"]);
        let id = seen["members"][2]["id"].as_str().unwrap();
        change_members(&cluster, &["member", "remove", id]);
        // It takes a moment to notice.
        let is_healable = |seen: &Value| hints(seen).iter().any(|hint| hint.effect == "heals");
        look_until(|| cluster.verified(&[]), is_healable);
        seen
    };
    remove();
    assert!(is_followed(&cluster, "removed"));

    let seen = remove();
    let url = seen["members"][2]["endpoint"].as_str().unwrap();
    let url = format!("--peer-urls={}", url.replace(":2379", ":2380"));
    change_members(&cluster, &["member", "add", "core-03", &url]);
    assert!(is_followed(&cluster, "added"));
    let after = cluster.verified(&[]);
    assert_eq!(after["quorum"]["voters"], 3, "{after:#}");

    let grown = cluster.definition.replace("members = 3", "members = 5");
    cluster.scratch.define("hand", &grown);
    is_followed(&cluster, "defined otherwise");
    let after = hints(&cluster.verified(&[]));
    assert_eq!(after.len(), 1, "{after:#?}");
    assert_eq!(after[0].check, "definition");
}

/// Changes the cluster's members with etcdctl, once etcd allows it: all members must have been
/// connected for a while.
fn change_members(cluster: &Cluster, change: &[&str]) {
    // A change that timed out may have been made.
    let was_made = |ran: &Ran| {
        let before = ["member not found", "Peer URLs already exists"];
        ran.status == Some(0) || before.iter().any(|words| ran.stderr.contains(words))
    };
    let change = || etcdctl(&cluster.scratch, cluster.name, change);
    let ran = look_until(change, was_made);
    assert!(was_made(&ran), "{ran:#?}");
}

/// Injects a fault with a drill that finds it, then kills the drill and removes its journal, so
/// that nothing knows of it.
fn bring_about(cluster: &Cluster, fault: &str) {
    if fault == "cluster-reformed" {
        cluster.gains_a_history();
    }
    let mut drill = UnderWay::start(&mut held(cluster, fault));
    drill.wait_until_it_says("verify reports ");
    let reports = drill.wait_until_it_says("\n");
    assert!(!reports.contains("; expected "), "{fault}: {reports}");
    drop(drill);
    fs::remove_file(cluster.state("drill.json")).unwrap();
    for member in ["core-01", "core-02", "core-03"] {
        let aside = cluster.state(&format!("members/{member}/data-before-drill"));
        let _ = fs::remove_dir_all(aside);
    }
}

/// Follows all hints of `verify`, `status` and `up` as printed. Returns whether that heals.
fn is_followed(cluster: &Cluster, fault: &str) -> bool {
    let before = cluster.verified(&[]);
    let hints = [hints(&before), status_hints(cluster)].concat();
    let mut all = Vec::new();
    for hint in &hints {
        for command in &hint.commands {
            // Waiting is useless if no hint heals.
            let ran = match hint.effect.as_str() {
                "heals" => follow(cluster, command),
                _ => follow(cluster, &command.replace("--wait 60s", "--wait 2s")),
            };
            let said = follows(&ran, command);
            assert!(said.is_ok(), "{fault}: {hints:#?}\n{said:#?}\n{before:#}");
            all.push((command.clone(), ran));
        }
    }
    let is_up = |command: &str| command.starts_with("cargo xtask up ");
    let heals = hints.iter().any(|hint| hint.effect == "heals");
    if !heals && !all.iter().any(|(command, _)| is_up(command)) {
        let up = format!("cargo xtask up {} --timeout 2s", cluster.name);
        let ran = follow(cluster, &up);
        all.push((up, ran));
    }
    for (up, ran) in all.iter().filter(|(command, _)| is_up(command)) {
        are_followed_after(cluster, fault, up, ran);
    }
    let healing = || hints.iter().filter(|hint| hint.effect == "heals");
    let commands: Vec<_> = hints
        .iter()
        .map(|hint| hint.commands.join(", then "))
        .collect();
    tell(&format!("{fault}: {}", commands.join("; ")));
    if healing().next().is_none() {
        let is_no_worse = |after: &Value| quorum_state(after) >= quorum_state(&before);
        let after = look_until(|| cluster.verified(&[]), is_no_worse);
        assert!(
            is_no_worse(&after),
            "{fault}: {hints:#?}\n{before:#}\n{after:#}"
        );
        return false;
    }
    let after = cluster.verified(&["--wait", "60s"]);
    assert_eq!(
        after["exit_status"], 0,
        "{fault}: {hints:#?}\n{before:#}\n{after:#}"
    );
    for check in after["checks"].as_array().unwrap() {
        let is_healed = healing().any(|hint| check["name"] == *hint.check);
        assert!(
            !is_healed || check["verdict"] != "warn",
            "{fault}: {hints:#?}\n{before:#}\n{after:#}"
        );
    }
    true
}

/// Asserts that a command succeeded, or returns what it did.
fn follows(ran: &Ran, command: &str) -> Result<(), String> {
    let is_etcdctl = command.contains(" etcdctl ");
    let is_own = command.starts_with("cargo xtask ") && !is_etcdctl;
    let is_refused = REFUSED.contains(&ran.status) && !is_etcdctl;
    if is_refused || UNKNOWN.contains(&ran.status) || !(is_own || ran.status == Some(0)) {
        return Err(format!("`{command}`: {ran:#?}"));
    }
    Ok(())
}

/// Follows the hints of `up` on standard error, except those that cost data, which are never the
/// only ones.
fn are_followed_after(cluster: &Cluster, fault: &str, up: &str, ran: &Ran) {
    let lines = ran.stderr.lines();
    let hints: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("hint: "))
        .collect();
    let costs_data = |hint: &&str| hint.contains("cargo xtask destroy ");
    assert!(
        hints.is_empty() || hints.iter().any(|hint| !costs_data(hint)),
        "{fault}: `{up}`: {ran:#?}"
    );
    let kept = hints.iter().filter(|hint| !costs_data(hint));
    for hint in kept {
        // The text before the commands may name files.
        let commands = hint.split_once(": `").map_or("", |(_, commands)| commands);
        let mut environment = String::new();
        for command in commands.split_terminator('`').step_by(2) {
            // The announced time would be too long here.
            let command = command.replace("--timeout 5m", "--timeout 2s");
            let ran = follow(cluster, &format!("{environment}{command}"));
            let followed = follows(&ran, &command);
            assert!(followed.is_ok(), "{fault}: `{up}`: {ran:#?}\n{followed:#?}");
            if command.contains("eval ") {
                environment = format!("{command}\n");
            }
        }
    }
}

/// The hints of `status`.
fn status_hints(cluster: &Cluster) -> Vec<Hint> {
    let ran = cluster
        .scratch
        .run(&["status", cluster.name, "--format", "json"]);
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap();
    let hint = |hint: &Value| Hint {
        check: "status".to_owned(),
        commands: texts(&hint["commands"]),
        effect: hint["effect"].as_str().unwrap().to_owned(),
    };
    seen["hints"].as_array().unwrap().iter().map(hint).collect()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Whether there is a quorum, and how many members can be part of it.
fn quorum_state(verified: &Value) -> (bool, u64) {
    let quorum = &verified["quorum"];
    (
        quorum["holds"].as_bool().unwrap(),
        quorum["able"].as_u64().unwrap(),
    )
}

/// The hints, without duplicates.
fn hints(verified: &Value) -> Vec<Hint> {
    let mut hints = Vec::new();
    for check in verified["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            let Some(effect) = finding["effect"].as_str() else {
                assert_eq!(finding["hint"], Value::Null);
                continue;
            };
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let commands = texts(&finding["commands"]);
            let shown = text(&finding["hint"]);
            for command in &commands {
                assert!(shown.contains(&format!("`{command}`")), "{finding:#}");
                let is_complete = !command.contains(['<', '>']) && !command.contains("REVISION");
                assert!(is_complete, "{finding:#}");
            }
            let hint = Hint {
                check: text(&check["name"]),
                commands,
                effect: effect.to_owned(),
            };
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    hints
}
