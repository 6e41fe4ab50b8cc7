//! The effect of user-data on machines: a real cloud-init applies it with a real systemd, and etcd
//! runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use test_attribute::test;
use xtask::definition::read::read;
use xtask::plan::flags::{Certificate, InitialState, MemberFlags, flags, words};
use xtask::plan::{Member, Plan};
use xtask::report::Source;

use crate::containers::{Lab, Machine, Seed, wait_for};
use crate::definition_shipped::shipped;
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::etcd_release::{machine, release};
use crate::render::{VARIANTS, with_extra_files};
use crate::scratch::Ran;
use crate::support::{project, read_yaml_1_1};

/// The address of a lab's mirror: in the network of most definitions, but not a member's.
pub(crate) const MIRROR: Ipv4Addr = Ipv4Addr::new(192, 168, 56, 1);

#[test]
fn release_cluster_survives_a_restart_in_containers() {
    let mut lab = Lab::new(MIRROR);
    lab.publish(&release().path(), &release().bytes);
    let cluster = Cluster::of_release(&lab, 3);
    let mut machines = cluster.boot(&mut lab);
    cluster.is_founded(&lab, "/usr/local/bin/etcd", &machines);
    assert_eq!(lab.asked(&release().path()), 3);

    let second = &cluster.plan.members[1];
    etcdctl(&lab, &second.client_url(), &["put", "survivor", "yes"]).expect(0);
    lab.turn_off(&machines[1]);
    lab.boot_again(&mut machines[1]);
    cluster.is_founded(&lab, "/usr/local/bin/etcd", &machines);
    let get = ["get", "survivor", "--print-value-only", "--consistency=s"];
    let kept = etcdctl(&lab, &second.client_url(), &get).expect(0);
    assert_eq!(kept.stdout, "yes\n");
    // Installed files are not downloaded again.
    assert_eq!(lab.asked(&release().path()), 3);
}

#[test]
fn wrong_tarball_starts_nothing_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let mut wrong = release().bytes.to_vec();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 1;
    lab.publish(&release().path(), &wrong);
    let cluster = Cluster::of_release(&lab, 1);
    let machines = cluster.boot(&mut lab);
    let machine = &machines[0];

    let complaint = format!(
        "etcd-install: etcd-v{}-linux-{}.tar.gz does not have the SHA-256 {}\n",
        release().version,
        self::machine(),
        release().sha256.as_str()
    );
    // Twice, so that a whole retry interval has passed.
    wait_for("the complaint", || {
        (machine.journal().matches(&complaint).count() > 1).then_some(())
    });
    assert_ne!(machine.unit("ActiveState"), "active");
    assert_eq!(machine.unit("ExecMainPID"), "0");
    assert_eq!(names(machine, "/usr/local/bin"), [""; 0]);
    assert_eq!(names(machine, "/var/lib/etcd"), [""; 0]);
    let installed = format!("/usr/local/lib/etcd-{}", release().version);
    assert!(!machine.path(&installed).exists());

    lab.publish(&release().path(), &release().bytes);
    cluster.is_founded(&lab, "/usr/local/bin/etcd", &machines);
    let left = names(machine, "/usr/local/lib");
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

#[test]
fn package_forms_only_the_predicted_cluster_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let (name, definition) = VARIANTS
        .iter()
        .find(|(name, _)| *name == "debian-package")
        .unwrap();
    let cluster = Cluster::new(name, &format!("members = 1\n{definition}"));
    let machines = cluster.boot(&mut lab);
    cluster.is_founded(&lab, "/usr/bin/etcd", &machines);
    for machine in &machines {
        is_as_rendered(machine, &cluster.user_data);
        // The package's own unit would have formed a cluster of one in another folder.
        wait_for("the note that it had data", || {
            (names(machine, "/var/lib/etcd") == ["data", "had-data"]).then_some(())
        });
        let ids = cluster_ids(&machine.journal());
        assert_eq!(ids, BTreeSet::from([cluster.plan.cluster_id.to_string()]));
    }
}

