//! `restore` on machines: the real program, systemd and etcd. Containers take the place of virtual
//! machines, and stand-ins for Vagrant and ssh enter them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Arc;

use camino::Utf8PathBuf;
use test_attribute::test;

use xtask::definition::read::read;
use xtask::plan::Plan;
use xtask::report::Source;
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::containers::{Lab, Machine, wait_for};
use crate::etcd_binaries::{packaged, tools};
use crate::etcd_release::{machine, release};
use crate::scratch::{Ran, Scratch};

const MEMBERS: [&str; 3] = ["core-01", "core-02", "core-03"];

const MIRROR: Ipv4Addr = Ipv4Addr::new(192, 168, 56, 1);

/// `up` asks the test to boot a machine, and waits until it runs.
const VAGRANT: &str = r#"task=$1
[ "$task" = --version ] && echo 'Vagrant 2.3.4'
shift
[ "$task" = up ] && for machine; do touch "$SAID/$machine.asked"; done
for machine; do
  case $machine in -*) continue ;; esac
  case $task in
    status)
      state=not_created
      [ -d "$MACHINES/$machine" ] && state=poweroff
      [ -e "$SAID/$machine.leader" ] && state=running
      echo "1,$machine,provider-name,lab"
      echo "1,$machine,state,$state" ;;
    up)
      while [ -e "$SAID/$machine.asked" ]; do sleep 0.1; done
      echo "1,$machine,action,up,end" ;;
    ssh-config)
      [ -e "$SAID/$machine.leader" ] || exit 1
      echo "1,$machine,ssh-config,Host $machine\n  HostName 127.0.0.1\n" ;;
  esac
done"#;

/// After a command that contains the text in `said/kill`, it kills the task.
const SSH: &str = r#"while [ "$1" != -- ]; do
  [ "$1" = -L ] && tunnel=$2
  [ -e "$SAID/$1.leader" ] && leader=$(cat "$SAID/$1.leader")
  shift
done
shift
if [ -z "$leader" ]; then
  echo 'connect to host: No route to host' >&2
  exit 255
fi
[ -n "$tunnel" ] && exec python3 "$SAID/tunnel.py" "$leader" "$tunnel"
nsenter --all --target="$leader" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin sh -c "$*"
status=$?
if [ -s "$SAID/kill" ]; then
  case $* in *"$(cat "$SAID/kill")"*) kill -KILL "$PPID" ;; esac
fi
exit $status"#;

