//! A started cluster on machines: the real program, systemd and etcd. Containers take the place of
//! virtual machines, and stand-ins for Vagrant and ssh enter them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde_json::json;
use xtask::bootstrap::HANDED_OVER;
use xtask::boxes::Material;
use xtask::definition::read::read;
use xtask::lifecycle::machine_box;
use xtask::pki;
use xtask::plan::Plan;
use xtask::profile::{MachineBox, PROFILES};
use xtask::report::Source;
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::{Home, Workspace};

use crate::containers::{Lab, Machine, wait_for};
use crate::etcd_binaries::{packaged, tools};
use crate::etcd_release::{Release, machine, release};
use crate::scratch::{Ran, Scratch};
use crate::support::project;

pub(crate) const MEMBERS: [&str; 3] = ["core-01", "core-02", "core-03"];

/// All members that a test may define.
const ALL: [&str; 4] = ["core-01", "core-02", "core-03", "core-04"];

const MIRROR: Ipv4Addr = Ipv4Addr::new(192, 168, 56, 1);

/// `up` asks the test to boot a machine, `provision` to give it its user-data, and `destroy` to destroy it. They
/// wait until that is done.
const VAGRANT: &str = r#"task=$1
[ "$task" = --version ] && echo 'Vagrant 2.3.4'
shift
case $task in up | provision | destroy)
  for machine; do
    case $machine in -*) ;; *) echo "$task" >"$SAID/$machine.asked" ;; esac
  done ;;
esac
for machine; do
  case $machine in -*) continue ;; esac
  case $task in
    status)
      state=not_created
      [ -d "$MACHINES/$machine" ] && state=poweroff
      [ -e "$SAID/$machine.leader" ] && state=running
      echo "1,$machine,provider-name,lab"
      echo "1,$machine,state,$state" ;;
    up | provision | destroy)
      while [ -e "$SAID/$machine.asked" ]; do sleep 0.1; done
      echo "1,$machine,action,$task,end" ;;
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

/// The login user is root.
const SUDO: &str = r#"#!/bin/sh
case $1 in --preserve-env=*) shift ;; esac
exec "$@"
"#;

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
pub(crate) struct Cluster {
    pub(crate) lab: Lab,
    pub(crate) scratch: Scratch,
    /// The machine of each member.
    machines: Vec<(&'static str, Machine)>,
    /// How many machines were created.
    created: usize,
}

impl Cluster {
    pub(crate) fn started() -> Self {
        Self::running(release())
    }

    /// Machines that run this release.
    pub(crate) fn running(release: &Release) -> Self {
        Self::defined(release, "")
    }

    /// Machines whose members have TLS.
    pub(crate) fn with_tls() -> Self {
        Self::defined(release(), "tls = true\n")
    }

