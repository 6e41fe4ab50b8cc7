//! Tasks for a cluster with TLS on machines.

use std::fs;

use test_attribute::test;
use xtask::pki::{self, Pki};

use crate::cluster_on_machines::{Cluster, MEMBERS};
use crate::scratch::Ran;

#[test]
fn certificates_of_machines_are_renewed_in_containers() {
    let mut cluster = Cluster::with_tls();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    replaces_its_authority(&mut cluster);

    cluster.has_a_box();
    is_healthy(&mut cluster);

    let ids = |cluster: &Cluster| MEMBERS.map(|member| cluster.machine(member).unit("MainPID"));
    let before = ids(&cluster);
    let old = served(&cluster, "192.168.56.102");
    pki::renew(&cluster.home(), &cluster.plan()).unwrap();
    cluster.run(&["up"]).expect(0);
    for member in MEMBERS {
        has_its_certificate(&cluster, member);
    }
    // They serve it without a restart.
    assert_eq!(ids(&cluster), before);
    assert_ne!(served(&cluster, "192.168.56.102"), old);
    is_healthy(&mut cluster);

    let file = cluster.path("cluster/default.toml");
    let three = fs::read_to_string(&file).unwrap();
    let member =
        |number| format!("{{ name = \"core-0{number}\", address = \"192.168.56.10{number}\" }}");
    let others = [1, 2, 4].map(member).join(", ");
    fs::write(&file, format!("members = [{others}]\n{three}")).unwrap();
    cluster.run(&["apply", "--yes"]).expect(0);
    has_its_certificate(&cluster, "core-04");
    is_healthy(&mut cluster);

    cluster.destroy("core-04");
    cluster.run(&["replace", "core-04"]).expect(0);
    has_its_certificate(&cluster, "core-04");
    is_healthy(&mut cluster);
}

/// A machine that was created without a certificate gets it from `up`.
#[test]
fn lost_certificates_are_handed_over_in_containers() {
    let mut cluster = Cluster::with_tls();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.has_a_box();
    let lose = "systemctl stop etcd.service && rm -r /etc/etcd-pki && systemctl start etcd.service";
    let machine = cluster.machine("core-02");
    machine.run(&["sh", "-c", lose]).expect(0);
    cluster.run(&["up"]).expect(0);
    has_its_certificate(&cluster, "core-02");
    is_healthy(&mut cluster);

    // All that this host knows is lost. New certificates have another authority.
    for member in MEMBERS {
        cluster.turn_off(member);
    }
    fs::remove_dir_all(cluster.path(".state/default/pki")).unwrap();
    cluster.run(&["up"]).expect(0);
    for member in MEMBERS {
        has_its_certificate(&cluster, member);
    }
    is_healthy(&mut cluster);
    is_asked_inside_where_it_is_not_reached(&mut cluster);
}

/// The file of the authorities keeps its path, so only its time tells what etcd trusts.
fn replaces_its_authority(cluster: &mut Cluster) {
    let authority = |cluster: &Cluster| cluster.machine("core-01").read("/etc/etcd-pki/ca.crt");
    let old = authority(cluster);
    cluster.run(&["certs", "--replace-authority"]).expect(0);
    let both = authority(cluster);
    assert!(both.starts_with(&old) && both != old, "{both}");
    let plan = cluster.run(&["plan"]).expect(1).stdout;
    for member in MEMBERS {
        assert!(plan.contains(&format!("restart {member}")), "{plan}");
    }
    cluster.run(&["apply", "--yes"]).expect(0);
    let new = authority(cluster);
    assert!(!new.contains(&old));
    for member in MEMBERS {
        has_its_certificate(cluster, member);
    }
    cluster.run(&["plan"]).expect(0);
    is_healthy(cluster);
}

/// The host reaches the machines with ssh only.
fn is_asked_inside_where_it_is_not_reached(cluster: &mut Cluster) {
    // Asked inside, members show no certificates.
    cluster.cut_off();
    let put = ["su", "--login", "root", "-c", "etcdctl put greeting hello"];
    cluster.machine("core-01").run(&put).expect(0);
    let verify = cluster.run(&["verify"]).expect(4).stdout;
    let said = "certificates could not be checked; 3 of 3 members, ";
    assert!(verify.contains(said), "{verify}");
    assert_eq!(verify.matches("\nskipped ").count(), 1, "{verify}");
    let backup = cluster.run(&["backup", "--prove"]).expect(0);
    let said = "this host cannot reach the members' addresses; going through ssh\n";
    assert!(backup.stderr.contains(said), "{}", backup.stderr);
}

#[track_caller]
fn is_healthy(cluster: &mut Cluster) {
    cluster.run(&["verify"]).expect(0);
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}

/// The machine has what is on this host, for etcd's user alone.
#[track_caller]
fn has_its_certificate(cluster: &Cluster, member: &str) {
    let plan = cluster.plan();
    let member = plan.members.iter().find(|one| one.name.as_str() == member);
    let member = member.unwrap();
    let machine = cluster.machine(member.name.as_str());
    let id = machine.run(&["id", "--user", "etcd"]).expect(0).stdout;
    let id: u32 = id.trim_end().parse().unwrap();
    let certificate = Pki::of(&cluster.home()).member(member);
    let here = certificate.files();
    for (here, file) in here.into_iter().zip(["ca.crt", "member.crt", "member.key"]) {
        let there = format!("/etc/etcd-pki/{file}");
        assert_eq!(machine.read(&there), fs::read_to_string(here).unwrap());
        let (mode, user, _) = machine.mode(&there);
        assert_eq!((mode, user), (0o600, id), "{there}");
    }
    let all = machine.run(&["ls", "-A", "/etc/etcd-pki"]).expect(0);
    assert_eq!(all.stdout, "ca.crt\nmember.crt\nmember.key\n");
}

/// The serial number of the certificate that the member with this address serves.
fn served(cluster: &Cluster, address: &str) -> String {
    let mut sh = cluster.lab.command("sh".into());
    let script = format!(
        "openssl s_client -connect {address}:2379 </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    let asked = sh.args(["-c", &script]).output();
    Ran::from(asked.unwrap()).expect(0).stdout
}