/// The image cannot be pulled in a lab, so it is built on the machine while the unit keeps
/// retrying.
#[test]
fn container_runs_the_predicted_cluster_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let definition = "members = 1\n[etcd]\nversion = \"3.5.16\"\nruntime = \"container\"\n";
    let mut cluster = Cluster::new("default", definition);
    cluster.grant_what_a_lab_has();
    let machine = &cluster.boot(&mut lab)[0];
    is_as_rendered(machine, &cluster.user_data);

    import_image(machine);
    cluster.is_predicted(&lab);
    let id = machine.run(&["pgrep", "--exact", "etcd"]).expect(0).stdout;
    let line = machine.read(&format!("/proc/{}/cmdline", id.trim_end()));
    assert_eq!(
        line.trim_end_matches('\0').split('\0').collect::<Vec<_>>(),
        cluster.line(&cluster.plan.members[0], "/usr/local/bin/etcd")
    );
    // A leftover container does no harm.
    machine
        .run(&["systemctl", "kill", "--signal=KILL", "etcd.service"])
        .expect(0);
    cluster.is_predicted(&lab);
}

/// Makes the image of etcd in a machine.
pub(crate) fn import_image(machine: &Machine) {
    // A machine allows so many processes; a lab no more than its host, unless that limits control groups.
    let limits = machine.path("/etc/containers/containers.conf.d");
    fs::create_dir_all(&limits).unwrap();
    fs::write(limits.join("lab.conf"), "[containers]\npids_limit = 0\n").unwrap();

    let folder = machine.path("/opt/usr/local/bin");
    fs::create_dir_all(&folder).unwrap();
    for program in ["etcd", "etcdctl"] {
        fs::copy(of_debian_13().join(program), folder.join(program)).unwrap();
    }
    let import = "libraries=$(ldd /opt/usr/local/bin/etcd | grep -o '/lib[^ ]*' | cut -c 2-)
        tar --create --dereference --directory=/opt usr --directory=/ $libraries |
            podman import --change='ENV PATH=/usr/local/bin' - gcr.io/etcd-development/etcd:v3.5.16";
    machine.run(&["sh", "-c", import]).expect(0);
}

/// As Vagrant does it on a machine with this project's own box. A failed attempt can be repeated.
#[test]
fn booted_machine_receives_its_user_data_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let address = Ipv4Addr::new(192, 168, 56, 101);
    let machine = boot_without_cloud_init(&mut lab, "core-01", address);
    let hand_over = |user_data: &str| hand_over(&machine, "core-01", user_data, &[]);
    // Also if it is done twice with the same user-data.
    for _ in 0..2 {
        let failed = hand_over("#cloud-config\nruncmd: [/no/such/program]\n").expect(1);
        let said = "cloud-init reports errors";
        assert!(failed.stderr.contains(said), "{}", failed.stderr);
        let whose = "scripts_user";
        assert!(failed.stderr.contains(whose), "{}", failed.stderr);
    }

    let user_data = Cluster::of_release(&lab, 1).user_data;
    hand_over(&user_data).expect(0);
    assert_eq!(machine.unit("UnitFileState"), "enabled");
    let kept = machine.run(&["cat", "/var/lib/cloud/instance/user-data.txt"]);
    assert_eq!(kept.expect(0).stdout, user_data);
    // cloud-init leaves nothing for the next boot.
    assert_eq!(machine.read(CLOUD_INIT_DISABLED), "never\n");
}

const CLOUD_INIT_DISABLED: &str = "etc/cloud/cloud-init.disabled";

