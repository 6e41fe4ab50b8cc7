//! The recipe of 2015 on real machines: systemd runs its unit unchanged, Docker pulls and runs its
//! image, and the members form the predicted quorum.
//!
//! Stand-ins replace what no longer exists:
//! - CoreOS: Debian 12 with systemd and Docker's engine. The unit is put in place and started as
//!   coreos-cloudinit did it, and `/etc/environment` holds what Vagrant wrote there.
//! - quay.io: a real registry of that name on the machines' network.
//! - etcd 2.0.0: the distribution's etcd, in an image of the recipe's name. It accepts the recipe's
//!   flags and derives the IDs of 2015 from them; the behaviour of 2.0.0 itself is not tested.
//! - fleet: nothing. Its section of the user-data is only compared with the article's.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;

use serde_json::Value;
use test_attribute::test;

use crate::containers::{Lab, Machine, wait_for};
use crate::etcd_binaries::{packaged, tools};
use crate::etcd_release;
use crate::scratch::Ran;
use crate::support::{pipe, project, read_yaml_1_1, require_tool};

/// A member's name, its ID and its machine's address.
type Member = (&'static str, &'static str, Ipv4Addr);

const MEMBERS: [Member; 3] = [
    ("core-01", "6ae27f9fa2984b1d", address(101)),
    ("core-02", "25d6ce33763c5524", address(102)),
    ("core-03", "ff32f4b39b9c47bd", address(103)),
];
const CLUSTER: &str = "9d579addb6e9da3";

const IMAGE: &str = "quay.io/coreos/etcd:v2.0.0";
const REGISTRY: Ipv4Addr = address(2);

const fn address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(172, 17, 8, host)
}

#[test]
fn recipe_of_2015_forms_its_quorum_with_docker_in_containers() {
    let mut lab = Lab::with_docker(address(1));
    let registry = boot_registry(&mut lab);
    let mut machines = MEMBERS.map(|(name, _, address)| boot(&mut lab, name, address));
    publish_image(&registry);

    for machine in &machines {
        wait_until_up(machine);
        let verify = machine.run(&["systemd-analyze", "verify", "etcd.service"]);
        let verify = verify.expect(0);
        assert_eq!((&*verify.stdout, &*verify.stderr), ("", ""));
    }
    on_each(&machines, start);
    is_the_predicted_quorum(&lab);

    put(&lab, &MEMBERS, "yes");
    on_each(&machines, stop);
    on_each(&machines, start);
    is_the_predicted_quorum(&lab);
    assert_eq!(get(&lab, &MEMBERS), "yes\n");

    // After a reboot, the old container still exists and its name is taken.
    lab.cut_power(&machines[1]);
    let others = [MEMBERS[0], MEMBERS[2]];
    put(&lab, &others, "still");
    lab.boot_again(&mut machines[1]);
    wait_until_up(&machines[1]);
    assert_eq!(containers(&machines[1], "status=exited"), ["etcd"]);
    start(&machines[1]);
    is_the_predicted_quorum(&lab);
    assert_eq!(get(&lab, &MEMBERS[1..2]), "still\n");

    starts_only_where_it_reaches_the_registry(&machines[0], &registry);
    is_the_predicted_quorum(&lab);
}

/// As in the recipe: a missing container is no error, but a failed pull is.
fn starts_only_where_it_reaches_the_registry(machine: &Machine, registry: &Machine) {
    stop(machine);
    let before = machine.journal().len();
    registry
        .run(&["systemctl", "stop", "docker-registry"])
        .expect(0);
    machine.run(&["systemctl", "start", "etcd"]).expect(1);
    assert_eq!(machine.unit("ActiveState"), "failed");
    let journal = &machine.journal()[before..];
    assert!(journal.contains("connection refused"), "{journal}");

    registry
        .run(&["systemctl", "start", "docker-registry"])
        .expect(0);
    wait_for("the registry to be back", || {
        let started = machine.run(&["systemctl", "start", "etcd"]);
        (started.status == Some(0)).then_some(())
    });
}

