//! The life of a cluster on machines: a short story that is quick enough for every change, and a
//! long one with every drill.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use xtask::fault::{FAULTS, Fault};
use xtask::values::DriverName;

use test_attribute::test;

use crate::lab::wait_for;
use crate::scratch::Ran;
use crate::setting::{NAME, NETWORK, PATIENCE, Setting, XTASK, tell};

#[test]
fn short_story_of_a_cluster_on_machines_in_vms() {
    let cluster = Setting::new().with_tls();
    let nothing = cluster.what_is_there();
    cluster.is_founded();
    cluster.renews_its_certificates();
    cluster.is_mended_when_one_has_lost_its_power();
    cluster.leaves_nothing(&nothing);
}

#[test]
fn long_story_of_a_cluster_on_machines_in_vms() {
    let cluster = Setting::new();
    let nothing = cluster.what_is_there();
    cluster.is_founded();
    cluster.lives_on_when_switched_off_and_on();
    cluster.is_proven_from_inside_where_it_is_not_reached();
    cluster.mends_what_somebody_stopped();
    cluster.is_restored_from_a_backup();
    cluster.gets_a_new_member_on_a_new_machine();
    cluster.bears_the_loss_of_one();
    cluster.does_not_bear_the_loss_of_two();
    cluster.is_rebuilt_from_the_survivor();
    cluster.leaves_nothing(&nothing);
    cluster.begins_anew();
    cluster.bears_what_drills_do_to_machines();
    cluster.leaves_nothing(&nothing);
}

impl Setting {
    /// `up` proves the cluster healthy, with the predicted identity.
    fn is_founded(&self) {
        let identity = self.predicted_cluster_id();
        let up = self.run("up", &["up", NAME]).expect(0);
        assert!(
            up.stdout.contains("vms is healthy: 3 of 3 members"),
            "{}\n{}",
            up.stdout,
            up.stderr
        );
        assert_eq!(self.running_cluster_ids(), vec![identity; 3]);
        assert_eq!(self.mirror.asked(), 3);
        self.etcdctl(&["put", "greeting", "hello"]);
    }

    /// Each machine serves its new certificate, and no etcd was restarted.
    fn renews_its_certificates(&self) {
        let processes = || {
            let pid = ["ssh", "core-01", "--cluster", NAME, "--", "pidof", "etcd"];
            self.ask(&pid).expect(0).stdout
        };
        let before = processes();
        let renew = ["certs", NAME, "--renew", "--format", "json"];
        let renewed = self.run("certs --renew", &renew).expect(0).stdout;
        let renewed: serde_json::Value = serde_json::from_str(&renewed).unwrap();
        for one in &renewed["certificates"].as_array().unwrap()[2..] {
            assert_eq!(one["is_served"], true, "{one}");
        }
        assert_eq!(processes(), before);
    }

    /// `verify` names the missing member and reports the quorum, and `up` restores it.
    fn is_mended_when_one_has_lost_its_power(&self) {
        self.lab.pull_the_plug("core-02");
        self.comes_to_be_told(
            "verify, one without power",
            &[
                "vms is unhealthy: 2 of 3 members",
                "2 of 3 voters can agree, 2 are needed: no more may fail",
                "error: reachable: core-02 does not answer",
            ],
        );
        self.etcdctl(&["put", "without", "core-02"]);
        let up = self.run("up, one without power", &["up", NAME]).expect(0);
        let said = "vms is healthy: 3 of 3 members";
        assert!(up.stdout.contains(said), "{}\n{}", up.stdout, up.stderr);
        assert_eq!(self.greeting(), "hello\n");
    }

    /// Data survives `down` and `up`, in the same cluster.
    fn lives_on_when_switched_off_and_on(&self) {
        let identity = self.predicted_cluster_id();
        self.run("down", &["down", NAME]).expect(0);
        let running = self.lab.virsh(&["list", "--name"]).unwrap();
        assert_eq!(running.trim(), "", "machines that are still on");
        self.run("verify, all down", &["verify", NAME]).expect(1);

        self.run("up again", &["up", NAME]).expect(0);
        assert_eq!(self.greeting(), "hello\n");
        assert_eq!(self.running_cluster_ids(), vec![identity; 3]);
        // Each machine has kept its etcd.
        assert_eq!(self.mirror.asked(), 3);
    }