/// Boots a machine as that of a box that this project makes.
pub(crate) fn boot_without_cloud_init(lab: &mut Lab, name: &str, address: Ipv4Addr) -> Machine {
    let packages = format!("deb [trusted=yes] {}/packages ./\n", lab.mirror());
    let files = [
        (CLOUD_INIT_DISABLED, "never\n".to_owned()),
        ("etc/apt/sources.list", packages),
    ];
    let machine = lab.boot_with(name, address, &files);
    wait_for("the machine to have booted", || {
        let running = machine.run(&["systemctl", "is-system-running"]).stdout;
        ["running\n", "degraded\n"]
            .contains(&&*running)
            .then_some(())
    });
    assert!(!machine.path("/var/lib/cloud/instance").exists());
    machine
}

/// Gives a machine its user-data, as Vagrant does it.
pub(crate) fn hand_over(machine: &Machine, name: &str, user_data: &str, more: &[&str]) -> Ran {
    let vagrantfile = fs::read_to_string(project().join("vagrant/Vagrantfile")).unwrap();
    let script = vagrantfile.split("<<~'SCRIPT'\n").nth(1).unwrap();
    let script = script.split("\nSCRIPT\n").next().unwrap();
    fs::write(machine.path("/tmp/user-data"), user_data).unwrap();
    let path = "/var/lib/cloud/seed/nocloud/user-data";
    let words = ["sh", "-c", script, "hand-over", name, path];
    machine.run(&[&words[..], more].concat())
}

/// For the shipped definitions, and for all variants that have golden files but no other test here.
#[test]
fn debian_files_and_units_are_installed_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let seeds: Vec<(String, String, String)> = every_debian_cluster()
        .into_iter()
        .enumerate()
        .map(|(index, cluster)| {
            let host_name = cluster.plan.members[0].name.to_string();
            (format!("machine-{index}"), host_name, cluster.user_data)
        })
        .collect();
    assert!(seeds.len() >= 3);
    let machines: Vec<Machine> = (10..)
        .zip(&seeds)
        .map(|(number, (name, host_name, user_data))| {
            lab.boot(&Seed {
                name,
                host_name,
                // This lab cannot provide etcd, so the members' own addresses are not needed.
                address: Ipv4Addr::new(192, 168, 56, number),
                user_data,
            })
        })
        .collect();
    for (machine, (_, host_name, user_data)) in machines.iter().zip(&seeds) {
        is_as_rendered(machine, user_data);
        assert_eq!(machine.read("/etc/hostname"), format!("{host_name}\n"));
    }
}

/// The author's program, unit and command are there beside etcd's.
#[test]
fn extra_user_data_takes_effect_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let (name, definition) = VARIANTS
        .iter()
        .find(|(name, _)| *name == "debian-extra")
        .unwrap();
    let cluster = Cluster::new(name, &format!("members = 1\n{definition}"));
    let machine = &cluster.boot(&mut lab)[0];
    is_as_rendered(machine, &cluster.user_data);
    assert_eq!(machine.read("/run/greeting"), "hello from core-01\n");
    let keys = machine.run(&["sh", "-c", "cat ~root/.ssh/authorized_keys"]);
    let keys = keys.expect(0).stdout;
    assert!(keys.contains("AAAA me@example.org"), "{keys}");
}

/// A definition, planned and rendered.
pub(crate) struct Cluster {
    pub(crate) plan: Plan,
    pub(crate) user_data: String,
    /// The certificate of this host.
    pub(crate) client: Option<Certificate>,
}

impl Cluster {
    pub(crate) fn new(name: &str, definition: &str) -> Self {
        let scratch = with_extra_files();
        scratch.define(name, definition);
        scratch.run(&["render"]).expect(0);
        let folder = match name {
            "default" => "vagrant".to_owned(),
            name => format!("vagrant/{name}"),
        };
        let source = Source {
            path: format!("cluster/{name}.toml").into(),
            text: definition.to_owned(),
        };
        let (definition, _) = read(name.parse().unwrap(), Arc::new(source));
        Self {
            plan: Plan::new(&definition),
            user_data: crate::render::read(&scratch, &format!("{folder}/user-data")),
            client: None,
        }
    }