/// Forwards connections into the network of a machine, as `ssh -L` does, until its input ends.
const TUNNEL: &str = r#"import ctypes, os, socket, sys, threading
leader, way = sys.argv[1:]
here, port, there, remote = way.split(":")
listener = socket.create_server((here, int(port)))
network = os.open(f"/proc/{leader}/ns/net", os.O_RDONLY)
assert ctypes.CDLL(None).setns(network, 0) == 0
def forward(source, to):
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def accept():
    while True:
        near, _ = listener.accept()
        far = socket.create_connection((there, int(remote)))
        for pair in (near, far), (far, near):
            threading.Thread(target=forward, args=pair, daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"#;

/// A started cluster on machines.
struct Cluster {
    lab: Lab,
    scratch: Scratch,
    user_data: String,
    /// The machine of each member.
    machines: Vec<(&'static str, Machine)>,
}

impl Cluster {
    fn started() -> Self {
        let lab = Lab::new(MIRROR);
        lab.publish(&release().path(), &release().bytes);
        let definition = format!(
            "driver = \"vagrant\"\n[etcd]\nversion = \"{}\"\nruntime = \"release\"\n\
             release_url = \"{}\"\nsha256 = {{ {} = \"{}\" }}\n",
            release().version,
            lab.mirror(),
            machine(),
            release().sha256.as_str()
        );
        let scratch = Scratch::with("default", &definition);
        scratch.run(&["render"]).expect(0);
        let mut cluster = Self {
            user_data: crate::render::read(&scratch, "vagrant/user-data"),
            lab,
            scratch,
            machines: Vec::new(),
        };
        for folder in ["programs", "said"] {
            fs::create_dir_all(cluster.path(folder)).unwrap();
        }
        fs::write(cluster.path("vagrant/Vagrantfile"), "").unwrap();
        cluster.program("vagrant", VAGRANT);
        cluster.program("ssh", SSH);
        fs::write(cluster.path("said/tunnel.py"), TUNNEL).unwrap();
        // The lab's own network is none that could be in the way.
        cluster.program("ip", "");
        cluster.record(&definition);
        for member in MEMBERS {
            cluster.boot(member);
        }
        for member in MEMBERS {
            cluster.machine(member).configured();
        }
        cluster.run(&["up"]).expect(0);
        cluster
    }

    /// Notes what `up` notes when it creates machines. It would have to make their box first.
    fn record(&self, definition: &str) {
        let source = Source {
            path: "cluster/default.toml".into(),
            text: definition.to_owned(),
        };
        let (definition, _) = read("default".parse().unwrap(), Arc::new(source));
        let plan = Plan::new(&definition);
        let workspace = Workspace::at(self.scratch.root());
        let home = workspace.home(&"default".parse().unwrap());
        let record = Record::new(DriverName::Vagrant, &plan, tools());
        fs::create_dir_all(self.path(".state/default/machines")).unwrap();
        record.write(&home).unwrap();
        for member in MEMBERS {
            let note = format!(".state/default/machines/{member}");
            fs::write(self.path(&note), &self.user_data).unwrap();
        }
    }

    fn path(&self, path: &str) -> Utf8PathBuf {
        self.scratch.root().join(path)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Boots a member's machine, for the first time or again.
    fn boot(&mut self, member: &'static str) {
        let at = self.machines.iter().position(|(one, _)| *one == member);
        let machine = if let Some(at) = at {
            let machine = &mut self.machines[at].1;
            self.lab.boot_again(machine);
            machine
        } else {
            let address = MEMBERS.iter().position(|one| *one == member).unwrap();
            let address = Ipv4Addr::new(192, 168, 56, 101 + u8::try_from(address).unwrap());
            let seed = "var/lib/cloud/seed/nocloud";
            let files = [
                (
                    &*format!("{seed}/meta-data"),
                    format!("instance-id: {member}\nlocal-hostname: {member}\n"),
                ),
                (&*format!("{seed}/user-data"), self.user_data.clone()),
                ("usr/local/bin/sudo", "#!/bin/sh\nexec \"$@\"\n".to_owned()),
            ];
            let machine = self.lab.boot_with(member, address, &files);
            let sudo = machine.path("/usr/local/bin/sudo");
            fs::set_permissions(sudo, fs::Permissions::from_mode(0o755)).unwrap();
            let folder = self.path("vagrant/.vagrant/machines");
            let folder = folder.join(member).join("lab");
            fs::create_dir_all(&folder).unwrap();
            for file in ["id", "action_provision"] {
                fs::write(folder.join(file), "1.5:0").unwrap();
            }
            self.machines.push((member, machine));
            self.machine(member)
        };
        let leader = machine.leader().to_string();
        fs::write(self.path(&format!("said/{member}.leader")), leader).unwrap();
    }

    /// Boots the machines that a task asks for.
    fn serve(&mut self) {
        let asked = |member: &&str| self.path(&format!("said/{member}.asked")).exists();
        let asked: Vec<&str> = MEMBERS.into_iter().filter(asked).collect();
        for member in &asked {
            self.boot(member);
        }
        for member in &asked {
            self.machine(member).configured();
            fs::remove_file(self.path(&format!("said/{member}.asked"))).unwrap();
        }
    }

    fn machine(&self, member: &str) -> &Machine {
        let mut machines = self.machines.iter();
        &machines.find(|(one, _)| *one == member).unwrap().1
    }

    fn turn_off(&self, member: &str) {
        self.lab.turn_off(self.machine(member));
        fs::remove_file(self.path(&format!("said/{member}.leader"))).unwrap();
    }

    /// Runs a task, and boots the machines that it asks for.
    fn run(&mut self, arguments: &[&str]) -> Ran {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_xtask").into());
        command
            .args(arguments)
            .current_dir(self.scratch.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("XTASK_DRIVER")
            .env("SAID", self.path("said"))
            .env("MACHINES", self.path("vagrant/.vagrant/machines"))
            .env("VAGRANT_DEFAULT_PROVIDER", "lab")
            .env("VAGRANT_HOME", self.path("vagrant.d"))
            .env("XTASK_ETCD_DIR", packaged());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.path("programs")));
        let mut task = command.spawn().unwrap();
        while task.try_wait().unwrap().is_none() {
            self.serve();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ran::from(task.wait_with_output().unwrap())
    }

    /// Runs a task that is killed right after a command on a machine that contains this text.
    fn run_killed(&mut self, arguments: &[&str], after: &str) {
        let kill = self.path("said/kill");
        fs::write(&kill, after).unwrap();
        let ran = self.run(arguments);
        fs::remove_file(kill).unwrap();
        assert_eq!(ran.status, None, "{}\n{}", ran.stdout, ran.stderr);
    }

    fn etcdctl(&mut self, words: &[&str]) -> String {
        let all = [&["etcdctl", "--"], words].concat();
        self.run(&all).expect(0).stdout
    }

    fn etcdctl_inside(&self, words: &[&str]) -> String {
        let all = [&["env", "ETCDCTL_API=3", "etcdctl"], words].concat();
        self.machine("core-01").run(&all).expect(0).stdout
    }

    fn back_up(&mut self) -> String {
        self.run(&["backup"]).expect(0);
        self.newest_backup()
    }

    fn newest_backup(&self) -> String {
        let folder = self.path(".state/default/backups");
        let names = folder.read_dir_utf8().unwrap().flatten();
        let names = names.map(|entry| entry.file_name().to_owned());
        names.filter(|name| name.ends_with(".db")).max().unwrap()
    }

    /// The content of etcd's folder on a member's machine.
    fn folder(&self, member: &str) -> Vec<String> {
        let names = self.machine(member).run(&["ls", "/var/lib/etcd"]);
        let names = names.expect(0).stdout;
        names.lines().map(str::to_owned).collect()
    }

    /// Asserts that nothing is left of a restoration but the replaced data.
    fn is_tidy(&self) {
        for member in MEMBERS {
            let names = self.folder(member);
            let [data, aside] = names.as_slice() else {
                panic!("{member}: {names:?}");
            };
            assert_eq!(data, "data");
            assert!(aside.starts_with("data-replaced-"), "{aside}");
            let machine = self.machine(member);
            let held = machine.path("/etc/systemd/system/etcd.service.d");
            assert!(!held.exists());
            let all = machine.run(&["find", "/var/lib/etcd/data", "!", "-user", "etcd"]);
            assert_eq!(all.expect(0).stdout, "");
            let mode = machine.mode("/var/lib/etcd/data");
            assert_eq!(mode.0, 0o700);
        }
        for left in ["restored", "restore.json"] {
            assert!(!self.path(&format!(".state/default/{left}")).exists());
        }
    }
}

#[test]
fn backup_is_restored_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    let restore = cluster
        .run(&["restore", "--from", &backup, "--yes"])
        .expect(0);
    for said in [
        "restore cluster `default`\n",
        "core-02: etcd is stopped\n",
        "core-03:/var/lib/etcd/data-replaced-",
    ] {
        assert!(restore.stderr.contains(said), "{}", restore.stderr);
    }
    assert!(restore.stdout.contains("default is healthy: 3 of 3"));
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
    keeps_its_data_through_other_tasks(&mut cluster);
}

/// What else changes a running cluster, on machines that are here already.
fn keeps_its_data_through_other_tasks(cluster: &mut Cluster) {
    let ids = |cluster: &Cluster| {
        MEMBERS.map(|member| {
            let show = ["systemctl", "show", "-p", "MainPID", "etcd"];
            cluster.machine(member).run(&show).expect(0).stdout
        })
    };
    let before = ids(cluster);
    cluster.run(&["restart"]).expect(0);
    let after = ids(cluster);
    assert!(
        (0..3).all(|index| before[index] != after[index]),
        "{after:?}"
    );
    cluster.is_tidy();
    let defrag = cluster.run(&["defrag"]).expect(0);
    assert_eq!(defrag.stdout.lines().count(), 4, "{}", defrag.stdout);

    let record = cluster.path(".state/default/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::remove_file(&record).unwrap();
    cluster.run(&["adopt"]).expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), text);
    let refused = cluster.run(&["replace", "core-02"]).expect(2);
    let error = "error: no task replaces members on machines yet\n";
    assert!(refused.stderr.contains(error), "{}", refused.stderr);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
}

/// A restoration is killed after it has stopped etcd, and a machine reboots. It is killed again
/// after each later step. No etcd starts before all have the new data.
#[test]
fn killed_restoration_is_completed_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    cluster.run_killed(&["restore", "--from", &backup, "--yes"], "systemctl stop");
    wait_for("all members to be stopped", || {
        let is_down = |member| cluster.machine(member).unit("ActiveState") == "inactive";
        MEMBERS.into_iter().all(is_down).then_some(())
    });
    cluster.turn_off("core-01");
    cluster.boot("core-01");
    let machine = cluster.machine("core-01");
    wait_for("the machine to have booted", || {
        let state = machine.run(&["systemctl", "is-system-running"]).stdout;
        ["running\n", "degraded\n"].contains(&&*state).then_some(())
    });
    assert_eq!(machine.unit("ConditionResult"), "no");
    machine
        .run(&["systemctl", "start", "etcd.service"])
        .expect(0);
    assert_eq!(machine.unit("ActiveState"), "inactive");

    for step in ["tar --extract", "data-replaced-", "is gone", "rm -f $held"] {
        cluster.run_killed(&["up"], step);
    }
    let up = cluster.run(&["up"]).expect(0);
    let said = "continuing an interrupted restoration: ";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
}