    /// A host that cannot reach the members queries them from inside a machine.
    fn is_proven_from_inside_where_it_is_not_reached(&self) {
        let verify = self.run("verify", &["verify", NAME]).expect(0);
        let said = "querying the members with this host's etcdctl";
        assert!(verify.stderr.contains(said), "{}", verify.stderr);

        let network = format!("{NETWORK}.0/24");
        let way = ["OUTPUT", "--destination", &network, "--protocol", "tcp"];
        let firewall = |what: &str| {
            let mut iptables = self.lab.command("iptables", PATIENCE);
            iptables
                .arg(what)
                .args(way)
                .args(["--dport", "2379", "--jump", "DROP"]);
            Ran::from(iptables.output().unwrap()).expect(0);
        };
        firewall("--append");
        let verify = self.run("verify, from inside", &["verify", NAME]).expect(0);
        let said = "querying them from inside `core-01`";
        assert!(verify.stderr.contains(said), "{}", verify.stderr);
        let backup = self.run("backup, through ssh", &["backup", NAME]);
        let backup = backup.expect(0);
        let said = "going through ssh";
        assert!(backup.stderr.contains(said), "{}", backup.stderr);
        self.forgets_backups();
        firewall("--delete");
    }

    /// `up` starts a stopped etcd on a running machine, whose journal shows that.
    fn mends_what_somebody_stopped(&self) {
        let stop = ["sudo", "systemctl", "stop", "etcd"];
        let ssh = ["ssh", "--cluster", NAME, "core-03"];
        self.run("ssh", &[&ssh[..], &stop].concat()).expect(0);
        let verify = self.run("verify, one stopped", &["verify", NAME]).expect(1);
        let said = "error: unit: core-03 has its unit etcd.service in the state `inactive`";
        assert!(verify.stdout.contains(said), "{}", verify.stdout);
        self.run("up, one stopped", &["up", NAME]).expect(0);
        let logs = ["logs", "core-03", "--cluster", NAME, "-n", "1000"];
        let logs = self.run("logs", &logs).expect(0).stdout;
        assert!(logs.contains("Stopped etcd.service"), "{logs}");
    }

    /// `restore` brings back what a backup holds, on all machines.
    fn is_restored_from_a_backup(&self) {
        self.run("backup", &["backup", NAME]).expect(0);
        let backups = self.workspace.join(format!(".state/{NAME}/backups"));
        let names = backups.read_dir_utf8().unwrap().flatten();
        let mut names = names.map(|entry| entry.file_name().to_owned());
        let backup = names.find(|name| name.ends_with(".db")).unwrap();
        self.etcdctl(&["put", "greeting", "goodbye"]);
        let restore = ["restore", NAME, "--from", &backup, "--yes"];
        let restored = self.run("restore", &restore).expect(0);
        let said = "core-03:/var/lib/etcd/data-replaced-";
        assert!(restored.stderr.contains(said), "{}", restored.stderr);
        assert_eq!(self.greeting(), "hello\n");
        self.forgets_backups();
    }

    /// `destroy` would keep them.
    fn forgets_backups(&self) {
        let backups = self.workspace.join(format!(".state/{NAME}/backups"));
        fs::remove_dir_all(backups).unwrap();
    }

    /// `replace` creates a machine whose member joins the others.
    fn gets_a_new_member_on_a_new_machine(&self) {
        let identity = self.running_cluster_ids();
        self.destroys_a_machine();
        let replace = ["replace", "core-03", "--cluster", NAME];
        let replaced = self.run("replace, machine gone", &replace).expect(0);
        let said = "vms is healthy: 3 of 3 members";
        assert!(replaced.stdout.contains(said), "{}", replaced.stderr);
        assert_eq!(self.greeting(), "hello\n");
        assert_eq!(self.running_cluster_ids(), identity);
        self.forgets_backups();
    }

