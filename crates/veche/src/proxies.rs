//! Where a request comes from when proxies stand in front: what they say is believed as far as they are
//! trusted, and no further.

use std::{net::IpAddr, str::FromStr};

use http::HeaderMap;

/// Addresses that begin alike, such as `10.0.0.0/8`.
///
/// ```
/// use veche::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.has([10, 1, 2, 3].into()));
/// assert!(!network.has([11, 1, 2, 3].into()));
/// # Ok::<(), veche::InvalidNetwork>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or the beginning of one such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| InvalidNetwork))?;
        let network = Self { address, bits };
        // An address beyond its own network is a slip of the pen.
        let is_whole = bits <= most && network.masked(address) == network.number(address);
        if is_whole { Ok(network) } else { Err(InvalidNetwork) }
    }
}

impl Network {
    /// Whether the address belongs to it. An IPv4 address mapped into IPv6 is the IPv4 address.
    pub fn has(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == self.number(self.address)
    }

    /// The address as a number whose first bits are the address's.
    fn number(self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    fn masked(self, address: IpAddr) -> u128 {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        self.number(address) & mask
    }
}

/// Where a request comes from, among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress {
    /// Who sent it.
    pub(crate) client: IpAddr,
    /// The other end of the socket.
    pub(crate) peer: IpAddr,
}

/// The address of the client behind a connection from `peer`: read from the right as long as the hop that
/// tells it is trusted. A proxy leaves the header that it does not use as the client sent it; so where both
/// are there and disagree, neither counts.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.has(address));
    if !is_trusted(peer) {
        return peer;
    }
    let follow = |hops: Vec<Option<IpAddr>>| {
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            let Some(hop) = hop.filter(|_| is_trusted(client)) else { break };
            client = hop;
        }
        client
    };
    let by_list = headers.contains_key("x-forwarded-for").then(|| follow(listed(headers)));
    let by_standard = headers.contains_key("forwarded").then(|| follow(forwarded(headers)));
    match (by_list, by_standard) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (_, Some(client)) => client,
        (None, None) => peer,
    }
}

/// `X-Forwarded-For: client, proxy1, proxy2`
fn listed(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter();
    lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(|hop| address(hop.trim())).collect()
}

/// `Forwarded: for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"` (RFC 7239)
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("forwarded").iter();
    // No address has a comma or a semicolon; a quoted text with one makes hops that are no addresses.
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").split(','));
    hops.map(|hop| {
        let mut pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
        address(node.trim_matches('"'))
    })
    .collect()
}

/// An address, with or without a port; IPv6 with a port stands in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_strictly() {
        for good in ["10.0.0.0/8", "192.0.2.1", "0.0.0.0/0", "::/0", "fd00::/8", "::1", "10.0.0.1/32"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for bad in ["", "10", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "10.0.0.0/-1", "10.0.0.0/", "host/8"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
    }

    #[test]
    fn a_client_is_found_behind_trusted_proxies_only() {
        // Red: `follow` without `is_trusted`; the list read from the left; `match` without the first arm.
        let check = |peer: &str, fields: &[(&'static str, &str)], expected: &str| {
            let trusted: Vec<Network> =
                ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().expect("a network")).collect();
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, value.parse().expect("a header"));
            }
            let found = client_address(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} with {fields:?}");
        };
        let list = "x-forwarded-for";
        check("192.0.2.9", &[(list, "198.51.100.1")], "192.0.2.9");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &[(list, "198.51.100.1")], "198.51.100.1");
        check("::ffff:10.0.0.1", &[(list, "198.51.100.1")], "198.51.100.1");
        check("10.0.0.1", &[(list, "1.1.1.1, 198.51.100.1, 10.0.0.2")], "198.51.100.1");
        check("10.0.0.1", &[(list, "1.1.1.1"), (list, "198.51.100.1")], "198.51.100.1");
        check("10.0.0.1", &[(list, "198.51.100.1:4711")], "198.51.100.1");
        check("10.0.0.1", &[(list, "[2001:db8::1]:4711")], "2001:db8::1");
        check("10.0.0.1", &[(list, "2001:db8::1, fd00::2")], "2001:db8::1");
        check("10.0.0.1", &[(list, "1.1.1.1, unknown")], "10.0.0.1");
        check("10.0.0.1", &[(list, "1.1.1.1, , 10.0.0.2")], "10.0.0.2");
        check("10.0.0.1", &[(list, "10.0.0.3")], "10.0.0.3");
        let standard = "forwarded";
        check("10.0.0.1", &[(standard, "for=198.51.100.1;proto=https;by=10.0.0.1")], "198.51.100.1");
        check("10.0.0.1", &[(standard, r#"For="[2001:db8::1]:4711", for=10.0.0.2"#)], "2001:db8::1");
        check("10.0.0.1", &[(standard, "for=_hidden, for=10.0.0.2")], "10.0.0.2");
        check("10.0.0.1", &[(standard, "proto=https")], "10.0.0.1");
        check("10.0.0.1", &[(list, "198.51.100.1"), (standard, "for=1.1.1.1")], "10.0.0.1");
        check("10.0.0.1", &[(list, "198.51.100.1"), (standard, "for=198.51.100.1")], "198.51.100.1");
    }
}
