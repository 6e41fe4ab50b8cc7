//! The flags that a member's etcd is started with, which depend on the version that runs.
//!
//! Flags that would only repeat etcd's default are left out, so that every flag means something.
//! `initial-cluster-state` is the exception, because it changes during a cluster's life.

use super::{Member, Plan};
use crate::values::{Compaction, EtcdVersion};

/// The flags that differ between members. For a process on this host they are literal; in a text that serves
/// several machines, each value may hold a placeholder that the machine fills in, such as `%H`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFlags {
    /// The member's name.
    pub name: String,
    /// Its data folder.
    pub data_dir: String,
    /// The URLs where it accepts clients, separated by commas.
    pub listen_client_urls: String,
    /// The URLs that it gives to clients.
    pub advertise_client_urls: String,
    /// The URLs where it accepts other members.
    pub listen_peer_urls: String,
    /// The URLs that it gives to the other members.
    pub initial_advertise_peer_urls: String,
    /// The members of the cluster that it starts with, as `name=peer URL`, separated by commas.
    pub initial_cluster: String,
    /// Whether it founds that cluster or joins it.
    pub initial_cluster_state: String,
    /// Its certificate, if the plan has TLS.
    pub certificate: Certificate,
}

/// The files with which a program proves who it is, and knows the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The certificates of the authorities that it trusts.
    pub authorities: String,
    /// Its own certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// The folder of a member's certificate on its machine. Only root and etcd's user can read it.
pub const MACHINE_PKI: &str = "/etc/etcd-pki";

impl Certificate {
    /// The certificate of the member, on its machine.
    pub fn on_machine() -> Self {
        Self {
            authorities: format!("{MACHINE_PKI}/ca.crt"),
            certificate: format!("{MACHINE_PKI}/member.crt"),
            key: format!("{MACHINE_PKI}/member.key"),
        }
    }

    /// The options that name it to curl on a machine, as two halves of a line. Without `--capath`, curl would also trust
    /// the authorities of the system.
    pub(crate) fn curl_options(&self) -> [String; 2] {
        let [authorities, certificate, key] = self.files();
        [
            format!("--disable --http1.1 --cacert {authorities} --capath {MACHINE_PKI}"),
            format!("--cert {certificate} --key {key}"),
        ]
    }

    /// Its files.
    pub fn files(&self) -> [&str; 3] {
        [&self.authorities, &self.certificate, &self.key]
    }

    /// The environment variables that name it to etcdctl from 3.0 on.
    pub fn etcdctl_variables(&self) -> [(&'static str, &str); 3] {
        [
            ("ETCDCTL_CACERT", &self.authorities),
            ("ETCDCTL_CERT", &self.certificate),
            ("ETCDCTL_KEY", &self.key),
        ]
    }
}

impl MemberFlags {
    /// A member that listens only on its own address, without a certificate.
    pub fn at(
        plan: &Plan,
        member: &Member,
        data_dir: impl Into<String>,
        state: InitialState,
    ) -> Self {
        Self {
            name: member.name.to_string(),
            data_dir: data_dir.into(),
            listen_client_urls: member.client_url(),
            advertise_client_urls: member.client_url(),
            listen_peer_urls: member.peer_url(),
            initial_advertise_peer_urls: member.peer_url(),
            initial_cluster: plan.initial_cluster(),
            initial_cluster_state: state.as_str().to_owned(),
            certificate: Certificate::default(),
        }
    }
}

/// Whether a member founds its cluster or joins an existing one. etcd reads it only while the data folder is
/// empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialState {
    /// It founds the cluster together with the others.
    New,
    /// The cluster exists, and has this member in its list.
    Existing,
}

impl InitialState {
    /// The value as etcd spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Existing => "existing",
        }
    }
}

/// A flag of etcd and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without dashes.
    pub name: String,
    /// The value as etcd reads it.
    pub value: String,
    /// Where the value comes from.
    pub origin: FlagOrigin,
}