    fn destroys_a_machine(&self) {
        let mut destroy = self.command("vagrant");
        let folder = self.workspace.join("vagrant").join(NAME);
        destroy
            .args(["destroy", "--force", "vms_core-03"])
            .current_dir(folder);
        Ran::from(destroy.output().unwrap()).expect(0);
    }

    /// `restore` boots one machine, creates another, and gives both the data of the third.
    fn is_rebuilt_from_the_survivor(&self) {
        self.destroys_a_machine();
        let restore = ["restore", NAME, "--from-member", "core-02", "--yes"];
        let restored = self.run("restore, two lost", &restore).expect(0);
        let said = "vms is healthy: 3 of 3 members";
        assert!(restored.stdout.contains(said), "{}", restored.stderr);
        assert_eq!(self.greeting(), "hello\n");
        self.forgets_backups();
    }

    /// A drill cuts the power of one member and is killed. `verify` names the missing member, the
    /// quorum and the drill; `up` heals it.
    fn bears_the_loss_of_one(&self) {
        let mut drill = self.command(XTASK);
        drill.args(["drill", NAME, "member-killed", "--hold", "9m"]);
        let begun = Instant::now();
        let mut drill = drill
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(drill.stderr.take().unwrap()).lines();
        let mut said = said.map(Result::unwrap);
        let killed =
            said.find_map(|line| Some(line.trim().strip_suffix(" was killed")?.to_owned()));
        self.lab.kill(&drill);
        drill.wait().unwrap();
        tell("drill, killed", begun);
        let lost = killed.expect("a member that was killed");

        let verify = self.comes_to_be_told(
            "verify, one killed",
            &[
                "vms is unhealthy: 2 of 3 members",
                "2 of 3 voters can agree, 2 are needed: no more may fail",
                &format!("error: reachable: {lost} does not answer"),
            ],
        );
        let whose = "an interrupted drill left `member-killed`";
        assert!(verify.stderr.contains(whose), "{}", verify.stderr);
        self.etcdctl(&["put", "without", &lost]);

        let up = self.run("up, one killed", &["up", NAME]).expect(0);
        let undone = "`member-killed` is undone";
        assert!(up.stderr.contains(undone), "{}", up.stderr);
        self.run("verify", &["verify", NAME]).expect(0);
        assert_eq!(self.greeting(), "hello\n");
    }

    /// `verify` reports that there is no quorum.
    fn does_not_bear_the_loss_of_two(&self) {
        self.lab.pull_the_plug("core-01");
        self.lab.pull_the_plug("core-03");
        // The remaining member keeps its leader until heartbeats are missing.
        self.comes_to_be_told(
            "verify, two killed",
            &[
                "vms is unhealthy: 1 of 3 members, no leader, no quorum",
                "core-01 does not answer",
                "core-03 does not answer",
                "error: quorum: no quorum: nothing can be written",
            ],
        );
    }

    /// Runs `verify` until it reports all of this about an unhealthy cluster.
    fn comes_to_be_told(&self, what: &str, expected: &[&str]) -> Ran {
        wait_for(what, || {
            let verify = self.run(what, &["verify", NAME]).expect(1);
            let is_said = |words: &&str| verify.stdout.contains(*words);
            expected.iter().all(is_said).then_some(verify)
        })
    }

    /// Nothing is left of the cluster except its definition and rendered files.
    fn leaves_nothing(&self, nothing: &WhatIsThere) {
        self.run("destroy", &["destroy", NAME, "--yes"]).expect(0);
        // The network's programs may end a moment later.
        wait_for("the processes of before", || {
            (self.lab.processes() == nothing.processes).then_some(())
        });
        assert_eq!(self.what_is_there(), *nothing);
    }

