//! What authors write as a member's address.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::reader::shortened;
use crate::values::Refused;

/// An address as it was written.
pub(super) enum WrittenAddress {
    /// The address that a member needs.
    Plain(Ipv4Addr),
    /// An address in a URL, or with a port or a prefix length.
    Inside(Ipv4Addr),
    /// An IPv6 address.
    Ipv6,
    /// A host name.
    HostName,
}

/// Reads a member's address.
pub(super) fn read_address(text: &str, example: Ipv4Addr) -> Result<WrittenAddress, Refused> {
    if let Ok(address) = text.parse() {
        return Ok(WrittenAddress::Plain(address));
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let bare = host.split(']').next().unwrap_or_default();
    let bare = bare.trim_start_matches('[').split('%').next();
    if bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok()) {
        return Ok(WrittenAddress::Ipv6);
    }
    let name = host.split(':').next().unwrap_or_default();
    if let Ok(address) = name.parse() {
        return Ok(WrittenAddress::Inside(address));
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_of_name) {
        return Ok(WrittenAddress::HostName);
    }
    Err(Refused::new(
        format!("`{}` is not an IPv4 address", shortened(text)),
        format!("write four numbers from 0 to 255, as in `{example}`"),
    ))
}
