use std::net::Ipv4Addr;

/// The loopback address that replaces this address when all members run on a single host.
pub fn loopback(address: Ipv4Addr) -> Ipv4Addr {
    let [_, second, third, fourth] = address.octets();
    Ipv4Addr::new(127, second, third, fourth)
}