/// Boots a machine as Vagrant and CoreOS set it up, including the recipe's unit.
fn boot(lab: &mut Lab, name: &str, address: Ipv4Addr) -> Machine {
    let environment = format!("COREOS_PUBLIC_IPV4=127.0.0.1\nCOREOS_PRIVATE_IPV4={address}\n");
    let files = [
        ("etc/environment", environment),
        ("etc/systemd/system/etcd.service", unit()),
    ];
    boot_with(lab, name, address, REGISTRY, &files)
}

/// Boots a machine as `quay.io`.
fn boot_registry(lab: &mut Lab) -> Machine {
    let configuration = "version: 0.1\nhttp: {addr: \":80\"}\n\
        storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}\n";
    let files = [
        ("etc/docker/registry/config.yml", configuration.to_owned()),
        (
            "etc/systemd/system/docker-registry.service.d/port.conf",
            "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n".to_owned(),
        ),
    ];
    boot_with(lab, "registry", REGISTRY, Ipv4Addr::LOCALHOST, &files)
}

fn boot_with(
    lab: &mut Lab,
    name: &str,
    address: Ipv4Addr,
    registry: Ipv4Addr,
    files: &[(&str, String)],
) -> Machine {
    let own = [
        ("etc/hostname", format!("{name}\n")),
        // Without one, systemd assumes the first boot and enables all installed units.
        ("etc/machine-id", format!("{:032x}\n", address.to_bits())),
        (
            "etc/hosts",
            format!("127.0.0.1 localhost\n{registry} quay.io\n"),
        ),
        (
            "etc/docker/daemon.json",
            // It has no trusted certificate.
            r#"{ "insecure-registries": ["quay.io"] }"#.to_owned(),
        ),
    ];
    lab.boot_with(name, address, &[&own, files].concat())
}

/// The recipe's unit from version control.
fn unit() -> String {
    let user_data = fs::read_to_string(project().join("vagrant/coreos-2015/user-data")).unwrap();
    let document = &read_yaml_1_1(&[&user_data])[0];
    let units = document["coreos"]["units"].as_array().unwrap();
    let etcd = units
        .iter()
        .find(|unit| unit["name"] == "etcd.service")
        .unwrap();
    assert_eq!(etcd["command"], "start");
    etcd["content"].as_str().unwrap().to_owned()
}

/// Builds an image with only etcd, and pushes it to the registry.
fn publish_image(registry: &Machine) {
    require_tool("ldd", "libc-bin");
    wait_until_up(registry);
    registry
        .run(&["systemctl", "start", "docker-registry"])
        .expect(0);
    let etcd = &tools().etcd;
    let linked = pipe(Command::new("ldd").arg(etcd), "");
    let libraries = linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    let tarball = registry.path("/etcd.tar");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--dereference", "--transform=s,.*/etcd$,etcd,"])
        .arg(format!("--file={tarball}"))
        .arg(etcd)
        .args(libraries);
    pipe(&mut tar, "");
    let entry_point = r#"ENTRYPOINT ["/etcd"]"#;
    // On other architectures than amd64, some versions only start with this.
    let architecture = format!("ENV ETCD_UNSUPPORTED_ARCH={}", etcd_release::machine());
    let changes = ["--change", entry_point, "--change", &architecture];
    let import = [&["docker", "import"], &changes[..], &["/etcd.tar", IMAGE]];
    registry.run(&import.concat()).expect(0);
    wait_for("the registry to take the image", || {
        let pushed = registry.run(&["docker", "push", "--quiet", IMAGE]);
        (pushed.status == Some(0)).then_some(())
    });
}

fn wait_until_up(machine: &Machine) {
    let mut shown = String::new();
    wait_for("a machine to be up", || {
        let state = machine.run(&["systemctl", "is-system-running", "--wait"]);
        if state.stdout == "degraded\n" {
            // A failed unit may be about to be restarted.
            let failed = machine.run(&["systemctl", "--failed"]).stdout;
            if failed != shown {
                println!("{failed}");
                shown = failed;
            }
        }
        (state.stdout == "running\n").then_some(())
    });
}

fn on_each(machines: &[Machine], act: fn(&Machine)) {
    thread::scope(|scope| {
        for machine in machines {
            scope.spawn(move || act(machine));
        }
    });
}