/// One machine is off, and etcd is stopped on the others.
#[test]
fn lost_majority_is_rebuilt_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.turn_off("core-01");
    let stop = ["systemctl", "stop", "etcd.service"];
    for member in ["core-02", "core-03"] {
        cluster.machine(member).run(&stop).expect(0);
    }
    let rebuild = ["restore", "--from-member", "core-02", "--yes"];
    let restore = cluster.run(&rebuild).expect(0);
    let said = "copying the data of core-02; its etcd is stopped meanwhile\n";
    assert!(restore.stderr.contains(said), "{}", restore.stderr);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
}

/// The host reaches the machines with ssh only.
#[test]
fn unreached_machines_are_restored_through_ssh_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    for address in ["192.168.56.101", "192.168.56.102", "192.168.56.103"] {
        let mut ip = cluster.lab.command("ip".into());
        let added = ip.args(["route", "add", "unreachable", address]).output();
        Ran::from(added.unwrap()).expect(0);
    }
    let backup = cluster.run(&["backup", "--prove"]).expect(0);
    let said = "this host cannot reach the members' addresses; going through ssh\n";
    assert!(backup.stderr.contains(said), "{}", backup.stderr);
    let backup = cluster.newest_backup();
    cluster.etcdctl_inside(&["put", "greeting", "goodbye"]);
    let restore = ["restore", "--from", &backup, "--yes"];
    let restore = cluster.run(&restore).expect(0);
    // The loss is known.
    let lost = "  lost      at least 1 change in the last ";
    assert!(restore.stderr.contains(lost), "{}", restore.stderr);
    let greeting = cluster.etcdctl_inside(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
    let tunnel = format!("{}/said/[t]unnel.py", cluster.scratch.root());
    let mut pgrep = cluster.lab.command("pgrep".into());
    let tunnels = pgrep.args(["--full", &tunnel]).output();
    assert_eq!(tunnels.unwrap().stdout, b"");
}

