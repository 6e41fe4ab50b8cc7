//! The tables `[machine]` and `[etcd]`, with everything about a key in one row.

use std::sync::Arc;

use super::choice::choice;
use super::keys::{CHECKSUM, FOLDER, Key, PORT, SCALAR, Shape, number, table, text};
use super::setting::Setting;
use super::{Definition, ExtraFlag, ForwardedPort, SharedFolder, tables};
use crate::extra_user_data::ExtraUserData;
use crate::profile::{PROFILES, Profile, Runtime};
use crate::values::{
    Architecture, Channel, Compaction, EtcdVersion, FlagName, FlagValue, GuestFolder, HostFile,
    HostFolder, ImageName, ImageVersion, ReleaseUrl, Sha256, Token, UserDataFile, Virtualization,
    quantity,
};

/// Generates three things from each row: a field of the definition with its default; a field of the plan,
/// with the same type and value unless the row ends in `planned`; and the entry in the table of keys, which
/// holds the default as one would write it, the allowed values, and how a value is read.
macro_rules! section {
    (
        $(#[$about:meta])*
        $section:ident: $written:ident, $planned:ident, $keys:ident;
        $(
            $(#[$more:meta])*
            $doc:literal
            $field:ident: $type:ty = $default:expr, shown $shown:literal,
            $shape:expr, |$found:ident| $read:expr
            $(, planned $plan_type:ty: |$definition:ident| $plan:expr)?;
        )*
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $written {
            $( #[doc = $doc] $(#[$more])* pub $field: Setting<$type>, )*
        }

        impl Default for $written {
            fn default() -> Self {
                Self { $( $field: Setting::default($default), )* }
            }
        }

        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $planned {
            $( #[doc = $doc] $(#[$more])* pub $field: first!($($plan_type)? $type), )*
        }

        impl From<&Definition> for $planned {
            fn from(definition: &Definition) -> Self {
                Self {
                    $( $field: first!(
                        $({ let $definition = definition; $plan })?
                        { Clone::clone(definition.$section.$field.get()) }
                    ), )*
                }
            }
        }

        pub(super) static $keys: &[Key] = &[
            $( Key {
                path: concat!(stringify!($section), ".", stringify!($field)),
                shape: $shape,
                default: $shown,
                doc: $doc,
                read: |definition, $found| {
                    let value = $read;
                    definition.$section.$field.set($found.span(), value);
                },
            }, )*
        ];
    };
}

macro_rules! first {
    ($first:tt $($others:tt)*) => {
        $first
    };
}

section! {
    /// What each member's machine is like.
    machine: Machine, PlannedMachine, MACHINE;

    "The operating system of the machines."
    profile: &'static Profile = PROFILES[0], shown "\"debian-13\"",
    choice::<&Profile>(), |found| found.choice();

    "The system's release channel. Only Flatcar and CoreOS have channels."
    channel: Option<Channel> = None, shown "",
    text("stable"), |found| found.text().map(Some);

    "The version of the system's image, instead of the one that the profile pins."
    image_version: Option<ImageVersion> = None, shown "",
    text("4230.2.2"), |found| found.text().map(Some);

    "Each machine's memory in MiB."
    memory: u32 = 1024, shown "1024",
    number(128, 1_048_576, "MiB"), |found| found.number();

    "The number of each machine's processors."
    cpus: u32 = 1, shown "1",
    number(1, 256, ""), |found| found.number();

    "How libvirt runs a machine's processors: on this host's own with `kvm`, or with the far \
     slower emulation of `qemu`. Without it, `kvm` if this host has it."
    virtualization: Option<Virtualization> = None, shown "",
    choice::<Virtualization>(), |found| found.choice().map(Some);

    "A cloud-config beside this file, as in `my-units.yaml`, that is merged into the machines' \
     user-data."
    user_data: Option<UserDataFile> = None, shown "",
    text("my-units.yaml"), |found| found.text().map(Some),
    planned Option<Arc<ExtraUserData>>: |definition| definition.extra_user_data.clone();

    "Whether each machine's serial console is written to a file."
    serial_log: bool = false, shown "false",
    Shape::Boolean, |found| found.boolean();

    /// Sorted by the machine's port.
    "Ports of the machines that this host also serves: `2379 = 12379`, the machine's first."
    forwarded_ports: Vec<ForwardedPort> = Vec::new(), shown "{}",
    table("^[1-9][0-9]{0,4}$", &PORT), |found| tables::forwarded_ports(found),
    planned Vec<(u16, u16)>: |definition| forwarded_ports(definition);

    /// Sorted by the host's folder.
    "Folders of this host that are shared with the machines: `\"./shared\" = \"/srv/shared\"`, the \
     host's first."
    shared_folders: Vec<SharedFolder> = Vec::new(), shown "{}",
    table("^.+$", &FOLDER), |found| tables::shared_folders(found),
    planned Vec<(HostFolder, GuestFolder)>: |definition| shared_folders(definition);
}

section! {
    /// What etcd each member runs, and how.
    etcd: Etcd, PlannedEtcd, ETCD;

    "The full version of etcd. Flags, checks and file formats follow from it. Without it, \
     the profile's default."
    version: EtcdVersion = PROFILES[0].usual_etcd, shown "",
    text("3.6.14"), |found| found.text();

    "How a machine gets and runs etcd: from the `release` tarball, as a `container`, from \
     the distribution's `package`, or as the system's `built-in` unit. Without it, the profile's default."
    runtime: Runtime = PROFILES[0].runtimes[0], shown "",
    choice::<Runtime>(), |found| found.choice();

    "The container image without its tag, instead of the official one."
    image: Option<ImageName> = None, shown "",
    text("quay.io/coreos/etcd"), |found| found.text().map(Some);

    "The URL that release tarballs are downloaded from, such as a mirror."
    release_url: ReleaseUrl = ReleaseUrl::official(),
    shown "\"https://github.com/etcd-io/etcd/releases/download\"",
    text("https://mirror.example/etcd"), |found| found.text();

    "The release tarball's SHA-256 for each architecture (`amd64`, `arm64`), for a release \
     that this project does not know."
    sha256: Vec<(Architecture, Sha256)> = Vec::new(), shown "{}",
    table("^(amd64|arm64)$", &CHECKSUM), |found| tables::checksums(found);

    "The port on which every member serves clients. Ports below 1024 are reserved for root."
    client_port: u16 = 2379, shown "2379",
    number(1024, 65535, ""), |found| found.number();

    "The port that the members use among themselves. It is part of the cluster's identity."
    peer_port: u16 = 2380, shown "2380",
    number(1024, 65535, ""), |found| found.number();

    "Whether clients and members need certificates: mutual TLS on both ports, with keys that \
     `up` makes. It is part of the cluster's identity."
    tls: bool = false, shown "false",
    Shape::Boolean, |found| found.boolean();

    "A folder with the certificate authority of your own, as `ca.crt` and `ca.key`, instead of one that \
     `up` makes. A relative path starts at this file."
    authority: Option<HostFolder> = None, shown "",
    text("~/etcd-authority"), |found| found.text().map(Some);

    "A file with the user as whom tasks query a cluster with authentication, as `name:password`. Only \
     you may read it. `ETCDCTL_USER` comes first."
    credentials: Option<HostFile> = None, shown "",
    text("~/etcd-root"), |found| found.text().map(Some);

    "etcd's `initial-cluster-token`, which is part of the cluster's identity. Without it, the \
     definition's name and its generation."
    token: Option<Token> = None, shown "",
    text("my-cluster"), |found| found.text().map(Some),
    planned Token: |definition| token(definition);

    "A number to raise to re-create the cluster under a new identity, which no old member can join."
    generation: Option<u32> = None, shown "",
    number(1, 4_294_967_295, ""), |found| found.number().map(Some);

    "Milliseconds between the leader's heartbeats: about the round-trip time between members."
    heartbeat_interval: u32 = 100, shown "100",
    number(1, 10_000, "ms"), |found| found.number();

    "Milliseconds without a heartbeat after which a follower calls an election: at least \
     five heartbeats, at most 50 s."
    election_timeout: u32 = 1000, shown "1000",
    number(1, 50_000, "ms"), |found| found.number();

    /// In bytes.
    "The size of the database at which etcd refuses writes, as in `\"2GiB\"`, or in bytes. \
     Without it, etcd's default of 2 GiB."
    quota: Option<u64> = None, shown "",
    Shape::NumberOrText { example: "2GiB" },
    |found| found.number_or_text(|number| quantity::bytes(&number.to_string()), quantity::bytes).map(Some);

    "How much history etcd keeps: a time, as in `\"1h\"` or `\"30m\"`, or a number of \
     revisions, as in `25000`; `\"off\"` keeps all of it until the quota is reached."
    auto_compaction: Compaction = Compaction::Minutes(60), shown "\"1h\"",
    Shape::NumberOrText { example: "1h" },
    |found| found.number_or_text(Compaction::revisions, str::parse);

    /// In the file's order.
    "Additional flags of etcd, by their names without dashes, as in `snapshot-count = 10000`."
    flags: Vec<ExtraFlag> = Vec::new(), shown "{}",
    table("^[a-z0-9][a-z0-9-]*$", &SCALAR), |found| tables::flags(found),
    planned Vec<(FlagName, FlagValue)>: |definition| flags(definition);
}

fn forwarded_ports(definition: &Definition) -> Vec<(u16, u16)> {
    let ports = definition.machine.forwarded_ports.get().iter();
    ports
        .map(|port| (*port.guest.get(), *port.host.get()))
        .collect()
}

fn shared_folders(definition: &Definition) -> Vec<(HostFolder, GuestFolder)> {
    let folders = definition.machine.shared_folders.get().iter();
    folders
        .map(|folder| (folder.host.get().clone(), folder.guest.get().clone()))
        .collect()
}

fn flags(definition: &Definition) -> Vec<(FlagName, FlagValue)> {
    let flags = definition.etcd.flags.get().iter();
    flags
        .map(|flag| (flag.name.get().clone(), flag.value.get().clone()))
        .collect()
}

/// The token, from which etcd derives the identity. By default it is the cluster's name and generation (etcd
/// issue 9630: the same token lets a wiped majority form an empty cluster under the old identity).
fn token(definition: &Definition) -> Token {
    let etcd = &definition.etcd;
    match (etcd.token.get(), etcd.generation.get()) {
        (Some(token), None) => token.clone(),
        (Some(token), Some(generation)) => token.of_generation(*generation),
        (None, generation) => Token::from(&definition.name).of_generation(generation.unwrap_or(1)),
    }
}
