//! The cloud-config of CoreOS as of 2015, with hyphens in its keys, as in its manual.
//!
//! Sources: the recipe of 2015 for etcd in a container; coreos-cloudinit's `config/etcd2.go` and
//! `system/env.go` for the unit that is part of the system.

use serde_yaml::Value;

use super::image;
use super::quote::{shell, systemd, yaml};
use crate::plan::Plan;
use crate::plan::flags::{self, Certificate, Flag, FlagOrigin, InitialState, MemberFlags};
use crate::profile::Runtime;
use crate::values::{Ports, Scheme};

pub(crate) fn cloud_config(plan: &Plan) -> Value {
    let built_in = plan.etcd.runtime == Runtime::BuiltIn;
    let mut sections = Vec::new();
    if built_in {
        sections.push(("etcd2", etcd2_section(plan)));
    }
    if plan.fleet {
        sections.push(("fleet", fleet_section(plan)));
    }
    let mut units = vec![if built_in {
        built_in_unit(plan)
    } else {
        container_unit(plan)
    }];
    if plan.fleet {
        units.push(yaml::mapping([
            ("name", "fleet.service".into()),
            ("command", "start".into()),
        ]));
    }
    sections.push(("units", units.into()));
    yaml::mapping([("coreos", yaml::mapping(sections))])
}

/// The fleet of that time expects etcd on port 4001 by default.
fn fleet_section(plan: &Plan) -> Value {
    let port = plan.ports().client;
    yaml::mapping([
        (
            "etcd-servers",
            Scheme::Http.url("$private_ipv4", port).into(),
        ),
        ("public-ip", "$private_ipv4".into()),
    ])
}

/// The recipe's unit. It replaces the system's own, which was etcd 0.4.
fn container_unit(plan: &Plan) -> Value {
    yaml::mapping([
        ("name", "etcd.service".into()),
        ("command", "start".into()),
        ("content", container_unit_text(plan).into()),
    ])
}

fn container_unit_text(plan: &Plan) -> String {
    let (major, minor) = plan.version().minor_release();
    let pulled = systemd::word(&image::image(plan));
    let command = docker_run(plan).join(" \\\n  ");
    format!(
        "\
[Unit]
Description=etcd {major}.{minor}
After=docker.service

[Service]
EnvironmentFile=/etc/environment
TimeoutStartSec=0
SyslogIdentifier=writer_process
ExecStartPre=-/usr/bin/docker kill etcd
ExecStartPre=-/usr/bin/docker rm etcd
ExecStartPre=/usr/bin/docker pull {pulled}
ExecStart=/bin/bash -c \"{command}\"
ExecStop=/usr/bin/docker kill etcd

[X-Fleet]
Conflicts=etcd*
"
    )
}

/// The command for bash, one line per item. systemd expands no variables inside a word, so bash does; `%H` is
/// systemd's.
fn docker_run(plan: &Plan) -> Vec<String> {
    let Ports { client, peer } = plan.ports();
    let mut lines: Vec<String> = vec![
        "/usr/bin/docker run".to_owned(),
        format!("-p {client}:{client}"),
        format!("-p {peer}:{peer}"),
        "--name etcd".to_owned(),
        "-v /opt/etcd:/opt/etcd".to_owned(),
        "-v /usr/share/ca-certificates/:/etc/ssl/certs".to_owned(),
    ];
    lines.push(systemd::command(&shell::word(&image::image(plan))));
    lines.extend(image::program(plan).map(str::to_owned));
    let quoted = |word: &String, origin| match origin {
        FlagOrigin::MemberFlags => word.clone(),
        FlagOrigin::Plan | FlagOrigin::Definition => systemd::command(&shell::word(word)),
    };
    for flag in flags::flags(plan, &in_container(plan)) {
        let words: Vec<String> = flag
            .words(plan.version())
            .iter()
            .map(|word| quoted(word, flag.origin))
            .collect();
        lines.push(words.join(" "));
    }
    lines
}

