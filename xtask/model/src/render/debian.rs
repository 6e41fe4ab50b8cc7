//! Debian's cloud-config, for cloud-init.
//!
//! etcd runs in our own systemd unit, whether it comes from a release tarball, a container or the
//! distribution's package. Starting it does not block (`--no-block`), because the first machine is
//! provisioned before the others exist to form a quorum.

use serde_yaml::Value;

use super::install_script;
use super::member_script::{self, LOST_DATA, NOT_A_MEMBER, STATE_DIR};
use super::quote::{shell, yaml};
use super::{image, write_files};
use crate::plan::Plan;
use crate::plan::flags::{Certificate, MACHINE_PKI};
use crate::profile::Runtime;

pub(crate) fn cloud_config(plan: &Plan) -> Value {
    let InstallMethod {
        packages,
        install,
        command,
        service,
        user,
    } = way(plan);
    let mut files = Vec::new();
    if user {
        files.push(write_files::text_file(
            "/etc/sysusers.d/etcd.conf",
            "u etcd - \"etcd\" /var/lib/etcd\n".to_owned(),
        ));
    }
    files.extend(install.map(|script| write_files::program(INSTALL_SCRIPT, script)));
    files.push(write_files::program(
        MEMBER_SCRIPT,
        member_script::script(plan, &command),
    ));
    files.push(write_files::text_file(
        "/etc/systemd/system/etcd.service",
        unit(plan, &service),
    ));
    if plan.etcd.tls && plan.etcd.runtime != Runtime::Container {
        files.push(write_files::text_file(
            "/etc/profile.d/etcdctl.sh",
            etcdctl_profile(),
        ));
    }
    let mut commands: Vec<Value> = Vec::new();
    if user {
        commands.push("systemd-sysusers".into());
    }
    commands.extend([
        "systemctl daemon-reload".into(),
        "systemctl enable etcd.service".into(),
        "systemctl restart --no-block etcd.service".into(),
    ]);
    let mut config = Vec::new();
    if !packages.is_empty() {
        let packages: Vec<Value> = packages.iter().map(|&name| name.into()).collect();
        config.push(("packages", packages.into()));
    }
    config.push(("write_files", files.into()));
    config.push(("runcmd", commands.into()));
    yaml::mapping(config)
}

const INSTALL_SCRIPT: &str = "/usr/local/sbin/etcd-install";
const MEMBER_SCRIPT: &str = "/usr/local/sbin/etcd-member";

/// Names the member's certificate to the etcdctl of those who log in. The other settings are etcdctl's own.
fn etcdctl_profile() -> String {
    let certificate = Certificate::on_machine();
    let exports = certificate.etcdctl_variables();
    let exports = exports.map(|(name, file)| format!("export {name}={file}\n"));
    format!(
        "# Only root can read the certificate of this machine's member: sudo -i etcdctl member list\n{}",
        exports.concat()
    )
}

/// A way to get and run etcd.
struct InstallMethod {
    /// The packages to install.
    packages: &'static [&'static str],
    /// The program that installs etcd, if no package does.
    install: Option<String>,
    /// The command that etcd's flags are appended to.
    command: Vec<String>,
    /// Its lines in the unit's `[Service]`.
    service: String,
    /// Whether the user `etcd` has to be created.
    user: bool,
}

fn way(plan: &Plan) -> InstallMethod {
    match plan.etcd.runtime {
        Runtime::Container => container(plan),
        Runtime::Package => package(plan),
        Runtime::Release | Runtime::BuiltIn => release(plan),
    }
}

fn release(plan: &Plan) -> InstallMethod {
    InstallMethod {
        packages: &[],
        install: Some(install_script::script(plan)),
        command: vec!["/usr/local/bin/etcd".to_owned()],
        service: format!(
            "ExecStartPre=+{INSTALL_SCRIPT}\n{}ExecStart={MEMBER_SCRIPT}\n{SANDBOX}",
            own_certificate(plan)
        ),
        user: true,
    }
}

/// The package has a unit of the same name and starts it at once. Ours is written before the package is
/// installed and takes precedence, so that no single-node cluster is ever founded.
fn package(plan: &Plan) -> InstallMethod {
    InstallMethod {
        packages: &["etcd-server", "etcd-client"],
        install: None,
        command: vec!["/usr/bin/etcd".to_owned()],
        service: format!(
            "{}ExecStart={MEMBER_SCRIPT}\n{SANDBOX}",
            own_certificate(plan)
        ),
        user: false,
    }
}

/// Gives etcd's user the certificate, which is handed over before there is such a user. The sandbox keeps etcd from
/// changing it. The start script reports one that is missing.
fn own_certificate(plan: &Plan) -> String {
    if plan.etcd.tls {
        format!("ExecStartPre=-+/usr/bin/chown --silent --recursive etcd:etcd {MACHINE_PKI}\n")
    } else {
        String::new()
    }
}

/// Podman instead of docker: there is no daemon between systemd and etcd, and no bridge takes 172.17.0.0/16,
/// in which the recipe of 2015 has its machines.
fn container(plan: &Plan) -> InstallMethod {
    let mut command: Vec<String> = [
        "/usr/bin/podman run --rm --replace --name=etcd --network=host --log-driver=passthrough",
        "--read-only --cap-drop=ALL --security-opt=no-new-privileges",
        "--ulimit=nofile=65536:65536",
    ]
    .map(str::to_owned)
    .to_vec();
    command.push(format!("--volume={STATE_DIR}:{STATE_DIR}"));
    command.extend(image::certificate(plan));
    command.push(shell::word(&image::image(plan)));
    command.extend(image::program(plan).map(str::to_owned));
    InstallMethod {
        packages: &["podman"],
        install: None,
        command,
        service: format!("ExecStart={MEMBER_SCRIPT}\nKillMode=mixed\n"),
        user: false,
    }
}

fn unit(plan: &Plan, service: &str) -> String {
    let version = plan.version();
    let cluster = &plan.name;
    format!(
        "\
[Unit]
Description=etcd {version}, a member of the cluster {cluster}
Documentation=https://etcd.io/docs/
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
StateDirectory=etcd
StateDirectoryMode=0700
{service}Restart=on-failure
RestartSec=5
RestartPreventExitStatus={NOT_A_MEMBER} {LOST_DATA}
TimeoutStartSec=10min
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"
    )
}

/// etcd needs its data, the network and the journal; it gets nothing else.
const SANDBOX: &str = "\
User=etcd
Group=etcd
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
";
