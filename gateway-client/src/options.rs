//! Times and bounds of a client. Plain data.

use std::time::Duration;

/// Times of a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Delays {
    /// Upper bound of the first wait after a loss. The bound doubles with each attempt that fails. Default: 500 ms.
    pub base: Duration,
    /// Upper bound of every wait, without the pause that the server asks for. Default: 30 s.
    pub cap: Duration,
    /// Time after which an attempt to connect is given up. It includes the server's guards and connect hook. Default: 20 s.
    pub connect: Duration,
    /// Time until a request fails, its time in the queue included, unless the request sets its own. Default: 10 s.
    pub request: Duration,
    /// Time without a frame of the server after which the client pings it. Default: 25 s.
    pub ping_interval: Duration,
    /// Time without a frame after such a ping until the connection counts as lost. Default: 20 s.
    pub ping_timeout: Duration,
    /// Time for the queue to empty and for the close handshake after `Client::close`. Default: 5 s.
    pub close: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            connect: Duration::from_secs(20),
            request: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            close: Duration::from_secs(5),
        }
    }
}

/// Bounds of what a client holds in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// Bytes of messages that wait to be sent. Senders of further messages wait. 64 bytes are added for each message. A message that
    /// alone is larger waits alone. Default: 1 MiB.
    pub queue: usize,
    /// Number of items of one stream, or of events of one subscription, that were not read yet. One more ends it with `Overflow`.
    /// Default: 16 384.
    pub unread: usize,
    /// Bytes of the messages with these items. Default: 16 MiB.
    pub unread_bytes: usize,
    /// Length of one message of the server in bytes. A larger one closes the client with 1009. Default: 16 MiB.
    pub message: usize,
    /// Number of answers to the server's questions that are worked on at once. One more is answered `overloaded`. Default: 64.
    pub answers: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { queue: 1024 * 1024, unread: 16 * 1024, unread_bytes: 16 << 20, message: 16 << 20, answers: 64 }
    }
}