    fn defined(release: &Release, more: &str) -> Self {
        let lab = Lab::new(MIRROR);
        lab.publish(&release.path(), &release.bytes);
        let definition = format!(
            "driver = \"vagrant\"\n[etcd]\nversion = \"{}\"\nruntime = \"release\"\n\
             release_url = \"{}\"\nsha256 = {{ {} = \"{}\" }}\n{more}",
            release.version,
            lab.mirror(),
            machine(),
            release.sha256.as_str()
        );
        let scratch = Scratch::with("default", &definition);
        scratch.run(&["render"]).expect(0);
        let mut cluster = Self {
            lab,
            scratch,
            machines: Vec::new(),
            created: 0,
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
        cluster.record();
        for member in MEMBERS {
            cluster.boot(member);
        }
        for member in MEMBERS {
            cluster.machine(member).configured();
        }
        cluster.run(&["up"]).expect(0);
        cluster
    }

    /// Publishes another release, and defines it.
    pub(crate) fn redefine(&self, from: &Release, to: &Release) {
        self.lab.publish(&to.path(), &to.bytes);
        self.define(from, to);
    }

    /// Defines another release, which may not be published.
    pub(crate) fn define(&self, from: &Release, to: &Release) {
        let file = self.path("cluster/default.toml");
        let definition = fs::read_to_string(&file).unwrap();
        let definition = definition
            .replace(&from.version.to_string(), &to.version.to_string())
            .replace(from.sha256.as_str(), to.sha256.as_str());
        fs::write(&file, definition).unwrap();
    }

    /// The state of the cluster.
    pub(crate) fn home(&self) -> Home {
        let workspace = Workspace::at(self.scratch.root());
        workspace.home(&"default".parse().unwrap())
    }

    /// The plan of the definition.
    pub(crate) fn plan(&self) -> Plan {
        let path = "cluster/default.toml";
        let source = Source {
            path: path.into(),
            text: fs::read_to_string(self.path(path)).unwrap(),
        };
        let (definition, _) = read("default".parse().unwrap(), Arc::new(source));
        Plan::new(&definition)
    }

    /// Notes what `up` notes when it creates machines. It would have to make their box first.
    fn record(&self) {
        let (home, plan) = (self.home(), self.plan());
        let record = Record::new(DriverName::Vagrant, &plan, tools());
        fs::create_dir_all(self.path(".state/default/machines")).unwrap();
        record.write(&home).unwrap();
        pki::prepare(&home, &plan).unwrap();
        for member in MEMBERS {
            let note = format!(".state/default/machines/{member}");
            fs::write(self.path(&note), self.user_data()).unwrap();
        }
    }

    pub(crate) fn path(&self, path: &str) -> Utf8PathBuf {
        self.scratch.root().join(path)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Boots a member's machine, for the first time or again.
    pub(crate) fn boot(&mut self, member: &'static str) {
        let at = self.machines.iter().position(|(one, _)| *one == member);
        let machine = if let Some(at) = at {
            let machine = &mut self.machines[at].1;
            self.lab.boot_again(machine);
            machine
        } else {
            let number: u8 = member.rsplit('-').next().unwrap().parse().unwrap();
            let address = Ipv4Addr::new(192, 168, 56, 100 + number);
            self.created += 1;
            let name = match self.created {
                1..=3 => member.to_owned(),
                number => format!("{member}-{number}"),
            };
            // As the Vagrantfile does it.
            let joins = self.path(&format!(".state/default/join/{member}"));
            let joins = fs::read_to_string(joins).map(|text| (&HANDED_OVER[1..], text));
            let mut files = vec![
                (
                    "var/lib/cloud/seed/nocloud/meta-data",
                    format!("instance-id: {name}\nlocal-hostname: {member}\n"),
                ),
                ("var/lib/cloud/seed/nocloud/user-data", self.user_data()),
                ("usr/local/bin/sudo", SUDO.to_owned()),
            ];
            files.extend(joins);
            let certificate = self.certificate(member);
            for (file, text) in &certificate {
                files.push((file, text.clone()));
            }
            let machine = self.lab.boot_with(&name, address, &files);
            for (file, _) in &certificate {
                let private = fs::Permissions::from_mode(0o600);
                fs::set_permissions(machine.path(file), private).unwrap();
            }
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

    /// The files that the Vagrantfile hands over if the members have TLS.
    fn certificate(&self, member: &str) -> Vec<(String, String)> {
        let number = &member[member.len() - 1..];
        let pki = self.path(".state/default/pki");
        let own = pki.join(format!("members/{member}-192.168.56.10{number}"));
        // While an authority is replaced, both are trusted.
        let mut files = pki.read_dir_utf8().into_iter().flatten().flatten();
        let both = files.find(|file| file.file_name().starts_with("both-"));
        let both = both.map(|file| file.path().to_owned());
        let authorities = both.or_else(|| Some(pki.join("ca/ca.crt")).filter(|file| file.exists()));
        let files = [
            ("ca.crt", authorities),
            ("member.crt", Some(own.join("member.crt"))),
            ("member.key", Some(own.join("member.key"))),
        ];
        let text = |(file, source): (&str, Option<Utf8PathBuf>)| {
            let text = fs::read_to_string(source?).ok()?;
            Some((format!("etc/etcd-pki/{file}"), text))
        };
        files.into_iter().filter_map(text).collect()
    }

    /// Does what a task asks for.
    fn serve(&mut self) {
        let asked = |member: &&'static str| {
            let task = fs::read_to_string(self.path(&format!("said/{member}.asked"))).ok()?;
            (!task.is_empty()).then_some((*member, task))
        };
        let asked: Vec<(&str, String)> = ALL.iter().filter_map(asked).collect();
        for (member, task) in &asked {
            match task.trim_end() {
                "up" => self.boot(member),
                "provision" => self.provision(member),
                _ => self.destroy(member),
            }
        }
        for (member, task) in &asked {
            if task.trim_end() == "up" {
                // It may have another instance ID by now.
                let machine = self.machine(member);
                wait_for("cloud-init", || {
                    let status = ["cloud-init", "status", "--wait"];
                    let said = machine.run(&status).stdout;
                    said.contains("status: done").then_some(())
                });
            }
            fs::remove_file(self.path(&format!("said/{member}.asked"))).unwrap();
        }
    }

    /// Gives a machine its user-data, as the Vagrantfile does.
    fn provision(&self, member: &str) {
        let vagrantfile = fs::read_to_string(project().join("vagrant/Vagrantfile")).unwrap();
        let script = vagrantfile.split("<<~'SCRIPT'\n").nth(1).unwrap();
        let script = script.split("\nSCRIPT\n").next().unwrap();
        let machine = self.machine(member);
        fs::write(machine.path("/tmp/user-data"), self.user_data()).unwrap();
        let path = "/var/lib/cloud/seed/nocloud/user-data";
        let mut words = vec!["sh", "-c", script, "hand-over", member, path];
        let certificate = self.certificate(member);
        if !certificate.is_empty() {
            let uploaded = machine.path("/root").join(".etcd-pki");
            fs::create_dir(&uploaded).unwrap();
            for (file, text) in certificate {
                let name = file.rsplit('/').next().unwrap();
                fs::write(uploaded.join(name), text).unwrap();
            }
            words.extend(["", "root"]);
        }
        machine.run(&words).expect(0);
    }

    /// Destroys a machine, running or not.
    pub(crate) fn destroy(&mut self, member: &str) {
        let at = self.machines.iter().position(|(one, _)| *one == member);
        let (_, machine) = self.machines.remove(at.unwrap());
        let leader = self.path(&format!("said/{member}.leader"));
        if fs::remove_file(leader).is_ok() {
            self.lab.cut_power(&machine);
        }
        let folder = self.path("vagrant/.vagrant/machines").join(member);
        fs::remove_dir_all(folder).unwrap();
    }

    /// The user-data as it is rendered now.
    fn user_data(&self) -> String {
        fs::read_to_string(self.path("vagrant/user-data")).unwrap()
    }

    /// Lets tasks create machines: they take this for the box, which would be made first.
    pub(crate) fn has_a_box(&self) {
        let cache = self.path(".state/.cache");
        let profile = PROFILES[0];
        let MachineBox::Made(image) = &profile.machine_box else {
            panic!("{} has no box that is made", profile.id)
        };
        let inputs = machine_box::order(profile, image, &cache).inputs(Material::Packages);
        let file = cache.join("boxes/stand-in.box");
        let catalogue = json!({
            "name": "xtask/stand-in",
            "description": "stands in for a box",
            "inputs": inputs,
            "versions": [{
                "version": "1",
                "providers": [{
                    "name": "libvirt",
                    "url": format!("file://{file}"),
                    "checksum_type": "sha256",
                    "checksum": "0",
                }],
            }],
        });
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        let path = cache.join(format!("boxes/{}.json", profile.id));
        fs::write(path, catalogue.to_string()).unwrap();
    }

    pub(crate) fn machine(&self, member: &str) -> &Machine {
        let mut machines = self.machines.iter();
        &machines.find(|(one, _)| *one == member).unwrap().1
    }

    pub(crate) fn turn_off(&self, member: &str) {
        self.lab.turn_off(self.machine(member));
        fs::remove_file(self.path(&format!("said/{member}.leader"))).unwrap();
    }

    /// Runs a task, and boots the machines that it asks for.
    pub(crate) fn run(&mut self, arguments: &[&str]) -> Ran {
        self.run_with(&[], arguments)
    }

    /// The same with more environment variables.
    pub(crate) fn run_with(&mut self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.lab.command(env!("CARGO_BIN_EXE_xtask").into());
        command
            .args(arguments)
            .current_dir(self.scratch.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("XTASK_DRIVER")
            .envs(variables.iter().copied())
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

    /// Lets the host reach the machines with ssh only.
    pub(crate) fn cut_off(&self) {
        for address in ["192.168.56.101", "192.168.56.102", "192.168.56.103"] {
            let mut ip = self.lab.command("ip".into());
            let added = ip.args(["route", "add", "unreachable", address]).output();
            Ran::from(added.unwrap()).expect(0);
        }
    }

    /// Runs a task that is killed right after a command on a machine that contains this text.
    pub(crate) fn run_killed(&mut self, arguments: &[&str], after: &str) {
        let kill = self.path("said/kill");
        fs::write(&kill, after).unwrap();
        let ran = self.run(arguments);
        fs::remove_file(kill).unwrap();
        assert_eq!(ran.status, None, "{}\n{}", ran.stdout, ran.stderr);
    }

    pub(crate) fn etcdctl(&mut self, words: &[&str]) -> String {
        let all = [&["etcdctl", "--"], words].concat();
        self.run(&all).expect(0).stdout
    }

    pub(crate) fn etcdctl_inside(&self, words: &[&str]) -> String {
        let all = [&["env", "ETCDCTL_API=3", "etcdctl"], words].concat();
        self.machine("core-01").run(&all).expect(0).stdout
    }

    pub(crate) fn back_up(&mut self) -> String {
        self.run(&["backup"]).expect(0);
        self.newest_backup()
    }

    pub(crate) fn newest_backup(&self) -> String {
        let folder = self.path(".state/default/backups");
        let names = folder.read_dir_utf8().unwrap().flatten();
        let names = names.map(|entry| entry.file_name().to_owned());
        names.filter(|name| name.ends_with(".db")).max().unwrap()
    }

    /// The content of etcd's folder on a member's machine.
    pub(crate) fn folder(&self, member: &str) -> Vec<String> {
        let names = self.machine(member).run(&["ls", "/var/lib/etcd"]);
        let names = names.expect(0).stdout;
        let names = names.lines().filter(|name| *name != "had-data");
        names.map(str::to_owned).collect()
    }

    /// Asserts that nothing is left of a restoration but the replaced data.
    pub(crate) fn is_tidy(&self) {
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
