//! Flatcar's cloud-config: the idea of 2015 on a current system. Its coreos-cloudinit knows only keys with
//! underscores (since 3975.2.0).

use serde_yaml::Value;

use super::member_script::{self, LOST_DATA, NOT_A_MEMBER, STATE_DIR};
use super::quote::{shell, yaml};
use super::{image, write_files};
use crate::plan::Plan;

pub(crate) fn cloud_config(plan: &Plan) -> Value {
    let unit = yaml::mapping([
        ("name", "etcd.service".into()),
        ("enable", true.into()),
        ("command", "start".into()),
        ("content", unit(plan).into()),
    ]);
    // Machines that reboot for updates at any time could lose the quorum.
    let update = yaml::mapping([("reboot_strategy", "off".into())]);
    let script = member_script::script(plan, &docker_run(plan));
    yaml::mapping([
        (
            "coreos",
            yaml::mapping([("update", update), ("units", vec![unit].into())]),
        ),
        (
            "write_files",
            vec![write_files::program(MEMBER_SCRIPT, script)].into(),
        ),
    ])
}

/// `/usr` is read-only on Flatcar.
const MEMBER_SCRIPT: &str = "/opt/bin/etcd-member";

fn unit(plan: &Plan) -> String {
    let version = plan.version();
    let cluster = &plan.name;
    format!(
        "\
[Unit]
Description=etcd {version}, a member of the cluster {cluster}
Documentation=https://etcd.io/docs/
Requires=docker.service
Wants=network-online.target
After=docker.service network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
StateDirectory=etcd
StateDirectoryMode=0700
ExecStartPre=-/usr/bin/docker rm --force etcd
ExecStart={MEMBER_SCRIPT}
KillMode=mixed
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={NOT_A_MEMBER} {LOST_DATA}
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"
    )
}

/// The container shares the machine's network, because otherwise it could not listen on only the two
/// addresses. It has no capabilities, and can write only to its data. Its output goes to the unit's journal:
/// docker keeps no second log.
fn docker_run(plan: &Plan) -> Vec<String> {
    let mut words: Vec<String> = [
        "/usr/bin/docker run --rm --name=etcd --network=host --log-driver=none",
        "--read-only --cap-drop=ALL --security-opt=no-new-privileges",
        "--ulimit=nofile=65536:65536",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(format!("--volume={STATE_DIR}:{STATE_DIR}"));
    words.extend(image::certificate(plan));
    words.push(shell::word(&image::image(plan)));
    words.extend(image::program(plan).map(str::to_owned));
    words
}
