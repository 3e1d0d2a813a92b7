//! Listening sockets that the process was started with (`sd_listen_fds(3)`): by systemd's socket activation, or by `systemfd`
//! while developing.

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use listenfd::ListenFd;

use crate::server::endpoint::Endpoint;

/// The variable with the names of the sockets, which a unit sets by `FileDescriptorName=`.
const NAMES: &str = "LISTEN_FDNAMES";

/// Listening sockets that the process was started with: TCP and Unix. Each is an [`Endpoint`]. Dropping this closes those that were
/// not taken.
///
/// ```no_run
/// use gateway_core::prelude::*;
/// use gateway_core::serve::InheritedSockets;
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut inherited = InheritedSockets::take()?;
///     // Without a supervisor the server opens a port itself.
///     let endpoint = inherited.next().unwrap_or_else(|| "127.0.0.1:3000".into());
///     drop(inherited);
///     Server::new().serve(endpoint).await?;
///     Ok(())
/// }
/// ```
pub struct InheritedSockets(Vec<InheritedSocket>);

struct InheritedSocket {
    name: String,
    endpoint: Endpoint,
}

impl InheritedSockets {
    /// Takes all sockets that were handed over to this process, in their order, and removes `LISTEN_FDS` and `LISTEN_PID` from its
    /// environment. There are none if it was started without any, or if they are meant for another process.
    ///
    /// Call it once, at the beginning: a second call finds none, and other threads should not read the environment meanwhile.
    ///
    /// # Errors
    ///
    /// A descriptor is no socket that listens, of TCP or of Unix streams: the unit has another type of socket, or `Accept=yes`.
    pub fn take() -> io::Result<Self> {
        let names = std::env::var(NAMES).unwrap_or_default();
        let names: Vec<_> = names.split(':').collect();
        let mut handed_over = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..handed_over.len() {
            let endpoint = match handed_over.take_tcp_listener(index) {
                Ok(Some(listener)) => listening(listener)?,
                Ok(None) => continue,
                Err(_) => match handed_over.take_unix_listener(index)? {
                    Some(listener) => listening(listener)?,
                    None => continue,
                },
            };
            let name = names.get(index).copied().unwrap_or_default().to_owned();
            sockets.push(InheritedSocket { name, endpoint });
        }
        Ok(Self(sockets))
    }

    /// Takes the first socket with this name: `FileDescriptorName=` of its unit. Without that systemd gives the unit's own name,
    /// and `systemfd` none.
    pub fn named(&mut self, name: &str) -> Option<Endpoint> {
        let index = self.0.iter().position(|socket| socket.name == name)?;
        Some(self.0.remove(index).endpoint)
    }

    /// Number of sockets that are not taken yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if no socket is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for InheritedSockets {
    type Item = Endpoint;

    /// Takes the next socket.
    fn next(&mut self) -> Option<Endpoint> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0).endpoint) }
    }
}

/// Clients of a socket that nobody serves would wait for ever, unless it is closed.
impl Drop for InheritedSockets {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let names: Vec<_> = self.0.iter().map(|socket| socket.name.as_str()).collect();
            tracing::warn!(
                sockets = self.0.len(),
                ?names,
                "sockets that were handed over to the process are not served"
            );
        }
    }
}

/// Checks that a socket listens: one that was accepted already is handed over in the same way.
fn listening<L: AsFd + Into<Endpoint>>(listener: L) -> io::Result<Endpoint> {
    #[cfg(not(target_vendor = "apple"))]
    if !rustix::net::sockopt::socket_acceptconn(&listener)? {
        let text = "a socket that was handed over is a connection: the unit must not have `Accept=yes`";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(listener.into())
}

impl fmt::Debug for InheritedSockets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|socket| &socket.name)).finish()
    }
}
