//! The peer of a request that another HTTP server accepted.

use std::net::SocketAddr;

use http::Extensions;

/// The peer's address of a request that another HTTP server accepted. As a request extension it becomes
/// [`Handshake::peer`](crate::Handshake::peer), and [`Server::trust_proxies`](crate::Server::trust_proxies) uses it. A
/// [`SocketAddr`] extension works too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    pub(crate) fn among(extensions: &Extensions) -> Option<SocketAddr> {
        let own = extensions.get::<Self>().map(|Self(address)| *address);
        own.or_else(|| extensions.get::<SocketAddr>().copied())
    }
}
