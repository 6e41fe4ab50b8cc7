//! Decisions about machines, from the answers of Vagrant and ssh. Stand-ins give these answers,
//! because real machines do not stay in such short states.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::Utf8PathBuf;
use sha2::{Digest, Sha256};
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::render::in_own_namespaces;
use crate::scratch::{Ran, Scratch};
use crate::support::{pipe, require_tool};

/// A workspace with the cluster `default` on VirtualBox, and with stand-ins for the programs that
/// machines need. Their answers are in files of the folder `said`.
struct StandIns {
    scratch: Scratch,
}

/// Records its arguments. A machine's state is in `said/<machine>.state`; the effect of `up` is in
/// `said/up`.
const VAGRANT: &str = r#"echo "$*" >>"$SAID/calls"
task=$1
case $task in
  --version) echo 'Vagrant 2.3.4' ;;
  up) . "$SAID/up" ;;
esac
shift
for machine; do
  case $machine in -*) continue ;; esac
  case $task in
    status)
      state=$(cat "$SAID/$machine.state" 2>/dev/null || echo not_created)
      echo "1,$machine,provider-name,virtualbox"
      echo "1,$machine,state,$state" ;;
    ssh-config)
      [ -e "$SAID/$machine.unknown" ] && exit 1
      echo "1,$machine,ssh-config,Host $machine\n  HostName 127.0.0.1\n" ;;
    destroy)
      rm -r "$MACHINES/$machine" ;;
  esac
done"#;

/// Reports whether a machine has data, from `said/<machine>.data`, and its state, from
/// `said/<machine>.inside`. It reaches no other machines. After a command that contains the text in
/// `said/kill`, it kills the task.
const SSH: &str = r#"echo "$*" >>"$SAID/ssh-calls"
for word; do
  [ -e "$SAID/$word.data" ] && machine=$word
done
[ -n "$machine" ] || exit 255
case $* in
  *'tar --extract'*) cat >/dev/null; echo "deliver $machine" >>"$SAID/calls" ;;
  *'systemctl stop'*) echo "halt $machine" >>"$SAID/calls" ;;
  *mountpoint*) echo yes ;;
  *'mv -T data data-replaced-'*) echo "set aside $machine" >>"$SAID/calls" ;;
  *'is gone from'*) echo "place $machine" >>"$SAID/calls" ;;
  *user_data=*) cat "$SAID/$machine.inside" ;;
  */member*) cat "$SAID/$machine.data" ;;
esac
if [ -s "$SAID/kill" ]; then
  case $* in *"$(cat "$SAID/kill")"*) kill -KILL "$PPID" ;; esac
fi"#;