    /// A definition that gets etcd from the lab's mirror.
    pub(crate) fn of_release(lab: &Lab, members: usize) -> Self {
        Self::new("default", &definition_of_release(lab, members))
    }

    /// A machine allows this many open files; a lab no more than its host.
    pub(crate) fn grant_what_a_lab_has(&mut self) {
        let (asked, granted) = ("--ulimit=nofile=65536:65536", "--ulimit=nofile=1024:1024");
        assert!(self.user_data.contains(asked));
        self.user_data = self.user_data.replace(asked, granted);
    }

    pub(crate) fn boot(&self, lab: &mut Lab) -> Vec<Machine> {
        let members = self.plan.members.iter();
        members
            .map(|member| {
                lab.boot(&Seed {
                    name: member.name.as_str(),
                    host_name: member.name.as_str(),
                    address: member.address,
                    user_data: &self.user_data,
                })
            })
            .collect()
    }

    /// Waits until all members serve, and asserts that they form the predicted cluster and run as
    /// planned.
    pub(crate) fn is_founded(&self, lab: &Lab, program: &str, machines: &[Machine]) {
        for machine in machines {
            machine.settled();
        }
        self.is_predicted(lab);
        for (member, machine) in self.plan.members.iter().zip(machines) {
            is_run_as(machine, &self.line(member, program));
        }
    }

    /// etcdctl of this host, with the certificate of this host if there is one.
    pub(crate) fn etcdctl(&self, lab: &Lab, endpoints: &str, words: &[&str]) -> Ran {
        let mut command = command_of_etcdctl(lab, endpoints, words);
        let variables = self.client.iter().flat_map(Certificate::etcdctl_variables);
        Ran::from(command.envs(variables).output().unwrap())
    }

    /// Waits until all members serve, and asserts their IDs.
    pub(crate) fn is_predicted(&self, lab: &Lab) {
        let endpoints = self.plan.endpoints();
        wait_for("a quorum", || {
            let health = self.etcdctl(lab, &endpoints, &["endpoint", "health"]);
            (health.status == Some(0)).then_some(())
        });
        let status = self.etcdctl(lab, &endpoints, &["endpoint", "status", "--write-out=json"]);
        let status: Value = serde_json::from_str(&status.expect(0).stdout).unwrap();
        let seen: Vec<(u64, u64)> = status
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let header = &one["Status"]["header"];
                let id = |name: &str| header[name].as_u64().unwrap();
                (id("cluster_id"), id("member_id"))
            })
            .collect();
        let members = self.plan.members.iter();
        let predicted: Vec<(u64, u64)> = members
            .map(|member| (self.plan.cluster_id.0, member.id.0))
            .collect();
        assert_eq!(seen, predicted);
    }

    /// The command line of a member.
    pub(crate) fn line(&self, member: &Member, program: &str) -> Vec<String> {
        let mut myself =
            MemberFlags::at(&self.plan, member, "/var/lib/etcd/data", InitialState::New);
        let loopback = self.plan.scheme().url("127.0.0.1", 2379);
        myself.listen_client_urls += &format!(",{loopback}");
        myself.certificate = Certificate::on_machine();
        let flags = flags(&self.plan, &myself);
        let words = words(&flags, self.plan.version());
        iter::once(program.to_owned()).chain(words).collect()
    }
}

/// Asserts that etcd is the main process of its unit, with exactly this command line, its own user
/// and the unit's sandbox.
pub(crate) fn is_run_as(machine: &Machine, line: &[String]) {
    assert_eq!(machine.unit("ActiveState"), "active");
    let process = format!("/proc/{}", machine.unit("MainPID"));
    let seen = machine.read(&format!("{process}/cmdline"));
    let seen: Vec<&str> = seen.trim_end_matches('\0').split('\0').collect();
    assert_eq!(seen, line);
    let status = machine.read(&format!("{process}/status"));
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    };
    let user = machine.run(&["id", "--user", "etcd"]).expect(0).stdout;
    assert_eq!(of("Uid:"), user.trim_end());
    assert_ne!(of("Uid:"), "0");
    assert_eq!(of("NoNewPrivs:"), "1");
    assert_eq!(of("Seccomp:"), "2");
    assert_eq!(of("CapBnd:"), "0000000000000000");
}

