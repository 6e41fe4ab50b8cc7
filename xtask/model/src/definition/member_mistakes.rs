//! Mistakes in a list of members. The same mistake in several members is reported once, with all places.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

use super::member_address::WrittenAddress;
use crate::report::{Diagnostic, Source};
use crate::values::Subnet;
use crate::wording::list_of_words;

type Places = Vec<Range<usize>>;

/// The places of each mistake.
#[derive(Debug)]
pub(super) struct Mistakes {
    subnet: Subnet,
    pub(super) not_tables: Places,
    pub(super) no_name: Places,
    pub(super) no_address: Places,
    host_names: Places,
    ipv6: Places,
    inside: Vec<(Range<usize>, Ipv4Addr)>,
    unknown_keys: Vec<UnknownKey>,
}

#[derive(Debug)]
struct UnknownKey {
    key: String,
    kind: UnknownKind,
    places: Places,
}

#[derive(Debug, PartialEq, Eq)]
enum UnknownKind {
    /// It is probably this key.
    Means(&'static str),
    /// It is another address, beside one.
    SecondAddress,
    /// Nothing is known about it.
    Other,
}

/// Why members need what they need.
const WHY: &str = "members' IDs and etcd's flags contain the addresses, so each member needs one fixed IPv4 \
     address that is known before it boots";

impl Mistakes {
    /// None so far, of members in this subnet.
    pub(super) const fn new(subnet: Subnet) -> Self {
        Self {
            subnet,
            not_tables: Vec::new(),
            no_name: Vec::new(),
            no_address: Vec::new(),
            host_names: Vec::new(),
            ipv6: Vec::new(),
            inside: Vec::new(),
            unknown_keys: Vec::new(),
        }
    }

    /// The address, if nothing else was written.
    pub(super) fn in_address(
        &mut self,
        written: WrittenAddress,
        span: &Range<usize>,
    ) -> Option<Ipv4Addr> {
        match written {
            WrittenAddress::Plain(address) => return Some(address),
            WrittenAddress::Inside(address) => self.inside.push((span.clone(), address)),
            WrittenAddress::Ipv6 => self.ipv6.push(span.clone()),
            WrittenAddress::HostName => self.host_names.push(span.clone()),
        }
        None
    }

    /// A key that nothing reads, and the one that it is probably meant to be.
    pub(super) fn unknown_key(
        &mut self,
        key: &str,
        span: Range<usize>,
        meant: Option<&'static str>,
    ) {
        let kind = meant.map_or(UnknownKind::Other, UnknownKind::Means);
        self.unknown(key, kind, span);
    }

    /// A key for an address beside another.
    pub(super) fn second_address(&mut self, key: &str, span: Range<usize>) {
        self.unknown(key, UnknownKind::SecondAddress, span);
    }

    fn unknown(&mut self, key: &str, kind: UnknownKind, span: Range<usize>) {
        let mut known = self.unknown_keys.iter_mut();
        match known.find(|known| known.key == key && known.kind == kind) {
            Some(known) => known.places.push(span),
            None => self.unknown_keys.push(UnknownKey {
                key: key.to_owned(),
                kind,
                places: vec![span],
            }),
        }
    }

