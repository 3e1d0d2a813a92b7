//! Messages to and from one peer, and the handshake before them. Knows frames, not envelopes; sockets and rooms are on
//! higher layers.

mod connection_limiter;
mod credentials;
mod deflate;
mod engine;
mod event_stream;
mod handshake;
mod headers;
#[cfg(feature = "http2")]
mod http2;
mod lines;
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
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "admin")]
pub(crate) use connection_limiter::network;
pub(crate) use connection_limiter::{ConnectionLimiter, ConnectionPermit, LimitExceeded};
pub(crate) use deflate::Agreed;
#[cfg_attr(not(feature = "deflate"), allow(unreachable_pub, reason = "public with the feature"))]
pub use deflate::Deflate;
pub(crate) use engine::{EngineTransport, ProbeTimeouts, dismiss, upgrade};
pub(crate) use event_stream::{
    AnswerFrame, Answers, AwaitedAnswer, EventStream, EventStreamPeer, NewEventStream, StreamStart, StreamVerdict,
    UndeliveredPost, body_channel,
};
pub(crate) use handshake::LatestHeaders;
pub use handshake::{AuthError, Handshake};
#[cfg(feature = "http2")]
pub(crate) use http2::Http2Stream;
pub(crate) use lines::Lines;
pub(crate) use origin::{Allowed, OriginPolicy};
pub(crate) use permit::CountedPermit;
pub(crate) use polling::{PollListener, Polling, PollingPeer, SessionError, UpgradeProbe};
pub(crate) use proxies::TrustedProxies;
pub(crate) use query::{Query, QueryError, parse_query};
pub(crate) use resume_request::ResumeRequest;
#[cfg(test)]
pub(crate) use tcp::SystemWrite;
pub(crate) use tcp::{Direct, SharedStream};
pub(crate) use tls::CertificateSlot;
#[cfg(feature = "tls")]
pub(crate) use tls::Encrypted;
#[cfg(not(feature = "tls"))]
pub(crate) use tls::{PeerCertificate, Tls};
#[cfg(feature = "tls")]
pub use tls::{PeerCertificate, Tls, TlsError};
#[cfg(feature = "http2")]
pub(crate) use upgrade::ExtendedConnect;
#[cfg(feature = "testing")]
pub(crate) use upgrade::choose;
pub(crate) use upgrade::{MSGPACK, SUBPROTOCOL, Upgrade, UpgradeError, UpgradeIntent, asks_to_close};
pub(crate) use websocket::{Stream, WebSocket};

use crate::protocol::{Deflating, Disconnect, Flow, ReceivedMessage};

/// Receiver of the messages of a read. Gets the task's context, so that pending work of a message can register its waker.
pub(crate) type Deliver<'a> = dyn FnMut(ReceivedMessage<'_>, &mut Context<'_>) -> Flow + 'a;

/// A connection that moves frames of one peer. Methods that return `Pending` have registered the task of `context`.
pub(crate) trait Transport: Send + Unpin + 'static {
    /// Notes that the connect hooks have accepted. A protocol with a greeting sends it now, before any other frame.
    fn greet(&mut self) {}

    /// Passes received messages, at most one read's worth, to `deliver` until it pauses. Messages that remain are delivered
    /// first the next time.
    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>>;

    /// Takes over what has arrived while the connection receives nothing, and registers the task for more. Only a transport
    /// whose unread bytes hinder other connections does so; it keeps them, within a bound, for the next receive.
    fn absorb(&mut self, _: &mut Context<'_>) {}

    /// Total number of bytes read.
    fn received(&self) -> u64 {
        0
    }

    /// The number of the message being assembled from fragments, if any.
    fn assembling(&self) -> Option<u64> {
        None
    }

    /// Writes bytes of whole frames, as many as are accepted at once.
    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>>;

    /// Flushes all written bytes to the peer.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Stops receiving at the end of the connection.
    fn stop_reading(&mut self) {}

    /// Considers the peer gone: no operation waits for it any more.
    fn give_up(&mut self) {}

    /// Ends the connection after the close frame was written. The caller may stop polling after a time limit.
    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()>;

    /// A writer for other tasks than the connection's own, if the stream allows it. A transport may get one later, so callers
    /// without one ask again after each receive.
    fn direct(&self) -> Option<Direct> {
        None
    }

    /// A handle that tells if the peer can receive now, for transports whose peers receive only at times.
    fn listener(&self) -> Option<PollListener> {
        None
    }

    /// The way of answers to requests, if it is another than the connection.
    fn answers(&self) -> Option<Arc<Answers>> {
        None
    }

    /// Compression of written messages. A transport may begin to compress later, and never stops.
    fn deflating(&self) -> Option<Deflating> {
        None
    }
}

/// Steps that are left after the close frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The peer has closed or has disconnected.
    Answered,
    /// The peer's close frame is awaited.
    Awaited,
    /// The peer violated the protocol: further bytes are not read as frames.
    Violated,
}

/// Reason why a connection receives no more.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// The stream ended or failed.
    Lost,
    /// The peer ended its half of the stream and still reads. Returned once; nothing is received afterwards.
    HalfClosed,
    /// A long-polling request was aborted.
    Aborted,
    /// The peer violated RFC 6455 or a limit, as described by the close frame.
    Violation(Disconnect),
}
