//! Members with TLS on machines: what is handed over to them, and what they do with it and without it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};

use camino::Utf8Path;
use serde_json::Value;
use test_attribute::test;
use xtask::pki::{self, Pki};
use xtask::plan::Member;
use xtask::plan::flags::Certificate;
use xtask::workspace::{Home, Workspace};

use crate::containers::{Lab, Machine, wait_for};
use crate::etcd_release::release;
use crate::machines_in_containers::{
    Cluster, MIRROR, boot_without_cloud_init, definition_of_release, hand_over, import_image,
    is_run_as, names,
};
use crate::scratch::{Ran, Scratch};

/// The user as whom Vagrant logs in.
const LOGIN: &str = "vagrant";

/// The third member has no certificate at first, and loses its data later.
#[test]
fn members_with_tls_serve_only_their_own_in_containers() {
    let mut lab = Lab::new(MIRROR);
    lab.publish(&release().path(), &release().bytes);
    let definition = definition_of_release(&lab, 3) + "tls = true\n";
    let ours = WithTls::new("default", &definition);
    let members = &ours.cluster.plan.members[..];
    let machines: Vec<Machine> = members
        .iter()
        .map(|member| WithTls::boot(&mut lab, member))
        .collect();
    let ([core_01, _, core_03], [first, second, third]) = (members, &machines[..]) else {
        panic!("three members")
    };
    let user_data = &ours.cluster.user_data;
    hand_over(third, "core-03", user_data, &[]).expect(0);
    says(
        third,
        "etcd-member: core-03 cannot be started without /etc/etcd-pki/ca.crt\n\
         hint: hand over its certificate, on the host of this machine: cargo xtask up\n",
    );
    for (machine, member) in machines.iter().zip(members) {
        let is_third = member == core_03;
        if is_third {
            assert_eq!(names(machine, "/var/lib/etcd"), [""; 0]);
        }
        ours.hand_over(machine, member);
    }
    ours.cluster.is_predicted(&lab);
    for (machine, member) in machines.iter().zip(members) {
        is_run_as(machine, &ours.cluster.line(member, "/usr/local/bin/etcd"));
        is_kept_from_others(machine);
    }
    ours.only_certificates_of_the_cluster_count(&lab, core_01);
    people_use_etcdctl_as_root(first);

    third.run(&["systemctl", "stop", "etcd.service"]).expect(0);
    lose_data(third);
    third.run(&["systemctl", "start", "etcd.service"]).expect(0);
    says(
        third,
        "core-03 was started before, and its data is lost: core-01 lists it as started",
    );

    // Members that cannot answer are not silent.
    for machine in [first, second] {
        machine
            .run(&["systemctl", "kill", "--signal=STOP", "etcd.service"])
            .expect(0);
    }
    third.run(&["systemctl", "start", "etcd.service"]).expect(0);
    says(
        third,
        "core-03 waits: core-01 does not list its members: curl ends with 28",
    );
    assert_eq!(names(third, "/var/lib/etcd"), [""; 0]);
    for machine in [first, second] {
        machine
            .run(&["systemctl", "kill", "--signal=CONT", "etcd.service"])
            .expect(0);
    }
    says(
        third,
        "core-03 was started before, and its data is lost: core",
    );

    let remove = ["member", "remove", &core_03.id.to_string()];
    wait_for("the member to be removed", || {
        (ours.etcdctl(&lab, core_01, &remove).status == Some(0)).then_some(())
    });
    third.run(&["systemctl", "start", "etcd.service"]).expect(0);
    says(third, "core-03 waits: core-01 does not list it");
    let url = format!("--peer-urls={}", core_03.peer_url());
    let add = ["member", "add", "core-03", &url, "--learner", "-w=json"];
    let id = wait_for("a member to be added", || {
        let added = ours.etcdctl(&lab, core_01, &add);
        let added: Value = serde_json::from_str(&added.stdout).ok()?;
        added["member"]["ID"].as_u64()
    });
    let promote = ["member", "promote", &format!("{id:x}")];
    wait_for("the member to be promoted", || {
        (ours.etcdctl(&lab, core_01, &promote).status == Some(0)).then_some(())
    });
    ours.etcdctl(&lab, core_03, &["endpoint", "health"])
        .expect(0);
}

