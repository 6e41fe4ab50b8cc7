//! Every key of a definition, in one table: from it follow the reader, the JSON Schema and the manual.

use super::reader::Found;
use super::{Definition, members, tables};
use crate::profile::{PROFILES, Profile, Runtime};
use crate::values::{DriverName, Virtualization, quantity};

/// A key of a definition.
#[derive(Debug)]
pub struct Key {
    /// Its place: `etcd.version` is `version` in the table `[etcd]`.
    pub path: &'static str,
    /// What may be written.
    pub shape: Shape,
    /// What holds where nothing is written, as one would write it; empty where that takes words.
    pub default: &'static str,
    /// What it decides, in a sentence or two.
    pub doc: &'static str,
    /// Reads it.
    pub(super) read: fn(&mut Definition, &mut Found<'_, '_, '_>),
}

/// What may be written as a value.
#[derive(Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits, in a unit that may be empty.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
        /// What is counted.
        unit: &'static str,
    },
    /// Text, of which this is an example.
    Text {
        /// An example.
        example: &'static str,
    },
    /// One of a few words.
    Choice(fn() -> Vec<&'static str>),
    /// A whole number, or text of which this is an example.
    NumberOrText {
        /// An example.
        example: &'static str,
    },
    /// A number of members, or a list of tables with a name and an address.
    Members,
    /// A table whose keys are the author's, each with such a value.
    Table {
        /// What its keys are, as a regular expression.
        keys: &'static str,
        /// What its values are.
        values: &'static Shape,
    },
    /// Text, a whole number, or `true` or `false`.
    Scalar,
}

/// A table of keys.
pub(super) static SECTION: Shape = Shape::Table {
    keys: "",
    values: &SCALAR,
};
/// A port number.
pub(super) static PORT: Shape = Shape::Number {
    least: 1,
    most: 65535,
    unit: "",
};
/// A SHA-256.
pub(super) static CHECKSUM: Shape = Shape::Text {
    example: "ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5",
};
/// A folder of a machine.
pub(super) static FOLDER: Shape = Shape::Text {
    example: "/srv/shared",
};
/// A flag's value.
pub(super) static SCALAR: Shape = Shape::Scalar;