fn start(machine: &Machine) {
    let started = machine.run(&["systemctl", "start", "etcd"]);
    assert_eq!(started.status, Some(0), "{}", machine.journal());
    assert_eq!(machine.unit("ActiveState"), "active");
    assert_eq!(
        machine.unit("FragmentPath"),
        "/etc/systemd/system/etcd.service"
    );
    wait_for("the container", || {
        assert_ne!(
            machine.unit("ActiveState"),
            "failed",
            "{}",
            machine.journal()
        );
        (containers(machine, "status=running") == ["etcd"]).then_some(())
    });
    assert!(machine.path("/opt/etcd").is_dir());
}

/// The unit's result is not checked: Docker passes on the exit of the container, unless systemd
/// ends its client before.
fn stop(machine: &Machine) {
    machine.run(&["systemctl", "stop", "etcd"]).expect(0);
    assert_ne!(machine.unit("ActiveState"), "active");
    wait_for("the container to be killed", || {
        (containers(machine, "exited=137") == ["etcd"]).then_some(())
    });
}

/// The names of the machine's containers that match.
fn containers(machine: &Machine, filter: &str) -> Vec<String> {
    let list = [
        "docker",
        "ps",
        "--all",
        "--filter",
        filter,
        "--format",
        "{{.Names}}",
    ];
    let listed = machine.run(&list).expect(0).stdout;
    listed.lines().map(str::to_owned).collect()
}

/// Waits until all members serve, and asserts that they are those of 2015.
fn is_the_predicted_quorum(lab: &Lab) {
    wait_for("a quorum", || {
        let health = etcdctl(lab, &MEMBERS, &["endpoint", "health"]);
        (health.status == Some(0)).then_some(())
    });
    let json = |words: &[&str]| -> Value {
        let words = [words, &["--write-out=json"]].concat();
        serde_json::from_str(&etcdctl(lab, &MEMBERS, &words).expect(0).stdout).unwrap()
    };
    let id = |value: &Value| format!("{:x}", value.as_u64().unwrap());

    // The member at each address.
    let status = json(&["endpoint", "status"]);
    let seen: Vec<(&str, String, String)> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let header = &one["Status"]["header"];
            let endpoint = one["Endpoint"].as_str().unwrap();
            (
                endpoint,
                id(&header["cluster_id"]),
                id(&header["member_id"]),
            )
        })
        .collect();
    let urls = MEMBERS.map(|(_, _, address)| url(address, 2379));
    let expected: Vec<(&str, String, String)> = MEMBERS
        .iter()
        .zip(&urls)
        .map(|((_, id, _), url)| (url.as_str(), CLUSTER.to_owned(), (*id).to_owned()))
        .collect();
    assert_eq!(seen, expected);

    // The members' lists of each other.
    let list = json(&["member", "list"]);
    let seen: BTreeMap<&str, Value> = list["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            let told =
                serde_json::json!([id(&member["ID"]), member["peerURLs"], member["clientURLs"]]);
            (member["name"].as_str().unwrap(), told)
        })
        .collect();
    let expected: BTreeMap<&str, Value> = MEMBERS
        .iter()
        .map(|(name, id, address)| {
            let told = serde_json::json!([id, [url(*address, 2380)], [url(*address, 2379)]]);
            (*name, told)
        })
        .collect();
    assert_eq!(seen, expected);
}

/// Writes the value that must survive, once there is a leader.
fn put(lab: &Lab, members: &[Member], value: &str) {
    wait_for("a leader that writes", || {
        let put = etcdctl(lab, members, &["put", "survivor", value]);
        (put.status == Some(0)).then_some(())
    });
}

fn get(lab: &Lab, members: &[Member]) -> String {
    let get = ["get", "survivor", "--print-value-only"];
    etcdctl(lab, members, &get).expect(0).stdout
}

fn url(address: Ipv4Addr, port: u16) -> String {
    format!("http://{address}:{port}")
}

/// Runs etcdctl on another host of the machines' network.
fn etcdctl(lab: &Lab, members: &[Member], words: &[&str]) -> Ran {
    let endpoints: Vec<String> = members
        .iter()
        .map(|(_, _, address)| url(*address, 2379))
        .collect();
    let output = lab
        .command(&packaged().join("etcdctl"))
        .args(["--endpoints", &endpoints.join(",")])
        .arg("--command-timeout=20s")
        .args(words)
        .env("ETCDCTL_API", "3")
        .output();
    Ran::from(output.unwrap())
}