    /// One diagnostic for each mistake. Hints name addresses of the subnet that no member has.
    pub(super) fn diagnostics(&self, source: &Arc<Source>, taken: &[Ipv4Addr]) -> Vec<Diagnostic> {
        let mut all = Vec::new();
        let mut add = |places: &Places, diagnostic: Diagnostic| {
            all.extend(at_all(diagnostic, source, places));
        };
        let subnet = self.subnet;
        let free = |places: &Places| self.free(taken, places.len());
        let example = self.free(taken, 1);
        let example = example.first().unwrap_or(&Ipv4Addr::UNSPECIFIED);

        let places = &self.not_tables;
        add(places, of_members(places, "is not a table", "are not tables").hint(format!(
            "write `{{ name = \"core-01\", address = \"{example}\" }}`, or `[[members]]` with both"
        )));
        let places = &self.no_name;
        let no_name = of_members(places, "has no `name`", "have no `name`");
        add(places, no_name.hint("add `name = \"core-01\"`"));
        let places = &self.no_address;
        let no_address = of_members(places, "has no `address`", "have no `address`");
        add(
            places,
            no_address.hint(match places.len() {
                1 => format!("add `address = \"{example}\"`"),
                _ => format!(
                    "add an `address` to each, such as {}",
                    list_of_words(free(places))
                ),
            }),
        );
        for (places, what) in [
            (&self.host_names, "a host name"),
            (&self.ipv6, "an IPv6 address"),
        ] {
            let examples = list_of_words(free(places));
            let hint = format!("write addresses in `{subnet}`, such as {examples}");
            let diagnostic = Diagnostic::error(format!("{what} cannot be a member's `address`"));
            add(places, diagnostic.note(WHY).hint(hint));
        }
        for unknown in &self.unknown_keys {
            add(&unknown.places, unknown.diagnostic());
        }
        all.extend(self.addresses_inside(source));
        all
    }

    /// Addresses of the subnet that are neither taken nor meant by a member.
    fn free(&self, taken: &[Ipv4Addr], number: usize) -> Vec<Ipv4Addr> {
        let is_meant = |free: &Ipv4Addr| self.inside.iter().any(|(_, meant)| meant == free);
        let all = self.subnet.member_addresses();
        let free = all.filter(|address| !taken.contains(address) && !is_meant(address));
        free.take(number).collect()
    }

    /// An address of the subnet for a hint.
    pub(super) fn example(&self) -> Ipv4Addr {
        let first = self.subnet.member_addresses().next();
        first.unwrap_or_else(|| self.subnet.gateway())
    }

    fn addresses_inside(&self, source: &Arc<Source>) -> Option<Diagnostic> {
        let diagnostic =
            Diagnostic::error("an `address` cannot have a scheme, port or prefix length");
        let diagnostic = diagnostic
            .note("all members use the same ports: `etcd.client_port` and `etcd.peer_port`");
        let labelled = self.inside.iter();
        let mut labelled =
            labelled.map(|(span, address)| (span, format!("only the address: `{address}`")));
        let (span, label) = labelled.next()?;
        let diagnostic = diagnostic.at(source, span.clone(), label);
        Some(labelled.fold(diagnostic, |diagnostic, (span, label)| {
            diagnostic.and_at(source, span.clone(), label)
        }))
    }
}

impl UnknownKey {
    fn diagnostic(&self) -> Diagnostic {
        let shown = self.key.escape_debug();
        let diagnostic = Diagnostic::error(format!("unknown key `{shown}` in `members`"));
        match self.kind {
            UnknownKind::Means(right) => diagnostic.hint(format!("did you mean `{right}`?")),
            UnknownKind::SecondAddress => diagnostic
                .note(format!("a member has no second address: {WHY}"))
                .hint("remove it"),
            UnknownKind::Other => diagnostic.hint("known keys: `name` and `address`"),
        }
    }
}

/// An error about one or more members.
fn of_members(places: &Places, one: &str, more: &str) -> Diagnostic {
    Diagnostic::error(match places.len() {
        1 => format!("a member {one}"),
        number => format!("{number} members {more}"),
    })
}

/// The diagnostic at all places, unless there is none.
fn at_all(
    diagnostic: Diagnostic,
    source: &Arc<Source>,
    places: &[Range<usize>],
) -> Option<Diagnostic> {
    let (first, others) = places.split_first()?;
    let diagnostic = diagnostic.at(source, first.clone(), "");
    Some(others.iter().fold(diagnostic, |diagnostic, span| {
        diagnostic.and_at(source, span.clone(), "")
    }))
}