impl StandIns {
    fn new() -> Self {
        let definition = "\
driver = \"vagrant\"
network.subnet = \"192.168.60.0/24\"
machine = { profile = \"flatcar\", memory = 128 }
etcd.runtime = \"container\"
";
        let scratch = Scratch::with("default", definition);
        let stand_ins = Self { scratch };
        for folder in ["programs", "said", "vagrant"] {
            fs::create_dir_all(stand_ins.path(folder)).unwrap();
        }
        fs::write(stand_ins.path("vagrant/Vagrantfile"), "").unwrap();
        stand_ins.program("vagrant", VAGRANT);
        stand_ins.program("ssh", SSH);
        stand_ins.program("VBoxManage", "[ \"$1\" = --version ] && echo 7.0.20r163906");
        for etcd in ["etcd", "etcdctl"] {
            let version = "echo 'etcd Version: 3.6.14'; echo 'etcdctl version: 3.6.14'";
            stand_ins.program(etcd, version);
        }
        stand_ins.say("cpuinfo", "flags : vmx\n");
        stand_ins.scratch.run(&["render"]).expect(0);
        stand_ins
    }

    fn path(&self, path: &str) -> Utf8PathBuf {
        self.scratch.root().join(path)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Sets an answer of the stand-ins.
    fn say(&self, file: &str, text: &str) {
        fs::write(self.path("said").join(file), text).unwrap();
    }

    /// A machine in this state that Vagrant has provisioned.
    fn machine(&self, machine: &str, state: &str) {
        self.say(&format!("{machine}.state"), state);
        let folder = self.machines().join(machine).join("virtualbox");
        fs::create_dir_all(&folder).unwrap();
        for file in ["id", "action_provision"] {
            fs::write(folder.join(file), "1.5:0").unwrap();
        }
    }

    /// A machine that reports over ssh whether it has data, and that it has the rendered user-data.
    fn inside(&self, machine: &str, data: &str) {
        self.say(&format!("{machine}.data"), &format!("data={data}\n"));
        let mut digest = Command::new("sha256sum");
        let digest = pipe(digest.arg(self.path("vagrant/user-data")), "");
        let digest = digest.split(' ').next().unwrap();
        let inside = format!("clock=0\nunit=active\nuser_data={digest}\nend=\n");
        self.say(&format!("{machine}.inside"), &inside);
    }

    fn machines(&self) -> Utf8PathBuf {
        self.path("vagrant/.vagrant/machines")
    }

    /// Has a program that restores snapshots, and returns the name of one.
    fn can_restore(&self) -> String {
        self.program("etcdutl", ETCDUTL);
        let mut snapshot = vec![0; 512];
        let digest = Sha256::digest(&snapshot);
        snapshot.extend_from_slice(&digest);
        fs::write(self.path("backup.db"), snapshot).unwrap();
        "backup.db".to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        // VirtualBox needs a processor feature that not every host has.
        let script = "mount --bind said/cpuinfo /proc/cpuinfo && exec unshare --net \"$0\" \"$@\"";
        let mut command = self.scratch.command(&[]);
        command.env_remove("XTASK_DRIVER");
        let mut command = in_own_namespaces(&mut command, script);
        command.arg(env!("CARGO_BIN_EXE_xtask")).args(arguments);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", self.path("programs")))
            .env("SAID", self.path("said"))
            .env("MACHINES", self.machines())
            .env("VAGRANT_DEFAULT_PROVIDER", "virtualbox")
            .env("XDG_RUNTIME_DIR", self.path(&"long".repeat(20)))
            .env("VAGRANT_HOME", self.path("vagrant.d"))
            .env("XTASK_ETCD_DIR", self.path("programs"))
            .current_dir(self.scratch.root());
        Ran::from(command.output().unwrap())
    }

    /// `up`, which fails because no member serves.
    fn up(&self) -> Ran {
        self.run(&["up", "--timeout", "1s"])
    }

    /// The calls of Vagrant that begin with this, since the last query.
    fn calls(&self, task: &str) -> Vec<String> {
        let path = self.path("said/calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let calls = calls.lines().filter(|call| call.starts_with(task));
        calls.map(str::to_owned).collect()
    }

    fn is_noted(&self, member: &str) -> bool {
        let path = format!(".state/default/machines/{member}");
        self.path(&path).is_file()
    }
}

/// Two of three machines are finished, and may be a quorum with writes, when the third one fails.
const TWO_OF_THREE: &str = "for machine in core-01 core-02; do
  echo running >\"$SAID/$machine.state\"
  mkdir -p \"$MACHINES/$machine/virtualbox\"
  echo 0 >\"$MACHINES/$machine/virtualbox/id\"
  echo 1.5:0 >\"$MACHINES/$machine/virtualbox/action_provision\"
  echo \"1,$machine,action,up,end\"
done
echo '1,,error-exit,Vagrant::Errors::BatchMultiError,it failed'
exit 1";

impl StandIns {
    /// libvirt machines, of which the first is running, the second is off and the third is gone,
    /// and a `virsh` that reports this.
    fn on_libvirt(&self) {
        for machine in ["core-01", "core-02", "core-03"] {
            self.machine(machine, "inaccessible");
            let provider = self.machines().join(machine);
            fs::rename(provider.join("virtualbox"), provider.join("libvirt")).unwrap();
            fs::write(provider.join("libvirt/id"), format!("id-of-{machine}")).unwrap();
        }
        let answer = "echo \"virsh $*\" >>\"$SAID/calls\"
echo '== domains'
echo 'id-of-core-01 xtask-core-01'
echo 'id-of-core-02 xtask-core-02'
echo 'id-of-other other'
echo '== running'
echo 'id-of-core-01'
echo 'id-of-other'";
        self.program("virsh", answer);
    }

    /// Each member's state in `status`.
    fn conditions(&self) -> Vec<String> {
        let status = self.run(&["status", "--format", "json"]).expect(0);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        let members = status["members"].as_array().unwrap().iter();
        let conditions = members.map(|member| member["condition"].as_str().unwrap().to_owned());
        conditions.collect()
    }
}

#[test]
fn libvirt_is_queried_once_for_all_machines_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", "exit 1");
    cluster.up().expect(6);
    cluster.on_libvirt();
    cluster.calls("");
    assert_eq!(cluster.conditions(), ["unfinished", "stopped", "no-data"]);
    let calls = cluster.calls("");
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(
        calls[0].starts_with("virsh --connect qemu:///system echo"),
        "{calls:?}"
    );
}

#[test]
fn vagrant_is_queried_if_virsh_fails_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", "exit 1");
    cluster.up().expect(6);
    cluster.on_libvirt();
    cluster.program("virsh", "exit 1");
    cluster.calls("");
    assert_eq!(cluster.conditions(), ["unfinished"; 3]);
    let calls = cluster.calls("status");
    assert_eq!(calls, ["status --machine-readable core-01 core-02 core-03"]);
}

#[test]
fn finished_machines_are_recorded_if_one_fails_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", TWO_OF_THREE);
    let up = cluster.up().expect(6);
    assert!(up.stderr.contains("it failed"), "{}", up.stderr);
    let noted = ["core-01", "core-02", "core-03"].map(|member| cluster.is_noted(member));
    assert_eq!(noted, [true, true, false], "{}", up.stderr);