/// Where a flag's value comes from. Renderers need it: only [`MemberFlags`] may hold placeholders that the
/// machine fills in, everything else is literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagOrigin {
    /// From [`MemberFlags`]: it may hold placeholders.
    MemberFlags,
    /// From the plan, the same for all members.
    Plan,
    /// From the definition's own `flags`.
    Definition,
}

impl Flag {
    /// The flag's words on a command line: `-name value` as etcd 2.x documents it, `--name=value` since 3.0.
    pub fn words(&self, version: EtcdVersion) -> Vec<String> {
        let Self { name, value, .. } = self;
        if !version.is_v2() {
            vec![format!("--{name}={value}")]
        } else if matches!(value.as_str(), "true" | "false") {
            // Go reads the word after a boolean flag as the first argument, not as the flag's value.
            vec![format!("-{name}={value}")]
        } else {
            vec![format!("-{name}"), value.clone()]
        }
    }
}

/// Every flag of a member, in a fixed order: its identity, the other members, its behavior, and last the
/// definition's own flags. A flag that the definition sets replaces ours.
pub fn flags(plan: &Plan, myself: &MemberFlags) -> Vec<Flag> {
    let mut flags = Chosen::default();
    for (name, value) in [
        ("data-dir", &myself.data_dir),
        ("name", &myself.name),
        ("listen-client-urls", &myself.listen_client_urls),
        ("advertise-client-urls", &myself.advertise_client_urls),
        ("listen-peer-urls", &myself.listen_peer_urls),
        (
            "initial-advertise-peer-urls",
            &myself.initial_advertise_peer_urls,
        ),
        ("initial-cluster", &myself.initial_cluster),
    ] {
        flags.add(name, value, FlagOrigin::MemberFlags);
    }
    if !plan.etcd.token.is_etcd_default() {
        flags.set("initial-cluster-token", plan.etcd.token.as_str());
    }
    let state = &myself.initial_cluster_state;
    flags.add("initial-cluster-state", state, FlagOrigin::MemberFlags);
    if plan.etcd.tls {
        tls(&myself.certificate, &mut flags);
    }
    timing(plan, &mut flags);
    storage(plan, &mut flags);
    safety(plan, &mut flags);
    for (name, value) in &plan.etcd.flags {
        flags.replace(name.as_str(), value.as_str());
    }
    flags.0
}

/// The words of all flags, in their order.
pub fn words(flags: &[Flag], version: EtcdVersion) -> Vec<String> {
    flags.iter().flat_map(|flag| flag.words(version)).collect()
}

const DEFAULT_HEARTBEAT_INTERVAL: u32 = 100;
const DEFAULT_ELECTION_TIMEOUT: u32 = 1000;
const FEATURE_GATES: &str = "feature-gates";

/// The gates to enable, and the flag that each replaced.
const GATES: &[(&str, &str)] = &[
    (
        "CompactHashCheck=true",
        "experimental-compact-hash-check-enabled",
    ),
    (
        "InitialCorruptCheck=true",
        "experimental-initial-corrupt-check",
    ),
];

#[derive(Default)]
struct Chosen(Vec<Flag>);

impl Chosen {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.add(name, value, FlagOrigin::Plan);
    }

    fn add(&mut self, name: &str, value: impl Into<String>, origin: FlagOrigin) {
        self.0.push(Flag {
            name: name.to_owned(),
            value: value.into(),
            origin,
        });
    }

    fn replace(&mut self, name: &str, value: &str) {
        let ours = self.0.iter().position(|flag| flag.name == name);
        let ours = ours.map(|index| self.0.remove(index));
        let value = match ours {
            Some(ours) if name == FEATURE_GATES => gates(&ours.value, value),
            _ => value.to_owned(),
        };
        self.add(name, value, FlagOrigin::Definition);
    }
}

/// Our gates that the definition does not decide, then the definition's.
fn gates(ours: &str, theirs: &str) -> String {
    let gate = |pair: &str| pair.split('=').next().map(str::to_owned);
    let decided: Vec<Option<String>> = theirs.split(',').map(gate).collect();
    let mut all: Vec<&str> = ours
        .split(',')
        .filter(|pair| !decided.contains(&gate(pair)))
        .collect();
    all.push(theirs);
    all.join(",")
}

