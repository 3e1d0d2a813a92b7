//! Every limit of a server: what it bounds, its default, its unit and why it is so. Plain data; nothing here enforces.

use std::num::NonZeroU32;
use std::time::Duration;

/// What one server grants its clients. All counts are inclusive: the limit itself is still allowed.
///
/// ```
/// use gateway_core::Limits;
///
/// let limits = Limits { message_bytes: 64 * 1024, ..Limits::default() };
/// assert_eq!(limits.queued_events, 64);
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one incoming message, all fragments together; above it the connection closes with 1009. Default 1 MiB:
    /// ten times what chat and games send, and small enough for thousands of senders at once.
    pub message_bytes: usize,
    /// Bytes of the name of an incoming event; longer ones are answered `name_too_long`. Default 256, which is the longest
    /// that a handler can be subscribed to.
    pub event_name_bytes: usize,
    /// Nesting of arrays and objects in an incoming message; deeper ones are answered `too_deep`. Default 128, as deep
    /// as typed decoding goes without growing the stack.
    pub json_depth: usize,
    /// Events of one socket that wait for their turn; then reading stops. Default 64.
    pub queued_events: usize,
    /// Bytes of the events of one socket that wait for their turn; then reading stops. One event always fits. Default 1 MiB.
    pub queued_bytes: usize,
    /// Events of one socket in a second, whatever they are; one that was quiet may send as many at once. Further ones are
    /// answered `rate_limited`. Default none: what is too many is known to the application alone, often for one handler
    /// alone (`rate` in its attribute). Messages of a raw gateway do not count.
    pub events_per_second: Option<NonZeroU32>,
    /// Pings of one client in a second, and at once; one that sends more is closed with 1008. Default 100: clients send
    /// one in several seconds.
    pub pings_per_second: Option<NonZeroU32>,
    /// Streams of one socket that run at once; a further one is answered `overloaded`. Default 64.
    pub streams: usize,
    /// Frames that wait for a client whose transport takes no more, before [`Overflow`] decides. Default 1024.
    pub outbox_frames: usize,
    /// Bytes that wait for a client whose transport takes no more, before [`Overflow`] decides. Default 1 MiB. A frame
    /// larger than this goes out when nothing else waits.
    pub outbox_bytes: usize,
    /// Bytes of a burst: what one turn sends, or what was sent before the transport was offered any of it, may wait up to
    /// here, each frame counted with 64 bytes more; so may answers, behind which reading stops. Default 16 MiB: a history
    /// or a snapshot sent event by event, and less than a handful of such bursts weighs on a server.
    pub burst_bytes: usize,
    /// What happens when the outbox is full. Default [`Overflow::Close`]: a client that lost frames without knowing is
    /// worse off than one that reconnects.
    pub overflow: Overflow,
    /// Rooms one socket may be in, its own not counted. Default 128.
    pub rooms_per_socket: usize,
    /// Binary parts of one Socket.IO packet; one with more ends its connection. Default 10, as in the reference. With
    /// `MessagePack` the parts are inside the packet, and a packet may always have 1024.
    pub attachments: usize,
    /// Bytes of the binary parts of one Socket.IO packet together; one with more ends its connection. Default 4 MiB: the
    /// reference takes ten times its largest message.
    pub attachment_bytes: usize,
    /// Namespaces one Socket.IO connection may be in at once; a further one is refused. Default 32.
    pub namespaces_per_connection: usize,
    /// Questions to one client that wait for an answer at the same time. Default 1024.
    pub pending_requests: usize,
    /// How long a question to a client waits for its answer unless the caller says otherwise. Default 10 s.
    pub request_timeout: Duration,
    /// How long a handler may take before its request is answered `timeout`. Default 30 s. While a question to its client
    /// waits for an answer the time does not run out.
    pub handler_timeout: Duration,
    /// How long the connect hooks of one socket may take together before it is closed with 4002. Default 10 s.
    pub connect_timeout: Duration,
    /// How long handlers may go on after their client left, or after the server was told to stop. Default 5 s.
    pub drain_timeout: Duration,
    /// Silence of the client after which the server sends a ping. Default 25 s: below the idle timeouts of common
    /// proxies (60 s).
    pub ping_interval: Duration,
    /// Wait for any sign of life after a ping before the connection closes with 4001. Default 20 s.
    pub ping_timeout: Duration,
    /// How long a message may take from its first fragment to its last; then the connection closes with 1008. As long may
    /// the binary parts of a Socket.IO packet take together, and the body of a POST. Default 30 s.
    pub assembly_timeout: Duration,
    /// How long a burst may take until no more than `outbox_frames` and `outbox_bytes` of it wait, and how long a client
    /// that says nothing is kept because bytes still move. Default 2 min: 1 MiB at 9 KB a second.
    pub transfer_timeout: Duration,
    /// How long a closing connection waits for the client's side of the close. Default 5 s.
    pub close_timeout: Duration,
    /// How long a client may take for its TLS handshake and its request head together. Default 10 s, in total and not per
    /// read.
    pub handshake_timeout: Duration,
    /// Bytes of the request head; above it the answer is 431. Default 16 KiB, at least 8 KiB.
    pub header_bytes: usize,
    /// Number of request headers; above it the answer is 431. Default 100.
    pub headers: usize,
    /// Number of query parameters of a handshake; above it the answer is 414. Default 100, as many as headers.
    pub query_parameters: usize,
    /// Bytes of the credentials of one namespace, as they are written: they are kept while its socket lives. Above it
    /// Socket.IO is answered `CONNECT_ERROR`, and an upgrade 431. Default 16 KiB, as much as a request's head.
    pub auth_bytes: usize,
    /// Bytes that are read of a body which its request is answered without, so that its client reads the answer; beyond
    /// them the answer says `Connection: close`. All of it has [`assembly_timeout`](Limits::assembly_timeout). Default
    /// 16 MiB: more than proxies send.
    pub refused_body_bytes: usize,
    /// Silence within such a body after which the answer is sent without its rest. Default 1 s: some clients wait for the
    /// answer before they go on.
    pub refused_body_pause: Duration,
    /// Sessions of long polling at the same time; a further handshake is answered 503. A `WebSocket` is bounded by
    /// open files, such a session holds none. Default 32 768: 128 MiB.
    pub polling_sessions: usize,
    /// Those among them whose client has not got into any namespace yet; a further handshake is answered 503. Default 8192:
    /// more than arrive at once after a restart, and what one attacker may hold.
    pub unclaimed_sessions: usize,
    /// Connections at the same time; a further handshake is answered 503. Default none: open files bound them.
    pub connections: Option<usize>,
    /// Connections from one address, or one network of 64 bits of version 6, at the same time; a further handshake is
    /// answered 429. Default none: behind one address may be a company, or a proxy that was not named.
    pub connections_per_address: Option<usize>,
    /// How long a connection may live before it is closed with 4003, to be made anew; each lives up to a tenth longer, so that
    /// those that came together do not go together. Looked at every `ping_interval`. Default none.
    pub connection_lifetime: Option<Duration>,
    /// How long a request that brings events over long polling waits until they were taken; then it is answered, and the
    /// next one waits in its place. Default 2 s: impatient clients give a request up after five.
    pub post_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1024 * 1024,
            event_name_bytes: 256,
            json_depth: 128,
            queued_events: 64,
            queued_bytes: 1024 * 1024,
            events_per_second: None,
            pings_per_second: NonZeroU32::new(100),
            streams: 64,
            outbox_frames: 1024,
            outbox_bytes: 1024 * 1024,
            burst_bytes: 16 * 1024 * 1024,
            overflow: Overflow::Close,
            rooms_per_socket: 128,
            attachments: 10,
            attachment_bytes: 4 * 1024 * 1024,
            namespaces_per_connection: 32,
            pending_requests: 1024,
            request_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            assembly_timeout: Duration::from_secs(30),
            transfer_timeout: Duration::from_mins(2),
            close_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            headers: 100,
            query_parameters: 100,
            auth_bytes: 16 * 1024,
            refused_body_bytes: 16 * 1024 * 1024,
            refused_body_pause: Duration::from_secs(1),
            polling_sessions: 32 * 1024,
            unclaimed_sessions: 8 * 1024,
            connections: None,
            connections_per_address: None,
            connection_lifetime: None,
            post_timeout: Duration::from_secs(2),
        }
    }
}

/// What a full outbox does. Answers to requests are never dropped: where one does not fit, the connection closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// Close the connection with 4000 `too slow`.
    Close,
    /// Keep what waits, drop the new frame.
    DropNewest,
    /// Drop the oldest frames that are no answers until the new one fits.
    DropOldest,
}
