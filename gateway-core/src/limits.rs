//! Every limit of a server: its unit, default and reason. Plain data; nothing here enforces.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::options::options;

options! {
    /// Limits on everything a client can use. All counts are inclusive: the limit itself is still allowed.
    ///
    /// ```
    /// use gateway_core::limits::Limits;
    /// use gateway_core::Server;
    ///
    /// let server = Server::new().limits(Limits::new().message_bytes(64 * 1024).connections(5000));
    /// ```
    pub struct Limits {
        /// Bytes of one incoming message, all fragments together; above it the connection closes with 1009. Default 1 MiB:
        /// ten times what chat and games send, and small enough for thousands of senders at once.
        message_bytes: usize = 1024 * 1024,
        /// Bytes of the name of an incoming event; longer ones are answered `name_too_long`. Default 256, which is the longest
        /// that a handler can be subscribed to.
        event_name_bytes: usize = 256,
        /// Nesting of arrays and objects in an incoming message; deeper ones are answered `too_deep`. Default 128, as deep
        /// as typed decoding goes without growing the stack.
        json_depth: usize = 128,
        /// Events of one socket that wait for their turn; then reading stops. Default 64.
        queued_events: usize = 64,
        /// Bytes of the events of one socket that wait for their turn; then reading stops. One event always fits. Default 1 MiB.
        queued_bytes: usize = 1024 * 1024,
        /// Events of one socket in a second, whatever they are; one that was quiet may send as many at once. Further ones are
        /// answered `rate_limited`. Default none: what is too many is known to the application alone, often for one handler
        /// alone (`rate` in its attribute). Messages of a raw gateway do not count.
        events_per_second: Option<NonZeroU32> = None,
        /// New credentials of one socket in a minute, and at once; further ones are answered `rate_limited`. Default 10: a token
        /// lives for minutes, and each check may cost a signature and a request to an identity provider.
        renewals_per_minute: Option<NonZeroU32> = NonZeroU32::new(10),
        /// Pings of one client in a second, and at once; one that sends more is closed with 1008. Default 100: clients send
        /// one in several seconds.
        pings_per_second: Option<NonZeroU32> = NonZeroU32::new(100),
        /// Streams of one socket that run at once; a further one is answered `overloaded`. Default 64.
        streams: usize = 64,
        /// Frames that wait for a client whose transport takes no more, before [`Overflow`] decides. Default 1024.
        outbox_frames: usize = 1024,
        /// Bytes that wait for a client whose transport takes no more, before [`Overflow`] decides. Default 1 MiB. A frame
        /// larger than this goes out when nothing else waits.
        outbox_bytes: usize = 1024 * 1024,
        /// Bytes of a burst: what one turn sends, or what was sent before the transport was offered any of it, may wait up to
        /// here, each frame counted with 64 bytes more; so may answers, behind which reading stops. Default 16 MiB: a history
        /// or a snapshot sent event by event, and less than a handful of such bursts weighs on a server.
        burst_bytes: usize = 16 * 1024 * 1024,
        /// Behaviour of a full outbox. Default [`Overflow::Close`]: a client that lost frames without knowing is
        /// worse off than one that reconnects.
        overflow: Overflow = Overflow::Close,
        /// Rooms one socket may be in, its own not counted. Default 128.
        rooms_per_socket: usize = 128,
        /// Binary parts of one Socket.IO packet; one with more ends its connection. Default 10, as in the reference. With
        /// `MessagePack` the parts are inside the packet, and a packet may always have 1024.
        attachments: usize = 10,
        /// Bytes of the binary parts of one Socket.IO packet together; one with more ends its connection. Default 4 MiB: the
        /// reference takes ten times its largest message.
        attachment_bytes: usize = 4 * 1024 * 1024,
        /// Namespaces one Socket.IO connection may be in at once; a further one is refused. Default 32.
        namespaces_per_connection: usize = 32,
        /// Requests to one client that wait for an answer at the same time. Default 1024.
        pending_requests: usize = 1024,
        /// Time that a request to a client waits for its answer, unless the caller sets a timeout. Default 10 s.
        request_timeout: Duration = Duration::from_secs(10),
        /// Time a handler may take before its request is answered `timeout`. Default 30 s. While a request to its client
        /// waits for an answer, the handler does not time out.
        handler_timeout: Duration = Duration::from_secs(30),
        /// Time the connect hooks of one socket may take together before it is closed with 4002. Default 10 s.
        connect_timeout: Duration = Duration::from_secs(10),
        /// Time handlers may run on after their client disconnected, or after the server began to stop. Default 5 s.
        drain_timeout: Duration = Duration::from_secs(5),
        /// Silence of the client after which the server sends a ping. Default 25 s: below the idle timeouts of common
        /// proxies (60 s).
        ping_interval: Duration = Duration::from_secs(25),
        /// Wait for any sign of life after a ping before the connection closes with 4001. Default 20 s.
        ping_timeout: Duration = Duration::from_secs(20),
        /// Time a message may take from its first fragment to its last; then the connection closes with 1008. As long may
        /// the binary parts of a Socket.IO packet take together, and the body of a POST. Default 30 s.
        assembly_timeout: Duration = Duration::from_secs(30),
        /// Time a burst may take until no more than `outbox_frames` and `outbox_bytes` of it wait, and time a client that
        /// says nothing is kept because bytes still move. Default 2 min: 1 MiB at 9 KB a second.
        transfer_timeout: Duration = Duration::from_mins(2),
        /// Time a closing connection waits for the client's side of the close. Default 5 s.
        close_timeout: Duration = Duration::from_secs(5),
        /// Time a client may take for its TLS handshake and its request head together. Default 10 s, in total and not per
        /// read.
        handshake_timeout: Duration = Duration::from_secs(10),
        /// Bytes of the request head; above it the answer is 431. Default 16 KiB, at least 8 KiB.
        header_bytes: usize = 16 * 1024,
        /// Number of request headers; above it the answer is 431. Default 100.
        headers: usize = 100,
        /// Number of query parameters of a handshake; above it the answer is 414. Default 100, as many as headers.
        query_parameters: usize = 100,
        /// Bytes of the credentials of one namespace, as they are written: they are kept while its socket lives. Above it
        /// Socket.IO is answered `CONNECT_ERROR`, and an upgrade 431. Default 16 KiB, as much as a request's head.
        auth_bytes: usize = 16 * 1024,
        /// Bytes that are read of a body which its request is answered without, so that its client reads the answer; beyond
        /// them the answer says `Connection: close`. All of it has [`assembly_timeout`](Limits::assembly_timeout). Default
        /// 16 MiB: more than proxies send.
        refused_body_bytes: usize = 16 * 1024 * 1024,
        /// Silence within such a body after which the answer is sent without its rest. Default 1 s: some clients wait for the
        /// answer before they go on.
        refused_body_pause: Duration = Duration::from_secs(1),
        /// Sessions of long polling at the same time; a further handshake is answered 503. A `WebSocket` is bounded by
        /// open files, such a session holds none. Default 32 768: 128 MiB.
        polling_sessions: usize = 32 * 1024,
        /// Those among them whose client has not got into any namespace yet; a further handshake is answered 503. Default 8192:
        /// more than arrive at once after a restart, and what one attacker may hold.
        unclaimed_sessions: usize = 8 * 1024,
        /// Connections at the same time; a further handshake is answered 503. Default none: open files bound them.
        connections: Option<usize> = None,
        /// Connections from one address, or one network of 64 bits of version 6, at the same time; a further handshake is
        /// answered 429. Default none: behind one address may be a company, or a proxy that was not named.
        connections_per_address: Option<usize> = None,
        /// Age at which a connection is closed with 4003, so that its client connects again. Each lives up to a tenth longer:
        /// connections opened together are not closed together. Checked every `ping_interval`. Default none.
        connection_lifetime: Option<Duration> = None,
        /// Time a request that brings events over long polling waits until they are taken. Then it is answered, and the next
        /// request waits instead. Default 2 s: impatient clients give a request up after five.
        post_timeout: Duration = Duration::from_secs(2),
    }
}

/// Behaviour of a full outbox. Answers to requests are never dropped: where one does not fit, the connection closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "config", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Overflow {
    /// Close the connection with 4000 `too slow`.
    Close,
    /// Keep what waits, drop the new frame.
    DropNewest,
    /// Drop the oldest frames that are no answers until the new one fits.
    DropOldest,
}

#[cfg(feature = "config")]
crate::options::setting::setting!(Overflow);