/// Mutual TLS on both ports: etcd accepts only clients and members with a certificate of these authorities.
fn tls(myself: &Certificate, flags: &mut Chosen) {
    for port in ["", "peer-"] {
        for (name, file) in [
            ("cert-file", &myself.certificate),
            ("key-file", &myself.key),
            ("trusted-ca-file", &myself.authorities),
        ] {
            flags.add(&format!("{port}{name}"), file, FlagOrigin::MemberFlags);
        }
    }
    flags.set("client-cert-auth", "true");
    flags.set("peer-client-cert-auth", "true");
}

fn timing(plan: &Plan, flags: &mut Chosen) {
    if plan.etcd.heartbeat_interval != DEFAULT_HEARTBEAT_INTERVAL {
        let milliseconds = plan.etcd.heartbeat_interval;
        flags.set("heartbeat-interval", milliseconds.to_string());
    }
    if plan.etcd.election_timeout != DEFAULT_ELECTION_TIMEOUT {
        let milliseconds = plan.etcd.election_timeout;
        flags.set("election-timeout", milliseconds.to_string());
    }
}

/// History and quota exist only since the v3 storage.
fn storage(plan: &Plan, flags: &mut Chosen) {
    let minor = plan.version().minor_release();
    if minor < (3, 0) {
        return;
    }
    match plan.etcd.auto_compaction {
        Compaction::Minutes(minutes) if minor < (3, 3) => {
            // Whole hours only. Rounding up keeps more history, never less.
            let hours = minutes.div_ceil(60);
            flags.set("auto-compaction-retention", hours.to_string());
        }
        Compaction::Minutes(minutes) => {
            flags.set("auto-compaction-mode", "periodic");
            flags.set("auto-compaction-retention", duration(minutes));
        }
        Compaction::Revisions(kept) if minor >= (3, 3) => {
            flags.set("auto-compaction-mode", "revision");
            flags.set("auto-compaction-retention", kept.to_string());
        }
        Compaction::Off | Compaction::Revisions(_) => {}
    }
    if let Some(bytes) = plan.etcd.quota {
        flags.set("quota-backend-bytes", bytes.to_string());
    }
}

/// A duration as Go reads it.
fn duration(minutes: u32) -> String {
    if minutes.is_multiple_of(60) {
        format!("{}h", minutes / 60)
    } else {
        format!("{minutes}m")
    }
}

/// Flags that enable what later versions do by default, or should: refuse a membership change that costs the
/// quorum, check for corruption, and write one structured log line per event.
fn safety(plan: &Plan, flags: &mut Chosen) {
    let version = plan.version();
    let minor = version.minor_release();
    if ((2, 2)..(3, 1)).contains(&minor) {
        flags.set("strict-reconfig-check", "true");
    }
    if minor == (3, 4) {
        flags.set("logger", "zap");
    }
    if plan.fleet && [(3, 4), (3, 5)].contains(&minor) {
        flags.set("enable-v2", "true");
    }
    if ((3, 3)..(3, 6)).contains(&minor) {
        flags.set("experimental-initial-corrupt-check", "true");
    }
    if (EtcdVersion::new(3, 5, 5)..EtcdVersion::new(3, 6, 0)).contains(&version) {
        flags.set("experimental-compact-hash-check-enabled", "true");
    }
    // etcd refuses a gate beside the flag that it replaced.
    let decided = |flag: &str| {
        plan.etcd
            .flags
            .iter()
            .any(|(name, _)| name.as_str() == flag)
    };
    let gates: Vec<&str> = GATES
        .iter()
        .filter(|(_, replaced)| !decided(replaced))
        .map(|(gate, _)| *gate)
        .collect();
    if minor >= (3, 6) && !gates.is_empty() {
        flags.set(FEATURE_GATES, gates.join(","));
    }
}