    cluster.calls("");
    cluster.up().expect(6);
    let mut calls = cluster.calls("");
    calls.retain(|call| call.starts_with("destroy") || call.starts_with("up"));
    assert_eq!(calls, ["up --machine-readable core-03"]);
}

#[test]
fn unfinished_machine_with_data_is_kept_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", "exit 1");
    cluster.up().expect(6);
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.machine(machine, "running");
    }
    cluster.inside("core-01", "yes");
    cluster.inside("core-02", "no");
    cluster.inside("core-03", "yes");
    cluster.say("up", "");
    let up = cluster.up().expect(6);
    for said in [
        "core-01  setup was interrupted; it has data, so it is kept\n",
        "core-02  setup was interrupted; recreating it\n",
    ] {
        assert!(up.stderr.contains(said), "{}", up.stderr);
    }
    let calls = cluster.calls("");
    let destroyed = "destroy --force --machine-readable core-02".to_owned();
    assert!(calls.contains(&destroyed), "{calls:?}");
    assert!(
        calls.contains(&"up --machine-readable core-02".to_owned()),
        "{calls:?}"
    );
    assert!(cluster.is_noted("core-01") && cluster.is_noted("core-03"));
}

#[test]
fn machine_that_may_have_data_is_kept_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", "exit 1");
    cluster.up().expect(6);
    cluster.machine("core-02", "running");
    cluster.calls("");
    let up = cluster.up().expect(6);
    let said = "setup of `core-02` was interrupted, and it is unknown whether it has data";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    let calls = cluster.calls("");
    assert!(
        calls.iter().all(|call| !call.starts_with("destroy")),
        "{calls:?}"
    );
}

/// Vagrant starts stopped machines.
const ALL: &str = "shift
for machine; do
  case $machine in -*) continue ;; esac
  echo running >\"$SAID/$machine.state\"
done
set -- up";

#[test]
fn foreign_machines_are_not_reported_lost_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", ALL);
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.machine(machine, "poweroff");
        cluster.inside(machine, "yes");
    }
    let up = cluster.up().expect(6);
    let said = "its members continue with the data that is there";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    assert!(
        ["core-01", "core-02", "core-03"]
            .iter()
            .all(|member| cluster.is_noted(member))
    );

    // Also if nothing is known of one of them.
    fs::remove_file(cluster.path(".state/default/machines/core-02")).unwrap();
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.say(&format!("{machine}.state"), "poweroff");
    }
    let up = cluster.up().expect(6);
    assert!(!up.stderr.contains("has lost its data"), "{}", up.stderr);
    assert_eq!(cluster.calls("destroy"), Vec::<String>::new());
}

#[test]
fn machine_stopped_during_setup_is_set_up_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", "exit 1");
    cluster.up().expect(6);
    cluster.say("up", ALL);
    cluster.machine("core-02", "poweroff");
    cluster.inside("core-02", "no");
    cluster.up().expect(6);
    let provisioned = cluster.calls("provision");
    assert_eq!(provisioned, ["provision core-02 --machine-readable"]);
    assert!(cluster.is_noted("core-02"));
}

