//! Limits on the number of connections, in total and per address. Without a limit nothing is counted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::limits::Limits;
use crate::sync::lock;

/// The counted connections of a server.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    limit: Option<usize>,
    limit_per_address: Option<usize>,
    here: Mutex<ConnectionCounts>,
}

#[derive(Debug, Default)]
struct ConnectionCounts {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A counted connection, until dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    network: Option<IpAddr>,
}

/// The exceeded limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LimitExceeded {
    Everywhere,
    /// The limit per address; other addresses may connect.
    There,
}

impl ConnectionLimiter {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let Limits { connections, connections_per_address, .. } = limits;
        Arc::new(Self { limit: *connections, limit_per_address: *connections_per_address, here: Mutex::default() })
    }

    /// Counts a connection; returns no permit if there is no limit.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: Option<IpAddr>,
    ) -> Result<Option<Box<ConnectionPermit>>, LimitExceeded> {
        if self.limit.is_none() && self.limit_per_address.is_none() {
            return Ok(None);
        }
        let network = address.filter(|_| self.limit_per_address.is_some()).map(network);
        let mut here = self.lock();
        if self.limit.is_some_and(|limit| here.all >= limit) {
            return Err(LimitExceeded::Everywhere);
        }
        if let (Some(network), Some(limit)) = (network, self.limit_per_address) {
            let there = here.by_network.get(&network).copied().unwrap_or_default();
            if there >= limit {
                return Err(LimitExceeded::There);
            }
            here.by_network.insert(network, there + 1);
        }
        here.all += 1;
        Ok(Some(Box::new(ConnectionPermit { limiter: Arc::clone(self), network })))
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionCounts> {
        lock(&self.here)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut here = self.limiter.lock();
        here.all -= 1;
        let Some(network) = self.network else { return };
        let there = here.by_network.get_mut(&network).map(|there| {
            *there -= 1;
            *there
        });
        if there == Some(0) {
            here.by_network.remove(&network);
            if here.by_network.len() * 4 < here.by_network.capacity() {
                let room = here.by_network.len() * 2;
                here.by_network.shrink_to(room);
            }
        }
    }
}

/// Returns the network to count by: a client with one IPv6 address usually has 2⁶⁴ of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(connections: Option<usize>, connections_per_address: Option<usize>) -> Arc<ConnectionLimiter> {
        ConnectionLimiter::new(&Limits { connections, connections_per_address, ..Limits::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let limiter = limiter(Some(1), None);
        let first = limiter.enter(None).unwrap();
        assert_eq!(limiter.enter(None).unwrap_err(), LimitExceeded::Everywhere);
        drop(first);
        assert!(limiter.enter(Some(address("10.0.0.1"))).unwrap().is_some());
    }

    #[test]
    fn an_address_does_not_take_the_places_of_another_and_leaves_nothing_behind() {
        let limiter = limiter(None, Some(2));
        let places: Vec<_> = (0..2).map(|_| limiter.enter(Some(address("::ffff:10.0.0.1"))).unwrap()).collect();
        assert_eq!(limiter.enter(Some(address("10.0.0.1"))).unwrap_err(), LimitExceeded::There);
        let other = limiter.enter(Some(address("10.0.0.2"))).unwrap();
        // Without an address no limit applies.
        let unknown: Vec<_> = (0..3).map(|_| limiter.enter(None).unwrap()).collect();
        drop((places, other, unknown));
        let here = limiter.lock();
        assert_eq!((here.all, here.by_network.len()), (0, 0));
    }

    #[test]
    fn a_network_of_version_6_counts_as_one() {
        let limiter = limiter(None, Some(1));
        let _first = limiter.enter(Some(address("2001:db8::1"))).unwrap();
        assert!(limiter.enter(Some(address("2001:db8::2:3"))).is_err());
        assert!(limiter.enter(Some(address("2001:db8:0:1::1"))).is_ok());
    }

    #[test]
    fn who_bounds_nothing_counts_nothing() {
        assert!(limiter(None, None).enter(Some(address("10.0.0.1"))).unwrap().is_none());
    }
}