#[test]
fn package_uses_the_certificate_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let definition =
        "members = 1\n[etcd]\ntls = true\nversion = \"3.5.16\"\nruntime = \"package\"\n";
    let package = WithTls::new("default", definition);
    let member = &package.cluster.plan.members[0];
    let machine = WithTls::boot(&mut lab, member);
    package.hand_over(&machine, member);
    package.cluster.is_predicted(&lab);
    is_run_as(&machine, &package.cluster.line(member, "/usr/bin/etcd"));
    is_kept_from_others(&machine);
    package.only_certificates_of_the_cluster_count(&lab, member);
    people_use_etcdctl_as_root(&machine);
}

/// As in `machines_in_containers`: a lab grants less than a machine, and cannot pull the image.
#[test]
fn container_reads_the_certificate_in_containers() {
    let mut lab = Lab::new(MIRROR);
    let definition =
        "members = 1\n[etcd]\ntls = true\nversion = \"3.5.16\"\nruntime = \"container\"\n";
    let mut ours = WithTls::new("default", definition);
    ours.cluster.grant_what_a_lab_has();
    let member = ours.cluster.plan.members[0].clone();
    let machine = WithTls::boot(&mut lab, &member);
    ours.hand_over(&machine, &member);
    import_image(&machine);
    ours.cluster.is_predicted(&lab);
    assert_eq!(machine.mode(PKI), (0o700, 0, 0));
    for file in names(&machine, PKI) {
        assert_eq!(machine.mode(&format!("{PKI}/{file}")), (0o600, 0, 0));
    }
    ours.only_certificates_of_the_cluster_count(&lab, &member);
    let health = ["podman", "exec", "etcd", "etcdctl", "endpoint", "health"];
    machine.run(&health).expect(0);
}

/// A cluster with certificates.
struct WithTls {
    cluster: Cluster,
    home: Home,
    _scratch: Scratch,
}

impl WithTls {
    fn new(name: &str, definition: &str) -> Self {
        let scratch = Scratch::new();
        let mut cluster = Cluster::new(name, definition);
        let home = Workspace::at(scratch.root()).home(&cluster.plan.name);
        pki::prepare(&home, &cluster.plan).unwrap();
        cluster.client = Some(Pki::of(&home).client());
        Self {
            cluster,
            home,
            _scratch: scratch,
        }
    }

    /// Boots the machine of a member, which has no user-data yet.
    fn boot(lab: &mut Lab, member: &Member) -> Machine {
        let machine = boot_without_cloud_init(lab, member.name.as_str(), member.address);
        machine.run(&["useradd", "--create-home", LOGIN]).expect(0);
        machine
    }

    /// Gives a machine its user-data and its certificate.
    fn hand_over(&self, machine: &Machine, member: &Member) {
        self.upload(machine, member);
        let user_data = &self.cluster.user_data;
        hand_over(machine, member.name.as_str(), user_data, &["", LOGIN]).expect(0);
    }

    /// As scp does it, which keeps the permissions.
    fn upload(&self, machine: &Machine, member: &Member) {
        let id = machine.run(&["id", "--user", LOGIN]).expect(0).stdout;
        let id: u32 = id.trim_end().parse().unwrap();
        let folder = machine.path(&uploaded(machine));
        fs::DirBuilder::new().mode(0o755).create(&folder).unwrap();
        let certificate = Pki::of(&self.home).member(member);
        for file in certificate.files().map(Utf8Path::new) {
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
            let uploaded = folder.join(file.file_name().unwrap());
            fs::copy(file, &uploaded).unwrap();
            chown(&uploaded, Some(id), Some(id)).unwrap();
        }
    }