#[test]
fn refused_up_keeps_the_rendered_files_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", TWO_OF_THREE);
    cluster.up().expect(6);
    let config = fs::read_to_string(cluster.path("vagrant/config.rb")).unwrap();
    let definition = cluster.path("cluster/default.toml");
    let text = fs::read_to_string(&definition).unwrap();
    let elsewhere = text.replace("192.168.60.0", "192.168.61.0");
    assert_ne!(elsewhere, text);
    fs::write(&definition, elsewhere).unwrap();
    let up = cluster.up().expect(7);
    for said in [
        "no longer describes the cluster that was started",
        "`cargo xtask plan`",
    ] {
        assert!(up.stderr.contains(said), "{}", up.stderr);
    }
    let then = fs::read_to_string(cluster.path("vagrant/config.rb")).unwrap();
    assert_eq!(then, config);

    // New members have no machines yet, and those of the others are the same. All that run are described.
    for (members, described) in [(5, 5), (1, 3)] {
        fs::write(&definition, format!("members = {members}\n{text}")).unwrap();
        cluster.calls("");
        let up = cluster.up().expect(6);
        assert!(up.stderr.contains("`cargo xtask plan`"), "{}", up.stderr);
        let started = cluster.calls("up");
        assert!(!started.is_empty());
        let is_new = |call: &String| call.contains("core-04");
        assert!(!started.iter().any(is_new), "{started:?}");
        let config = fs::read_to_string(cluster.path("vagrant/config.rb")).unwrap();
        assert_eq!(config.matches("\"address\"").count(), described, "{config}");
    }
}

#[test]
fn unknown_machines_are_ignored_and_logins_shared_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", ALL);
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.machine(machine, "poweroff");
        cluster.inside(machine, "yes");
    }
    // Vagrant exits in the middle of its answer.
    cluster.say("core-02.unknown", "");
    let up = cluster.up().expect(6);
    assert!(
        up.stderr
            .contains("`vagrant ssh-config` exited with status 1"),
        "{}",
        up.stderr
    );
    assert!(!cluster.path("said/ssh-calls").exists());

    fs::remove_file(cluster.path("said/core-02.unknown")).unwrap();
    cluster.up().expect(6);
    let ssh = |host: &str| {
        require_tool("ssh", "openssh-client");
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(cluster.path(".state/default/ssh_config"));
        Ran::from(ssh.args(["-G", host]).output().unwrap())
            .expect(0)
            .stdout
    };
    assert!(!ssh("core-02").contains("proxycommand"));
    assert!(ssh("core-04").contains("proxycommand sh -c"));

    // Logins are shared in a private folder. The path from the environment is too long for a
    // socket.
    let calls = fs::read_to_string(cluster.path("said/ssh-calls")).unwrap();
    let shared = " ControlPath=/tmp/xtask-0/xtask-%C ";
    assert!(calls.contains(shared), "{calls}");
}

/// A machine of Flatcar has its new user-data on disk before it reads it.
#[test]
fn user_data_counts_once_a_machine_was_booted_with_it_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", ALL);
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.machine(machine, "poweroff");
        cluster.inside(machine, "yes");
    }
    cluster.up().expect(6);
    let user_data = || {
        let verify = cluster.run(&["verify", "--format", "json"]).stdout;
        let verify: serde_json::Value = serde_json::from_str(&verify).unwrap();
        let checks = verify["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "user-data");
        check.unwrap()["findings"].to_string()
    };
    assert_eq!(user_data(), "[]");
    // As if a task had been killed between `vagrant provision` and `vagrant reload`.
    let note = cluster.path(".state/default/to-boot");
    fs::create_dir_all(&note).unwrap();
    fs::write(note.join("core-02"), "").unwrap();
    let findings = user_data();
    assert!(findings.contains("has read no user-data"), "{findings}");
    assert!(findings.contains("core-02"), "{findings}");
    // The boot that ends it.
    cluster.machine("core-02", "poweroff");
    cluster.up().expect(6);
    assert_eq!(user_data(), "[]");
}

/// Restores a snapshot: creates a data folder.
const ETCDUTL: &str = r#"case $* in
  *status*) echo '{"hash":1,"revision":5,"totalKey":1,"totalSize":512}' ;;
esac
for word; do
  case $word in --data-dir=*) mkdir "${word#--data-dir=}" ;; esac
done"#;

