//! Messages to and from one peer, and the handshake that comes before. Knows frames, not envelopes; sockets and rooms
//! are further up.

mod credentials;
mod handshake;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod memory;
mod origin;
mod upgrade;
mod websocket;

use std::task::{Context, Poll};

pub use handshake::{AuthError, Handshake};
pub(crate) use origin::OriginPolicy;
pub(crate) use upgrade::{Upgrade, UpgradeError};
pub(crate) use websocket::WebSocket;

use crate::wire::{Disconnect, Frame};

/// Moves frames. Every method registers the task of `context` where it answers `Pending`.
pub(crate) trait Transport: Send + Unpin + 'static {
    /// The connect hooks have accepted: a protocol that greets its clients does it now, before anything else is sent.
    fn greet(&mut self) {}

    /// The next message or control frame; pings are already answered.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, Broken>>;

    /// Room for one more frame.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>>;

    /// Takes a frame; only after [`Transport::poll_ready`] said so.
    fn send(&mut self, frame: Frame) -> Result<(), Broken>;

    /// Hands everything taken to the peer.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>>;

    /// Ends the connection with a close frame, then waits for the peer's side. May be dropped while pending, which is
    /// how the caller bounds it in time.
    fn poll_close(&mut self, context: &mut Context<'_>, end: &Ending) -> Poll<()>;
}

/// How the server's side of a connection ends.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// The peer closed or is gone: nothing is left to say.
    Silent,
    /// Told to a peer that keeps to the protocol.
    Told(Disconnect),
    /// Told to a peer that broke the protocol: what it goes on to send is no longer read as frames.
    Violated(Disconnect),
}

/// Why nothing more comes from a peer.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// The stream ended or failed.
    Lost,
    /// The peer violated RFC 6455 or a limit; the close frame says how.
    Violation(Disconnect),
}
