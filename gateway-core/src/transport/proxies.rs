//! Addresses of clients behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

/// The header with the chain of addresses; each proxy appends its peer's.
const FORWARDED: &str = "x-forwarded-for";

/// Proxies whose word about their clients counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies {
    /// Those that name a client in `X-Forwarded-For`.
    pub(crate) forwarding: Proxies,
    /// Those that begin each connection with a header of the PROXY protocol; `None` if there are none.
    pub(crate) with_header: Option<Proxies>,
}

/// The trusted proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// Set if peers without an address, as on a Unix socket, are trusted.
    local: bool,
    networks: Vec<Network>,
}

/// A network: addresses with a common prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Proxies {
    /// Adds an address, a network such as `10.0.0.0/8`, or `unix`. Returns `false` if the text is none of these.
    pub(crate) fn add(&mut self, text: &str) -> bool {
        if text == "unix" {
            self.local = true;
            return true;
        }
        let network = Network::parse(text);
        self.networks.extend(network);
        network.is_some()
    }

    /// Returns the client's address of a request: the nearest address in the chain that is not a trusted proxy's.
    pub(crate) fn address(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut address = peer.map(|peer| peer.ip().to_canonical());
        let lines: Vec<_> = headers.get_all(FORWARDED).iter().collect();
        let mut told = lines.iter().rev().filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        while address.map_or(self.local, |address| self.is_proxy(address)) {
            // An unreadable entry ends the chain: entries before it are not from a trusted proxy.
            let Some(next) = told.next().and_then(read) else { break };
            address = Some(next);
        }
        address
    }

    /// Returns `true` if a request without a peer address has a header that would be trusted from one of the given addresses.
    pub(crate) fn misses_a_peer(&self, headers: &HeaderMap) -> bool {
        !self.local && !self.networks.is_empty() && headers.contains_key(FORWARDED)
    }

    /// Returns `true` if the peer of a connection is one of them.
    pub(crate) fn include(&self, peer: Option<SocketAddr>) -> bool {
        peer.map_or(self.local, |peer| self.is_proxy(peer.ip().to_canonical()))
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// Parses an address as written by proxies, possibly with a port.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()
        .map(|address| address.to_canonical())
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        let differ = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differ >= u32::from(self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trusted: &[&str], peer: &str, told: &[&str], expected: &str) {
        let mut proxies = Proxies::default();
        assert!(trusted.iter().all(|text| proxies.add(text)));
        let mut headers = HeaderMap::new();
        for line in told {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        let peer = peer.parse().ok();
        let address = proxies.address(peer, &headers).map(|address| address.to_string());
        assert_eq!(address.as_deref().unwrap_or(""), expected, "{trusted:?} {peer:?} {told:?}");
    }

    #[test]
    fn nobody_is_believed_who_was_not_named() {
        check(&[], "10.0.0.1:5", &["1.2.3.4"], "10.0.0.1");
        check(&["10.0.0.2"], "10.0.0.1:5", &["1.2.3.4"], "10.0.0.1");
        check(&[], "", &["1.2.3.4"], "");
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_counts() {
        check(&["10.0.0.0/8"], "10.0.0.1:5", &["1.2.3.4"], "1.2.3.4");
        check(&["10.0.0.0/8"], "10.0.0.1:5", &["6.6.6.6, 1.2.3.4, 10.9.9.9"], "1.2.3.4");
        check(&["10.0.0.0/8"], "10.0.0.1:5", &["6.6.6.6", "1.2.3.4"], "1.2.3.4");
        check(&["10.0.0.0/8"], "10.0.0.1:5", &["6.6.6.6, nonsense"], "10.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1:5", &["10.0.0.3"], "10.0.0.3");
        check(&["10.0.0.0/8"], "10.0.0.1:5", &[], "10.0.0.1");
        check(&["10.0.0.0/8"], "[::ffff:10.0.0.1]:5", &["[2001:db8::7]:443"], "2001:db8::7");
        check(&["2001:db8::/32", "10.0.0.1"], "[2001:db8::1]:5", &["1.2.3.4:99"], "1.2.3.4");
        check(&["unix"], "", &["1.2.3.4"], "1.2.3.4");
    }

    #[test]
    fn what_is_no_network_is_told() {
        for wrong in ["", "proxy", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "::/129"] {
            assert!(!Proxies::default().add(wrong), "{wrong}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("9.9.9.9".parse().unwrap()));
    }
}