/// Asserts that cloud-init finished without warnings, that every file of the user-data is in place,
/// and that systemd accepts the unit and starts it at each boot.
fn is_as_rendered(machine: &Machine, user_data: &str) {
    let configured = machine.configured();
    assert_eq!(configured["extended_status"], "done", "{configured:#}");
    let document = &read_yaml_1_1(&[user_data])[0];
    let files = document["write_files"].as_array().unwrap();
    assert!(files.len() >= 2);
    for file in files {
        let path = file["path"].as_str().unwrap();
        assert_eq!(machine.read(path), file["content"].as_str().unwrap());
        let permissions = file["permissions"].as_str().unwrap();
        let permissions = u32::from_str_radix(permissions, 8).unwrap();
        assert_eq!(machine.mode(path), (permissions, 0, 0), "{path}");
    }
    let verify = machine.run(&["systemd-analyze", "verify", "etcd.service"]);
    let verify = verify.expect(0);
    assert_eq!((&*verify.stdout, &*verify.stderr), ("", ""));
    assert_eq!(
        machine.unit("FragmentPath"),
        "/etc/systemd/system/etcd.service"
    );
    assert_eq!(machine.unit("UnitFileState"), "enabled");
    assert_eq!(machine.unit("NeedDaemonReload"), "no");
}

/// The variants that other tests here boot.
const TESTED_ALONE: [&str; 5] = [
    "debian-container",
    "debian-package",
    "debian-extra",
    "debian-tls-container",
    "debian-tls-package",
];

fn every_debian_cluster() -> Vec<Cluster> {
    let mut definitions: BTreeMap<String, String> = VARIANTS
        .iter()
        .filter(|(name, _)| !TESTED_ALONE.contains(name))
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    definitions.extend(shipped());
    let clusters = definitions.iter();
    clusters
        .map(|(name, text)| Cluster::new(name, text))
        .filter(|cluster| cluster.plan.machine.profile.id == "debian-13")
        .collect()
}

/// A definition that gets etcd from the lab's mirror. It ends in its section `etcd`.
pub(crate) fn definition_of_release(lab: &Lab, members: usize) -> String {
    format!(
        "members = {members}\n[etcd]\nversion = \"{}\"\nruntime = \"release\"\n\
         release_url = \"{}\"\nsha256 = {{ {} = \"{}\" }}\n",
        release().version,
        lab.mirror(),
        machine(),
        release().sha256.as_str()
    )
}

pub(crate) fn etcdctl(lab: &Lab, endpoints: &str, words: &[&str]) -> Ran {
    Ran::from(command_of_etcdctl(lab, endpoints, words).output().unwrap())
}

fn command_of_etcdctl(lab: &Lab, endpoints: &str, words: &[&str]) -> Command {
    let mut command: Command = lab.command(&packaged().join("etcdctl"));
    command
        .args(["--endpoints", endpoints])
        .args(words)
        .env("ETCDCTL_API", "3");
    command
}

/// All cluster IDs in etcd's logs.
fn cluster_ids(journal: &str) -> BTreeSet<String> {
    let after = journal.split("\"cluster-id\":\"").skip(1);
    after
        .map(|text| text.split('"').next().unwrap().to_owned())
        .collect()
}

/// The content of a folder of a machine.
pub(crate) fn names(machine: &Machine, folder: &str) -> Vec<String> {
    let entries = machine.path(folder).read_dir_utf8().into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    names.sort();
    names
}
