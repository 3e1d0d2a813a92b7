//! Reading the PROXY header of a trusted proxy's connection, before TLS and before the first byte of its client.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::metrics::Rejected;
use crate::protocol::{ProxyHeaderError, find_proxy_header};
use crate::server::state::ServerState;

/// Bytes that are looked at in one go. Version 2 has 232 with the longest addresses.
const WINDOW: usize = 256;

/// A stream whose bytes can be looked at without taking them.
pub(crate) trait Peek {
    /// Waits for bytes, and copies the first of them without taking them.
    fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
}

/// Reason why a connection ends before its client says anything.
enum NoHeader {
    /// The peer left, as health checks do.
    Gone,
    Late,
    Wrong(ProxyHeaderError),
}

/// Reads the header, within a time, and hands the stream on with the address of the client.
pub(crate) async fn read_header<S: AsyncRead + Peek + Unpin>(
    mut stream: S,
    peer: Option<SocketAddr>,
    server: &ServerState,
    within: std::time::Duration,
) -> Option<(S, Option<SocketAddr>)> {
    let read = tokio::select! {
        read = timeout(within, take_header(&mut stream)) => read.unwrap_or(Err(NoHeader::Late)),
        () = server.told.cancelled() => return None,
    };
    match read {
        Ok(source) => Some((stream, source.or(peer))),
        Err(NoHeader::Gone) => None,
        Err(no_header) => {
            server.telemetry.counters.reject(Rejected::Malformed);
            tracing::info!(?peer, why = %no_header, "a proxy's connection was rejected");
            None
        }
    }
}

/// Takes the header from the stream, and not a byte more. Returns the client's address.
async fn take_header<S: AsyncRead + Peek + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, NoHeader> {
    let mut taken = Vec::new();
    loop {
        let mut window = [0; WINDOW];
        let seen = stream.peek(&mut window).await.map_err(|_| NoHeader::Gone)?;
        if seen == 0 {
            return Err(NoHeader::Gone);
        }
        let before = taken.len();
        taken.extend_from_slice(&window[..seen]);
        match find_proxy_header(&taken).map_err(NoHeader::Wrong)? {
            Some(header) => {
                discard(stream, header.len - before).await?;
                return Ok(header.source);
            }
            // All of it is of a header that is not whole, so none of it is looked at again.
            None => discard(stream, seen).await?,
        }
    }
}

/// Reads so many bytes.
async fn discard<S: AsyncRead + Unpin>(stream: &mut S, mut bytes: usize) -> Result<(), NoHeader> {
    let mut buffer = [0; WINDOW];
    while bytes > 0 {
        let most = bytes.min(buffer.len());
        match stream.read(&mut buffer[..most]).await {
            Ok(0) | Err(_) => return Err(NoHeader::Gone),
            Ok(read) => bytes -= read,
        }
    }
    Ok(())
}

impl fmt::Display for NoHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => formatter.write_str("the peer has left"),
            Self::Late => formatter.write_str("the PROXY header did not come in time"),
            Self::Wrong(error) => error.fmt(formatter),
        }
    }
}