/// Inside the container etcd listens on every address; docker decides what the machine publishes.
fn in_container(plan: &Plan) -> MemberFlags {
    let Ports { client, peer } = plan.ports();
    MemberFlags {
        name: "%H".to_owned(),
        data_dir: "/opt/etcd".to_owned(),
        listen_client_urls: Scheme::Http.url("0.0.0.0", client),
        advertise_client_urls: Scheme::Http.url("$COREOS_PRIVATE_IPV4", client),
        listen_peer_urls: Scheme::Http.url("0.0.0.0", peer),
        initial_advertise_peer_urls: Scheme::Http.url("$COREOS_PRIVATE_IPV4", peer),
        initial_cluster: plan.initial_cluster(),
        initial_cluster_state: InitialState::New.as_str().to_owned(),
        certificate: Certificate::default(),
    }
}

/// The options that a plan uses and that every coreos-cloudinit with an `etcd2` section knows. It turns them
/// into `Environment="ETCD_…=…"` literally.
const ETCD2_TEXTS: &[&str] = &[
    "data-dir",
    "name",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-token",
    "initial-cluster-state",
];

/// The numeric options, for which a text is an error.
const ETCD2_NUMBERS: &[&str] = &["heartbeat-interval", "election-timeout"];

/// The flag as an option of the `etcd2` section, if that section has it.
fn etcd2_option(flag: &Flag) -> Option<(&str, Value)> {
    let name = flag.name.as_str();
    if ETCD2_TEXTS.contains(&name) {
        Some((name, environment_value(flag).into()))
    } else if ETCD2_NUMBERS.contains(&name) {
        Some((name, flag.value.parse::<u32>().ok()?.into()))
    } else {
        None
    }
}

fn environment_value(flag: &Flag) -> String {
    match flag.origin {
        FlagOrigin::MemberFlags => flag.value.clone(),
        FlagOrigin::Plan | FlagOrigin::Definition => systemd::assignment(&flag.value),
    }
}

fn built_in_flags(plan: &Plan) -> Vec<Flag> {
    let Ports { client, peer } = plan.ports();
    let loopback = Scheme::Http.url("127.0.0.1", client);
    let client = Scheme::Http.url("$private_ipv4", client);
    let peer = Scheme::Http.url("$private_ipv4", peer);
    let myself = MemberFlags {
        name: "%H".to_owned(),
        data_dir: "/var/lib/etcd2".to_owned(),
        listen_client_urls: format!("{client},{loopback}"),
        advertise_client_urls: client,
        listen_peer_urls: peer.clone(),
        initial_advertise_peer_urls: peer,
        initial_cluster: plan.initial_cluster(),
        initial_cluster_state: InitialState::New.as_str().to_owned(),
        certificate: Certificate::default(),
    };
    flags::flags(plan, &myself)
}

fn etcd2_section(plan: &Plan) -> Value {
    yaml::mapping(built_in_flags(plan).iter().filter_map(etcd2_option))
}

/// The system's unit, with a drop-in for flags that its section does not know.
fn built_in_unit(plan: &Plan) -> Value {
    let mut unit = vec![
        ("name", "etcd2.service".into()),
        ("command", "start".into()),
    ];
    let others: Vec<String> = built_in_flags(plan)
        .iter()
        .filter(|flag| etcd2_option(flag).is_none())
        .map(|flag| {
            let variable = flag.name.to_ascii_uppercase().replace('-', "_");
            let variable = systemd::assignment(&variable);
            format!(
                "Environment=\"ETCD_{variable}={}\"\n",
                environment_value(flag)
            )
        })
        .collect();
    if !others.is_empty() {
        let drop_in = yaml::mapping([
            ("name", "30-flags.conf".into()),
            ("content", format!("[Service]\n{}", others.concat()).into()),
        ]);
        unit.push(("drop-ins", vec![drop_in].into()));
    }
    yaml::mapping(unit)
}