/// The third machine is destroyed. Its etcd starts empty, with the ID of a member that had data.
#[test]
fn restore_creates_machines_while_no_etcd_runs_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", TWO_OF_THREE);
    cluster.up().expect(6);
    let backup = cluster.can_restore();
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.inside(machine, "yes");
    }
    cluster.say(
        "up",
        &TWO_OF_THREE
            .replace("core-01 core-02", "core-03")
            .replace("exit 1", "exit"),
    );
    cluster.calls("");
    let restore = ["restore", "--from", &backup, "--yes", "--timeout", "1s"];
    let other = [&restore[..], &["--etcd-dir", packaged().as_str()]].concat();
    let refused = cluster.run(&other).expect(5);
    let said = "hint: pass a folder with etcd 3.6 to `--etcd-dir`\n";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    let own = cluster.path("programs");
    let hinted = [&restore[..], &["--etcd-dir", own.as_str()]].concat();
    let restore = cluster.run(&hinted).expect(6);
    let said = "the data is restored; starting the members\n";
    assert!(restore.stderr.contains(said), "{}", restore.stderr);
    let calls = cluster.calls("");
    let at = |call: &str| {
        let at = calls.iter().position(|one| one == call);
        at.unwrap_or_else(|| panic!("{call}: {calls:?}"))
    };
    let created = at("up --machine-readable core-03");
    for member in ["core-01", "core-02"] {
        let (delivered, halted) = (format!("deliver {member}"), format!("halt {member}"));
        assert!(
            at(&delivered) < at(&halted) && at(&halted) < created,
            "{calls:?}"
        );
    }
    assert!(created < at("halt core-03") && at("halt core-03") < at("deliver core-03"));
}

/// All old data is out of the way when the third machine is destroyed, and the task that creates it again is
/// killed. Its etcd has founded an empty cluster under the old IDs by then.
#[test]
fn created_machine_gets_the_restored_data_after_a_kill_in_namespaces() {
    let cluster = StandIns::new();
    cluster.say("up", TWO_OF_THREE);
    cluster.up().expect(6);
    let backup = cluster.can_restore();
    for machine in ["core-01", "core-02", "core-03"] {
        cluster.machine(machine, "running");
        cluster.inside(machine, "yes");
    }
    let own = cluster.path("programs");
    cluster.say("kill", "is gone from");
    cluster.run(&[
        "restore",
        "--from",
        &backup,
        "--yes",
        "--etcd-dir",
        own.as_str(),
    ]);
    cluster.say("kill", "");
    fs::remove_dir_all(cluster.machines().join("core-03")).unwrap();
    fs::remove_file(cluster.path("said/core-03.state")).unwrap();
    let creates = TWO_OF_THREE.replace("core-01 core-02", "core-03");
    cluster.say("up", &creates.replace("exit 1", "kill -KILL $PPID"));
    cluster.calls("");
    cluster.run(&["up", "--timeout", "1s"]);
    let calls = cluster.calls("");
    assert!(
        calls.contains(&"up --machine-readable core-03".to_owned()),
        "{calls:?}"
    );
    assert!(!calls.contains(&"deliver core-03".to_owned()), "{calls:?}");

    let up = cluster.run(&["up", "--timeout", "1s"]);
    let said = "continuing an interrupted restoration: ";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    let calls = cluster.calls("");
    let mut left = calls.iter();
    for step in ["halt", "deliver", "set aside", "place"] {
        let call = format!("{step} core-03");
        assert!(left.any(|one| *one == call), "{call}: {calls:?}");
    }
    assert!(!cluster.path(".state/default/restore.json").exists());
}

#[test]
fn copied_folder_leaves_machines_alone_in_namespaces() {
    let original = StandIns::new();
    let copy = StandIns::new();
    for cluster in [&original, &copy] {
        cluster.machine("core-01", "running");
        let folder = cluster.machines().join("core-01/virtualbox");
        let noted = original.path("vagrant");
        fs::write(folder.join("vagrant_cwd"), noted.as_str()).unwrap();
    }
    let destroy = copy.run(&["destroy", "--yes"]).expect(6);
    let said = format!(
        "error: `{}` is a copy of `{}` and would act on the same machines\n",
        copy.path("vagrant"),
        original.path("vagrant")
    );
    assert!(destroy.stderr.contains(&said), "{}", destroy.stderr);
    assert_eq!(copy.calls(""), Vec::<String>::new());

    // A moved folder has no original.
    fs::remove_dir_all(original.machines()).unwrap();
    copy.run(&["destroy", "--yes"]).expect(0);
    let destroyed = copy.calls("destroy");
    assert_eq!(destroyed, ["destroy --force --machine-readable core-01"]);
}