    fn etcdctl(&self, lab: &Lab, through: &Member, words: &[&str]) -> Ran {
        self.cluster.etcdctl(lab, &through.client_url(), words)
    }

    /// Both ports refuse those who speak plain HTTP and those without a certificate of the authority.
    fn only_certificates_of_the_cluster_count(&self, lab: &Lab, member: &Member) {
        let other = Scratch::new();
        let other = Workspace::at(other.root()).home(&self.home.name);
        pki::prepare(&other, &self.cluster.plan).unwrap();
        let [ours, theirs] = [&self.home, &other].map(|home| Pki::of(home).client());
        let trust = ["--cacert", &ours.authorities];
        let show = |one: &Certificate| {
            let shown = ["--cert", &one.certificate, "--key", &one.key];
            shown.map(str::to_owned)
        };
        let ask = |url: &str, arguments: &[&str]| {
            let mut curl = lab.command("curl".into());
            curl.args(["--disable", "--silent", "--fail", "--http1.1"]);
            curl.args(["--max-time", "60", "--noproxy", "*"]);
            let asked = curl.args(arguments).arg(url).output();
            Ran::from(asked.unwrap())
        };
        let [ours, theirs] = [show(&ours), show(&theirs)];
        let words = |shown: &[String]| -> Vec<String> {
            let trust = trust.map(str::to_owned);
            [&trust[..], shown].concat()
        };
        for url in [
            format!("{}/version", member.client_url()),
            format!("{}/members", member.peer_url()),
        ] {
            let ask = |url: &str, words: &[String]| {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                ask(url, &words)
            };
            ask(&url, &words(&ours)).expect(0);
            for refused in [
                ask(&url, &words(&[])),
                ask(&url, &words(&theirs)),
                ask(&url.replace("https:", "http:"), &words(&ours)),
            ] {
                assert_ne!(refused.status, Some(0), "{url}: {refused:?}");
                assert_eq!(refused.stdout, "", "{url}");
            }
        }
    }
}

/// Only root and etcd's user can read the certificate, and nothing is left of its way.
fn is_kept_from_others(machine: &Machine) {
    let number = |option: &str| -> u32 {
        let id = machine.run(&["id", option, "etcd"]).expect(0).stdout;
        id.trim_end().parse().unwrap()
    };
    let (user, group) = (number("--user"), number("--group"));
    assert_eq!(names(machine, PKI), ["ca.crt", "member.crt", "member.key"]);
    assert_eq!(machine.mode(PKI), (0o700, user, group));
    for file in names(machine, PKI) {
        assert_eq!(machine.mode(&format!("{PKI}/{file}")), (0o600, user, group));
    }
    assert!(!machine.path(&uploaded(machine)).exists());
}

const PKI: &str = "/etc/etcd-pki";

/// The folder of uploaded files.
fn uploaded(machine: &Machine) -> String {
    let entry = machine.run(&["getent", "passwd", LOGIN]).expect(0).stdout;
    format!("{}/.etcd-pki", entry.split(':').nth(5).unwrap())
}

fn people_use_etcdctl_as_root(machine: &Machine) {
    let health = ["etcdctl", "endpoint", "health"];
    let as_root = machine.run(&["su", "--login", "root", "-c", &health.join(" ")]);
    as_root.expect(0);
    let as_other = machine.run(&["su", "--login", LOGIN, "-c", &health.join(" ")]);
    assert_ne!(as_other.status, Some(0));
    let why = "permission denied";
    assert!(as_other.stderr.contains(why), "{}", as_other.stderr);
}

fn lose_data(machine: &Machine) {
    let lose = "rm -r /var/lib/etcd/data /var/lib/etcd/had-data";
    machine.run(&["sh", "-c", lose]).expect(0);
}

fn says(machine: &Machine, text: &str) {
    wait_for(text, || machine.journal().contains(text).then_some(()));
}