/// Every key, in the order in which a manual shows them.
pub static KEYS: &[Key] = &[
    Key {
        path: "members",
        shape: Shape::Members,
        default: "3",
        doc: "How many members the cluster has, or a list of `[[members]]`, each with a `name` and \
              an `address`.",
        read: |d, found| members::read(d, found),
    },
    Key {
        path: "name_prefix",
        shape: Shape::Text { example: "core" },
        default: "\"core\"",
        doc: "What the names of counted members start with: `core` gives `core-01`, `core-02`, ….",
        read: |d, found| d.name_prefix.set(found.span(), found.text()),
    },
    Key {
        path: "driver",
        shape: Shape::Choice(|| {
            DriverName::ALL
                .iter()
                .map(|driver| driver.as_str())
                .collect()
        }),
        default: "",
        doc: "What runs the members: `vagrant` runs them on virtual machines, `local` as processes \
              on this host's loopback addresses. Without it, `up` chooses.",
        read: |d, found| {
            let all: Vec<_> = DriverName::ALL
                .iter()
                .map(|&driver| (driver.as_str(), driver))
                .collect();
            d.driver.set(found.span(), found.choice(&all).map(Some));
        },
    },
    Key {
        path: "fleet",
        shape: Shape::Boolean,
        default: "false",
        doc: "Whether fleet, the unit scheduler of CoreOS, runs beside etcd. It needs etcd's v2 API.",
        read: |d, found| d.fleet.set(found.span(), found.boolean()),
    },
    Key {
        path: "network.subnet",
        shape: Shape::Text {
            example: "192.168.56.0/24",
        },
        default: "\"192.168.56.0/24\"",
        doc: "The private network that the members share. VirtualBox allows 192.168.56.0/21 unless \
              /etc/vbox/networks.conf says more.",
        read: |d, found| d.network.subnet.set(found.span(), found.text()),
    },
    Key {
        path: "network.first_host",
        shape: Shape::Number {
            least: 0,
            most: 16_777_213,
            unit: "",
        },
        default: "101",
        doc: "The host number of the first counted member in its subnet: 101 gives 192.168.56.101.",
        read: |d, found| d.network.first_host.set(found.span(), found.number()),
    },
    Key {
        path: "machine.profile",
        shape: Shape::Choice(|| PROFILES.iter().map(|profile| profile.id).collect()),
        default: "\"debian-13\"",
        doc: "The operating system of the machines.",
        read: |d, found| {
            let all: Vec<(_, &'static Profile)> = PROFILES
                .iter()
                .map(|&profile| (profile.id, profile))
                .collect();
            d.machine.profile.set(found.span(), found.choice(&all));
        },
    },
    Key {
        path: "machine.channel",
        shape: Shape::Text { example: "stable" },
        default: "",
        doc: "The system's release channel, where it has channels: Flatcar and CoreOS do.",
        read: |d, found| d.machine.channel.set(found.span(), found.text().map(Some)),
    },
    Key {
        path: "machine.image_version",
        shape: Shape::Text {
            example: "4230.2.2",
        },
        default: "",
        doc: "The version of the system's image, in the place of the one that the profile pins.",
        read: |d, found| {
            d.machine
                .image_version
                .set(found.span(), found.text().map(Some));
        },
    },
    Key {
        path: "machine.memory",
        shape: Shape::Number {
            least: 128,
            most: 1_048_576,
            unit: "MiB",
        },
        default: "1024",
        doc: "Each machine's memory in MiB.",
        read: |d, found| d.machine.memory.set(found.span(), found.number()),
    },
    Key {
        path: "machine.cpus",
        shape: Shape::Number {
            least: 1,
            most: 256,
            unit: "",
        },
        default: "1",
        doc: "Each machine's processors.",
        read: |d, found| d.machine.cpus.set(found.span(), found.number()),
    },
    Key {
        path: "machine.virtualization",
        shape: Shape::Choice(|| {
            let all = Virtualization::ALL.iter();
            all.map(|virtualization| virtualization.as_str()).collect()
        }),
        default: "",
        doc: "What a machine's processors run on under libvirt: this host's own by `kvm`, or the \
              far slower emulation of `qemu`. Without it, `kvm` where this host has it.",
        read: |d, found| {
            let all: Vec<_> = Virtualization::ALL
                .iter()
                .map(|&virtualization| (virtualization.as_str(), virtualization))
                .collect();
            d.machine
                .virtualization
                .set(found.span(), found.choice(&all).map(Some));
        },
    },
    Key {
        path: "machine.serial_log",
        shape: Shape::Boolean,
        default: "false",
        doc: "Whether each machine's serial console is kept in a file.",
        read: |d, found| d.machine.serial_log.set(found.span(), found.boolean()),
    },
    Key {
        path: "machine.forwarded_ports",
        shape: Shape::Table {
            keys: "^[1-9][0-9]{0,4}$",
            values: &PORT,
        },
        default: "{}",
        doc: "Ports of the machines that this host serves too: `2379 = 12379`, the machine's first.",
        read: |d, found| {
            let ports = tables::forwarded_ports(found);
            d.machine.forwarded_ports.set(found.span(), ports);
        },
    },
    Key {
        path: "machine.shared_folders",
        shape: Shape::Table {
            keys: "^.+$",
            values: &FOLDER,
        },
        default: "{}",
        doc: "Folders of this host that the machines see: `\"./shared\" = \"/srv/shared\"`, the \
              host's first.",
        read: |d, found| {
            let folders = tables::shared_folders(found);
            d.machine.shared_folders.set(found.span(), folders);
        },
    },
    Key {
        path: "etcd.version",
        shape: Shape::Text { example: "3.6.14" },
        default: "",
        doc: "The version of etcd, in full. Its flags, checks and file formats follow from it. \
              Without it, the profile's usual one.",
        read: |d, found| d.etcd.version.set(found.span(), found.text()),
    },
    Key {
        path: "etcd.runtime",
        shape: Shape::Choice(|| {
            Runtime::ALL
                .iter()
                .map(|runtime| runtime.as_str())
                .collect()
        }),
        default: "",
        doc: "How a machine gets and runs etcd: from the `release` tarball, as a `container`, from \
              the distribution's `package`, or as the system's `built-in` unit. Without it, the \
              profile's usual way.",
        read: |d, found| {
            let all: Vec<_> = Runtime::ALL
                .iter()
                .map(|&runtime| (runtime.as_str(), runtime))
                .collect();
            d.etcd.runtime.set(found.span(), found.choice(&all));
        },
    },
    Key {
        path: "etcd.image",
        shape: Shape::Text {
            example: "quay.io/coreos/etcd",
        },
        default: "",
        doc: "The container image without its tag, in the place of the official one.",
        read: |d, found| d.etcd.image.set(found.span(), found.text().map(Some)),
    },
    Key {
        path: "etcd.release_url",
        shape: Shape::Text {
            example: "https://mirror.example/etcd",
        },
        default: "\"https://github.com/etcd-io/etcd/releases/download\"",
        doc: "Where release tarballs are downloaded from, for a mirror.",
        read: |d, found| d.etcd.release_url.set(found.span(), found.text().map(Some)),
    },
    Key {
        path: "etcd.sha256",
        shape: Shape::Table {
            keys: "^(amd64|arm64)$",
            values: &CHECKSUM,
        },
        default: "{}",
        doc: "The release tarball's SHA-256 by architecture (`amd64`, `arm64`), for a release that \
              this project does not know.",
        read: |d, found| {
            let checksums = tables::checksums(found);
            d.etcd.sha256.set(found.span(), checksums);
        },
    },
    Key {
        path: "etcd.token",
        shape: Shape::Text {
            example: "my-cluster",
        },
        default: "",
        doc: "etcd's `initial-cluster-token`, a part of the cluster's identity. Without it, the \
              definition's name and its generation.",
        read: |d, found| d.etcd.token.set(found.span(), found.text().map(Some)),
    },
    Key {
        path: "etcd.generation",
        shape: Shape::Number {
            least: 1,
            most: 4_294_967_295,
            unit: "",
        },
        default: "",
        doc: "Raised to recreate the cluster under a new identity, so that no old member can join it.",
        read: |d, found| {
            d.etcd
                .generation
                .set(found.span(), found.number().map(Some));
        },
    },
    Key {
        path: "etcd.heartbeat_interval",
        shape: Shape::Number {
            least: 1,
            most: 10_000,
            unit: "ms",
        },
        default: "100",
        doc: "Milliseconds between the leader's heartbeats: about a round trip between members.",
        read: |d, found| d.etcd.heartbeat_interval.set(found.span(), found.number()),
    },
    Key {
        path: "etcd.election_timeout",
        shape: Shape::Number {
            least: 1,
            most: 50_000,
            unit: "ms",
        },
        default: "1000",
        doc: "Milliseconds without a heartbeat until a follower calls an election: at least five \
              heartbeats, at most 50 s.",
        read: |d, found| d.etcd.election_timeout.set(found.span(), found.number()),
    },
    Key {
        path: "etcd.quota",
        shape: Shape::NumberOrText { example: "2GiB" },
        default: "",
        doc: "The size at which the database refuses writes, as in `\"2GiB\"`, or in bytes. Without \
              it, etcd's own 2 GiB.",
        read: |d, found| {
            let quota = found.whole_number_or(quantity::bytes);
            d.etcd.quota.set(found.span(), quota.map(Some));
        },
    },
    Key {
        path: "etcd.auto_compaction",
        shape: Shape::Text { example: "1h" },
        default: "\"1h\"",
        doc: "How much history etcd keeps, as in `\"1h\"` or `\"30m\"`; `\"off\"` keeps all of it \
              until the quota is reached.",
        read: |d, found| {
            let retention = found.parsed(|text| match text {
                "off" => Ok(None),
                text => quantity::minutes(text).map(Some),
            });
            d.etcd.auto_compaction.set(found.span(), retention);
        },
    },
    Key {
        path: "etcd.flags",
        shape: Shape::Table {
            keys: "^[a-z0-9][a-z0-9-]*$",
            values: &SCALAR,
        },
        default: "{}",
        doc: "Further flags of etcd by their names without dashes, as in `snapshot-count = 10000`.",
        read: |d, found| {
            let flags = tables::flags(found);
            d.etcd.flags.set(found.span(), flags);
        },
    },
];

impl Shape {
    /// An example of the value, as text.
    pub(super) const fn example(&self) -> &'static str {
        match self {
            Self::Text { example } | Self::NumberOrText { example } => example,
            _ => "",
        }
    }
}