/// Nothing is changed if the new data does not fit, or if the old data cannot be moved.
#[test]
fn restoration_without_room_changes_nothing_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    let machine = cluster.machine("core-02");
    let id = machine.unit("MainPID");
    let small = "cd /var/lib/etcd && mkdir /var/lib/small &&
        mount -t tmpfs -o size=100k,mode=700 tmpfs /var/lib/small && chown etcd: /var/lib/small &&
        mount --bind /var/lib/small /var/lib/etcd";
    machine.run(&["sh", "-c", small]).expect(0);
    let restore = ["restore", "--from", &backup, "--yes"];
    let full = cluster.run(&restore).expect(6);
    for said in [
        "error: the restored data cannot be copied to `core-02`\n",
        "No space left on device",
        "note: no member was stopped, and no data was changed\n",
    ] {
        assert!(full.stderr.contains(said), "{}", full.stderr);
    }
    let machine = cluster.machine("core-02");
    let left = machine.run(&["ls", "/var/lib/etcd"]).expect(0).stdout;
    assert_eq!(left, "");
    machine.run(&["umount", "/var/lib/etcd"]).expect(0);

    let data = "/var/lib/etcd/data";
    machine.run(&["mount", "--bind", data, data]).expect(0);
    let immovable = cluster.run(&restore).expect(7);
    let said = "the data of `core-02` cannot be moved aside: `/var/lib/etcd/data` is a mount point";
    assert!(immovable.stderr.contains(said), "{}", immovable.stderr);

    assert_eq!(cluster.machine("core-02").unit("MainPID"), id);
    for member in MEMBERS {
        assert_eq!(cluster.folder(member), ["data"]);
    }
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "goodbye\n");
}
