//! The reason of a socket's disconnect.

use std::fmt;

use crate::protocol::{CloseCode, Disconnect, WireFormat};

/// Reason of a disconnect, as given to disconnect hooks.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client closed the connection, with the code and reason of its close frame, if any.
    Client(Option<Disconnect>),
    /// The client left the namespace; its connection may stay open.
    Left,
    /// The stream ended without a close frame.
    Lost,
    /// The client of a TCP or Unix socket ended its half of the connection without a close message. What it had sent was
    /// answered before.
    HalfClosed,
    /// A long-polling request was aborted before its response.
    Aborted,
    /// No pong arrived in time.
    HeartbeatTimeout,
    /// The outbox was full.
    TooSlow,
    /// The client violated RFC 6455 or a limit.
    Violation(Disconnect),
    /// The client sent a malformed message, and its format has no error message for it.
    Malformed(&'static str),
    /// The application disconnected the socket.
    Server(Disconnect),
    /// The client resumed on another connection before the loss of this one was detected.
    Resumed,
    /// The server stops.
    Shutdown,
    /// The connection reached [`Limits::connection_lifetime`](crate::limits::Limits::connection_lifetime).
    Lifetime,
}

impl DisconnectReason {
    /// The close code sent by the client or to the client. 1005 if the client closed without a code, 1006 if the connection
    /// was lost or half-closed (RFC 6455 §7.1.5), 1001 for a stop, even if [`Drain::close_code`](crate::serve::Drain::close_code) is another.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        match self {
            Self::Client(Some(close)) | Self::Violation(close) | Self::Server(close) => close.code,
            Self::Client(None) | Self::Left | Self::Malformed(_) => CloseCode::received(1005),
            Self::Lost | Self::HalfClosed | Self::Aborted => CloseCode::received(1006),
            Self::HeartbeatTimeout => CloseCode::HEARTBEAT_TIMEOUT,
            Self::TooSlow => CloseCode::TOO_SLOW,
            Self::Resumed => CloseCode::RESUMED,
            Self::Shutdown => CloseCode::GOING_AWAY,
            Self::Lifetime => CloseCode::LIFETIME,
        }
    }

    /// Returns `true` if the connection was lost rather than its socket ended, so that the client may resume the
    /// socket.
    pub(crate) fn is_a_loss(&self, format: WireFormat) -> bool {
        match self {
            Self::Client(_) => format.has_farewells(),
            // The connection's other sockets are lost together with the resumed one.
            Self::Lost
            | Self::HalfClosed
            | Self::Aborted
            | Self::HeartbeatTimeout
            | Self::TooSlow
            | Self::Violation(_)
            | Self::Resumed
            | Self::Lifetime => true,
            Self::Left | Self::Malformed(_) | Self::Server(_) | Self::Shutdown => false,
        }
    }

    /// Returns `true` if the client disconnected on purpose, so that events it sent before are still handled.
    pub(crate) fn is_a_goodbye(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Left)
    }

    /// Returns `true` if accepted requests are still answered before the end.
    pub(crate) fn is_gentle(&self) -> bool {
        matches!(self, Self::Shutdown | Self::Lifetime | Self::HalfClosed)
    }

    /// Name in metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Left => "left",
            Self::Lost => "lost",
            Self::HalfClosed => "half_closed",
            Self::Aborted => "aborted",
            Self::HeartbeatTimeout => "heartbeat_timeout",
            Self::TooSlow => "too_slow",
            Self::Violation(_) => "violation",
            Self::Malformed(_) => "malformed",
            Self::Server(_) => "server",
            Self::Resumed => "resumed",
            Self::Shutdown => "shutdown",
            Self::Lifetime => "lifetime",
        }
    }

    /// The close code, if RFC 6455 or this framework defines it.
    pub(crate) fn known_code(&self) -> Option<u16> {
        Some(self.code().as_u16()).filter(|code| matches!(code, 1000..=1015 | 4000..=4003 | 4500..=4503))
    }

    /// The reason's name in Socket.IO.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Client(_) | Self::Lost | Self::HalfClosed | Self::Resumed | Self::Lifetime => "transport close",
            Self::Left => "client namespace disconnect",
            Self::HeartbeatTimeout => "ping timeout",
            Self::Aborted | Self::TooSlow | Self::Violation(_) => "transport error",
            Self::Malformed(_) => "parse error",
            Self::Server(_) => "server namespace disconnect",
            Self::Shutdown => "server shutting down",
        }
    }

    /// Close code and reason for the client; `None` if the client no longer reads.
    pub(crate) fn for_client(&self) -> Option<Disconnect> {
        match self {
            Self::Client(_) | Self::Left | Self::Lost | Self::HalfClosed | Self::Aborted | Self::Malformed(_) => None,
            Self::HeartbeatTimeout => Some(Disconnect::new(CloseCode::HEARTBEAT_TIMEOUT, "heartbeat timeout")),
            Self::TooSlow => Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")),
            Self::Violation(disconnect) | Self::Server(disconnect) => Some(disconnect.clone()),
            Self::Resumed => Some(Disconnect::new(CloseCode::RESUMED, "resumed elsewhere")),
            Self::Shutdown => Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")),
            Self::Lifetime => Some(Disconnect::new(CloseCode::LIFETIME, "lifetime over")),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Client(_) => "the client closed",
            Self::Left => "the client left the namespace",
            Self::Lost => "the connection was lost",
            Self::HalfClosed => "the client ended its half of the connection",
            Self::Aborted => "a request broke off",
            Self::HeartbeatTimeout => "heartbeat timeout",
            Self::TooSlow => "the client read too slowly",
            Self::Violation(_) => "protocol violation",
            Self::Malformed(why) => why,
            Self::Server(_) => "the server disconnected it",
            Self::Resumed => "the client resumed on another connection",
            Self::Shutdown => "the server stops",
            Self::Lifetime => "the connection had its time",
        };
        write!(formatter, "{kind} ({})", self.code())
    }
}
