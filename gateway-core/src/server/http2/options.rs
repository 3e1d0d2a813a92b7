//! Options of HTTP/2.

use std::num::NonZeroU32;
use std::time::Duration;

use h2::server::Builder;

use crate::limits::Limits;
use crate::options::options;

/// RFC 9113 §6.9.1: the largest window.
const LARGEST_WINDOW: usize = (1 << 31) - 1;
/// Streams that a client reset before their request was taken from the connection; more in one read end it.
const RESET_BEFORE_ACCEPTED: usize = 100;
/// Bytes of one stream that wait inside the connection; then its socket's outbox fills.
const SEND_BUFFER: usize = 64 * 1024;

options! {
    /// Options of HTTP/2, set by [`Server::http2`](crate::Server::http2).
    ///
    /// ```
    /// use gateway_core::Server;
    /// use gateway_core::serve::Http2;
    ///
    /// let server = Server::new().http2(Http2::new().streams(2000));
    /// ```
    pub struct Http2 {
        /// Streams of one connection at the same time: its WebSockets, polls and other requests. Further ones wait at the client,
        /// so a browser's page waits with all its requests. Default 1000: proxies put many clients into one connection.
        streams: usize = 1000,
        /// Bytes that a client may send in one stream before they are read, at least 16 KiB. A connection holds up to this for
        /// each of its streams, and no stream waits for another's bytes to be read. Default 64 KiB.
        stream_window: usize = 64 * 1024,
        /// Requests of one connection that are reset before they are answered, in a second and at once; beyond it the
        /// connection ends with `ENHANCE_YOUR_CALM`. Default 1000: as many clients of one proxy may leave together.
        resets_per_second: Option<NonZeroU32> = NonZeroU32::new(1000),
        /// Time a connection without a stream stays open, up to twice as long. The first request has
        /// [`handshake_timeout`](Limits::handshake_timeout). Default 60 s.
        idle_timeout: Duration = Duration::from_mins(1),
    }
}

impl Http2 {
    /// A handshake with these options.
    pub(super) fn builder(&self, limits: &Limits) -> Builder {
        let stream_window = self.stream_window.clamp(16 * 1024, LARGEST_WINDOW);
        let streams = self.streams.clamp(1, LARGEST_WINDOW);
        // A stream that is not read must not take room from the others.
        let connection_window = stream_window.saturating_mul(streams).clamp(64 * 1024, LARGEST_WINDOW);
        let mut builder = Builder::new();
        builder
            .enable_connect_protocol()
            .max_concurrent_streams(clamped(streams))
            .initial_window_size(clamped(stream_window))
            .initial_connection_window_size(clamped(connection_window))
            .max_header_list_size(clamped(limits.header_bytes.max(8 * 1024)))
            .max_pending_accept_reset_streams(RESET_BEFORE_ACCEPTED)
            .max_send_buffer_size(SEND_BUFFER);
        builder
    }
}

fn clamped(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
