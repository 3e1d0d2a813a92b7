//! The peer of a request that another HTTP server accepted.

use std::net::SocketAddr;

use http::Extensions;

/// The address that a request came from, where another HTTP server accepts connections: put among the request's extensions
/// it is [`Handshake::peer`](crate::Handshake::peer), and [`Server::trust_proxies`](crate::Server::trust_proxies) looks at it.
/// A [`SocketAddr`] there counts too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    pub(crate) fn among(extensions: &Extensions) -> Option<SocketAddr> {
        let own = extensions.get::<Self>().map(|Self(address)| *address);
        own.or_else(|| extensions.get::<SocketAddr>().copied())
    }
}
