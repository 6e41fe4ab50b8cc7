//! Every key of a definition, in one table. The reader, the JSON Schema and the manual are derived from it.

use super::choice::choice;
use super::reader::Found;
use super::sections::{ETCD, MACHINE};
use super::{Definition, members};
use crate::values::DriverName;

/// A key of a definition.
#[derive(Debug)]
pub struct Key {
    /// Its path: `etcd.version` is `version` in the table `[etcd]`.
    pub path: &'static str,
    /// What may be written.
    pub shape: Shape,
    /// The default, as one would write it; empty if it is not a plain value.
    pub default: &'static str,
    /// What the key decides, in a sentence or two.
    pub doc: &'static str,
    /// Reads the written value into the definition, or reports why that is impossible.
    pub(super) read: fn(&mut Definition, &mut Found<'_, '_, '_>),
}

/// What may be written as a value.
#[derive(Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits, in a unit that may be empty.
    Number {
        /// The lower limit, inclusive.
        least: i64,
        /// The upper limit, inclusive.
        most: i64,
        /// The unit, as in `MiB`; empty for a plain number.
        unit: &'static str,
    },
    /// Text, of which this is an example.
    Text {
        /// A valid value, without its quotes.
        example: &'static str,
    },
    /// One of a few words.
    Choice(fn() -> Vec<&'static str>),
    /// A whole number, or text of which this is an example.
    NumberOrText {
        /// A valid text, without its quotes.
        example: &'static str,
    },
    /// A number of members, or a list of tables with a name and an address.
    Members,
    /// A table whose keys the author chooses, each with such a value.
    Table {
        /// The form of its keys, as a regular expression.
        keys: &'static str,
        /// The shape of its values.
        values: &'static Shape,
    },
    /// Text, a whole number, or `true` or `false`.
    Scalar,
}

pub(super) static SECTION: Shape = table("", &SCALAR);
pub(super) static PORT: Shape = number(1, 65535, "");
pub(super) static CHECKSUM: Shape =
    text("ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5");
pub(super) static FOLDER: Shape = text("/srv/shared");
pub(super) static SCALAR: Shape = Shape::Scalar;

pub(super) const fn number(least: i64, most: i64, unit: &'static str) -> Shape {
    Shape::Number { least, most, unit }
}

pub(super) const fn text(example: &'static str) -> Shape {
    Shape::Text { example }
}

pub(super) const fn table(keys: &'static str, values: &'static Shape) -> Shape {
    Shape::Table { keys, values }
}

/// Every key, in the order of the manual.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    TOP.iter().chain(MACHINE).chain(ETCD)
}

static TOP: &[Key] = &[
    Key {
        path: "members",
        shape: Shape::Members,
        default: "3",
        doc: "The number of members, or a list of `[[members]]`, each with a `name` and \
              an `address`.",
        read: |d, found| members::read(d, found),
    },
    Key {
        path: "name_prefix",
        shape: text("core"),
        default: "\"core\"",
        doc: "The start of the names of counted members: `core` gives `core-01`, `core-02`, ….",
        read: |d, found| d.name_prefix.set(found.span(), found.text()),
    },
    Key {
        path: "driver",
        shape: choice::<DriverName>(),
        default: "",
        doc: "How the members run: `vagrant` on virtual machines, `local` as processes on this \
              host's loopback addresses. Without it, `up` chooses.",
        read: |d, found| d.driver.set(found.span(), found.choice().map(Some)),
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
        shape: text("192.168.56.0/24"),
        default: "\"192.168.56.0/24\"",
        doc: "The private network of the members. VirtualBox allows 192.168.56.0/21 unless \
              /etc/vbox/networks.conf allows more.",
        read: |d, found| d.network.subnet.set(found.span(), found.text()),
    },
    Key {
        path: "network.first_host",
        shape: number(0, 16_777_213, ""),
        default: "101",
        doc: "The host number of the first counted member in the subnet: 101 gives 192.168.56.101.",
        read: |d, found| d.network.first_host.set(found.span(), found.number()),
    },
];
