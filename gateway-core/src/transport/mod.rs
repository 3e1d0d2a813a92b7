//! Messages to and from one peer, and the handshake that comes before. Knows frames, not envelopes; sockets and rooms
//! are further up.

mod connection_limiter;
mod credentials;
mod deflate;
mod engine;
mod handshake;
mod headers;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod memory;
mod origin;
mod pairs;
mod permit;
mod polling;
mod proxies;
mod query;
mod resume_request;
mod tcp;
mod tls;
mod upgrade;
mod websocket;

use std::io;
use std::task::{Context, Poll};

pub(crate) use connection_limiter::{ConnectionLimiter, ConnectionPermit, LimitExceeded};
pub(crate) use deflate::Agreed;
#[cfg_attr(not(feature = "deflate"), allow(unreachable_pub, reason = "public with the feature"))]
pub use deflate::Deflate;
pub(crate) use engine::{EngineTransport, ProbeTimeouts, dismiss, upgrade};
pub(crate) use handshake::LatestHeaders;
pub use handshake::{AuthError, Handshake};
pub(crate) use origin::{Allowed, OriginPolicy};
pub(crate) use permit::CountedPermit;
pub(crate) use polling::{PollListener, Polling, PollingPeer, Posting, SessionError, UpgradeProbe};
pub(crate) use proxies::Proxies;
pub(crate) use query::{Query, QueryError, parse_query};
pub(crate) use resume_request::ResumeRequest;
pub(crate) use tcp::{Direct, SharedStream};
#[cfg(feature = "tls")]
pub(crate) use tls::Encrypted;
#[cfg(not(feature = "tls"))]
pub(crate) use tls::Tls;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
#[cfg(feature = "testing")]
pub(crate) use upgrade::choose;
pub(crate) use upgrade::{MSGPACK, SUBPROTOCOL, Upgrade, UpgradeError, UpgradeIntent, asks_to_close};
pub(crate) use websocket::{Stream, WebSocket};

use crate::protocol::{Deflating, Disconnect, Flow, ReceivedMessage};

/// Receiver of the messages of a read. Gets the task's context back, so that pending work of a message can register its
/// waker.
pub(crate) type Deliver<'a> = dyn FnMut(ReceivedMessage<'_>, &mut Context<'_>) -> Flow + 'a;

/// Moves frames of one peer. Methods that answer `Pending` have registered the task of `context`.
pub(crate) trait Transport: Send + Unpin + 'static {
    /// The connect hooks have accepted: a protocol that greets its clients does it now, before anything else is sent.
    fn greet(&mut self) {}

    /// Lends what has come, at most one read's worth, to `deliver`, until it pauses. What it did not take comes first
    /// the next time.
    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>>;

    /// Bytes that were read, in all.
    fn received(&self) -> u64 {
        0
    }

    /// Which message is being put together from fragments, if any.
    fn assembling(&self) -> Option<u64> {
        None
    }

    /// Writes bytes of whole frames, as many as go out at once.
    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>>;

    /// Hands everything written to the peer.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The connection ends: nothing more is received.
    fn stop_reading(&mut self) {}

    /// The peer is taken for gone: nothing waits for it any more.
    fn give_up(&mut self) {}

    /// Ends the connection once the close frame was written. May be dropped while pending, which is how the caller
    /// bounds it in time.
    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()>;

    /// A writer for tasks other than the connection's own, where the stream can be written from anywhere. A transport may
    /// come to have one later: whoever got none asks again after each receive.
    fn direct(&self) -> Option<Direct> {
        None
    }

    /// Handle that tells if the peer takes data now, for transports whose peers do so at times only.
    fn listener(&self) -> Option<PollListener> {
        None
    }

    /// Compression of messages that are written here. A transport may begin to compress later, and never stops.
    fn deflating(&self) -> Option<Deflating> {
        None
    }
}

/// Stand-in of tests for a socket.
#[cfg(test)]
pub(crate) trait DirectWrite: std::fmt::Debug + Send + Sync {
    /// Writes as much as goes out at once; `WouldBlock` when nothing does.
    fn try_write(&self, frames: &[u8]) -> io::Result<usize>;
}

/// Steps that are left after the close frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The peer has closed or is gone.
    Answered,
    /// The peer keeps to the protocol, and its close frame is awaited.
    Awaited,
    /// The peer broke the protocol: what it goes on to send is no longer read as frames.
    Violated,
}

/// Why nothing more comes from a peer.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// The stream ended or failed.
    Lost,
    /// A request of long polling broke off.
    Aborted,
    /// The peer violated RFC 6455 or a limit; the close frame says how.
    Violation(Disconnect),
}
