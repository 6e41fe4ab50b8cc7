use std::net::Ipv4Addr;

/// The loopback address that stands for this one where all members run on a single host.
pub fn loopback(address: Ipv4Addr) -> Ipv4Addr {
    let [_, second, third, fourth] = address.octets();
    Ipv4Addr::new(127, second, third, fourth)
}
