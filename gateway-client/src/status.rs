//! State of a client, as a user interface or a health check shows it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Exception;

/// State of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// An attempt to connect is under way, or the first has not begun.
    Connecting,
    /// The server has accepted this client.
    Open(Open),
    /// The connection is lost, or an attempt failed.
    Waiting(Waiting),
    /// The client has ended for good.
    Closed(Closed),
}

/// An accepted connection.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Open {
    /// Id of the socket. `None` if the client does not ask for a session (`resume(false)`).
    pub id: Option<String>,
    /// `true` if this is the socket of before the loss, with its rooms and every missed event.
    pub resumed: bool,
    /// `true` if the client had been accepted before. A client that has reconnected and not resumed loads again what it may have missed.
    pub reconnected: bool,
}

/// A wait for the next attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waiting {
    /// Time of the next attempt.
    pub retry_at: Instant,
    /// Number of the attempt that comes next, from 1.
    pub attempt: u32,
    /// Close code; 1006 if the connection ended without a close frame, or was not made.
    pub code: u16,
    /// Close reason.
    pub reason: String,
    /// The failure behind the loss, if there is more than the code.
    pub error: Option<ConnectError>,
}

/// The end of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Close code; 1000 after `Client::close`.
    pub code: u16,
    /// Close reason.
    pub reason: String,
    /// The failure behind the end, if there is more than the code.
    pub error: Option<ConnectError>,
}

/// A failure of a connection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No connection can be made, or it broke.
    #[error("the connection failed: {0}")]
    Io(Arc<std::io::Error>),
    /// The server did not accept the connection in time. See `Delays::connect`.
    #[error("the server did not accept the connection within {0:?}")]
    Timeout(Duration),
    /// The upgrade was refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The exception that the server gave as the reason.
    #[error("{0}")]
    Exception(Exception),
    /// The server violated HTTP or RFC 6455.
    #[error("the server violated the protocol: {0}")]
    Violation(String),
    /// A message of the server is longer than `Bounds::message`.
    #[error("a message of the server is longer than {0} bytes")]
    TooBig(usize),
    /// Nothing arrived although the client pinged. See `Delays::ping_timeout`.
    #[error("the server was silent")]
    Silence,
    /// The function that returns the credentials failed.
    #[error("no credentials: {0}")]
    Credentials(Arc<dyn std::error::Error + Send + Sync>),
}

/// The answer to an upgrade request that is not 101.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The beginning of the body, at most 1 KiB.
    pub text: String,
    /// Pause of the header `Retry-After`, in seconds.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, text, .. } = self;
        if text.is_empty() {
            write!(formatter, "the upgrade was refused with status {status}")
        } else {
            write!(formatter, "the upgrade was refused with status {status}: {text}")
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "closed with {}", self.code)?;
        if !self.reason.is_empty() {
            write!(formatter, " {}", self.reason)?;
        }
        self.error.iter().try_for_each(|error| write!(formatter, ": {error}"))
    }
}

impl std::error::Error for Closed {}