    /// Without any change or new token, `up` creates the same cluster again, without its data; also
    /// after an interruption while machines boot.
    fn begins_anew(&self) {
        let begun = Instant::now();
        let mut up = self.command(XTASK);
        up.args(["up", NAME]);
        let up = up.stdout(Stdio::piped()).stderr(Stdio::piped());
        let up = up.spawn().unwrap();
        wait_for("all machines to run", || {
            (self.lab.running().len() == 3).then_some(())
        });
        self.lab.interrupt(&up);
        let interrupted = Ran::from(up.wait_with_output().unwrap()).expect(130);
        tell("up, interrupted", begun);
        let hint = "hint: continue: `cargo xtask up vms`\n";
        assert!(interrupted.stderr.contains(hint), "{}", interrupted.stderr);
        assert_ne!(self.lab.domains(), Vec::<String>::new());
        let status = self.run("status", &["status", NAME]).expect(0).stdout;
        assert_eq!(status.matches("not set up yet").count(), 3, "{status}");

        self.run("up, continued", &["up", NAME]).expect(0);
        assert_eq!(self.greeting(), "");
        assert_eq!(
            self.running_cluster_ids(),
            vec![self.predicted_cluster_id(); 3]
        );
    }

    /// For every fault of machines, and for a halted machine, `verify` names the right members and
    /// no others. Nothing is lost, and the cluster is healthy afterwards.
    fn bears_what_drills_do_to_machines(&self) {
        let is_meant = |fault: &&&Fault| {
            fault.name == "member-paused" || !fault.drivers.contains(&DriverName::Local)
        };
        let mut failed = Vec::new();
        for fault in FAULTS.iter().filter(is_meant).map(|fault| fault.name) {
            let drill = ["drill", NAME, fault, "--yes", "--format", "json"];
            let ran = self.run(&format!("drill, {fault}"), &drill);
            let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            let drill = &told["drills"][0];
            let is_as_it_should_be = drill["fault"] == fault
                && drill["passed"] == true
                && told["lost_writes"] == 0
                && drill["expected"] != json!([])
                && drill["expected"] == drill["reported"];
            if !is_as_it_should_be {
                failed.push(format!("{fault}: {}\n{}", ran.stderr, drill["summary"]));
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

/// Everything that a cluster could leave behind.
#[derive(Debug, PartialEq, Eq)]
struct WhatIsThere {
    domains: Vec<String>,
    networks: Vec<String>,
    disks: Vec<String>,
    processes: Vec<String>,
    files: Vec<Utf8PathBuf>,
}

impl Setting {
    /// Runs etcdctl, with time for emulated processors.
    fn etcdctl(&self, words: &[&str]) -> String {
        let mut arguments = vec!["etcdctl", "--cluster", NAME, "--", "--command-timeout=30s"];
        arguments.extend(words);
        self.ask(&arguments).expect(0).stdout
    }

    fn greeting(&self) -> String {
        self.etcdctl(&["get", "greeting", "--print-value-only"])
    }

    /// The cluster ID of each member.
    fn running_cluster_ids(&self) -> Vec<String> {
        let status = self.etcdctl(&["endpoint", "status", "--write-out=json"]);
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let members = status.as_array().unwrap().iter();
        members
            .map(|member| member["Status"]["header"]["cluster_id"].to_string())
            .collect()
    }

    fn predicted_cluster_id(&self) -> String {
        let identity = ["identity", NAME, "--format", "json"];
        let identity = self.ask(&identity).expect(0).stdout;
        let identity: serde_json::Value = serde_json::from_str(&identity).unwrap();
        identity["cluster_id_decimal"].as_str().unwrap().to_owned()
    }

    fn what_is_there(&self) -> WhatIsThere {
        WhatIsThere {
            domains: self.lab.domains(),
            networks: self.lab.networks(),
            disks: self.lab.disks(),
            processes: self.lab.processes(),
            files: files_below(&self.workspace),
        }
    }
}

/// All files below a folder, except downloads and those files of Vagrant that belong to no machine:
/// it rewrites them with every call.
fn files_below(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir_utf8().unwrap().flatten() {
        let path = entry.into_path();
        if [".cache", "rgloader"].contains(&path.file_name().unwrap()) {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
