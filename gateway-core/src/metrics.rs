//! Counters and tracing spans. Names of fields and counters are defined here; payloads, headers and queries are never
//! recorded.

mod admin_feed;
mod cluster_log;
mod cluster_meter;
mod event_listeners;
mod exposition;
mod histogram;
mod labelled_counters;
mod log;
mod meters;
mod test_log;
mod wire_meter;

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use admin_feed::AdminFeed;
#[cfg(feature = "admin")]
pub(crate) use admin_feed::{FeedBatch, FeedEntry, FeedNews, wall_clock};
pub(crate) use cluster_log::{
    cluster_duplicate_id, cluster_gap, cluster_ignored, cluster_incomplete, cluster_joined, cluster_lost,
    cluster_not_published, cluster_publish_failed, cluster_record_failed, cluster_refused_namespace,
    cluster_session_given, cluster_session_missing, cluster_session_taken, cluster_unreachable,
};
pub(crate) use cluster_meter::ClusterMeter;
pub use event_listeners::EventInfo;
pub(crate) use event_listeners::Listeners;
pub use exposition::Metrics;
pub(crate) use exposition::{Kind, float};
use labelled_counters::LabelledCounters;
pub(crate) use labelled_counters::Rejected;
pub(crate) use log::{
    ExceptionNotice, RefusedSocket, RejectedHandshake, WRITES_NOTICES, broadcast_unsent, generic_not_served,
    guard_took_too_long, handler_took_too_long, hidden_failure, is_unheard, no_namespace, refused, rejected, sum_up,
    told, unreachable_filter,
};
pub(crate) use meters::{EventMeter, HowEnded, Meters, NamespaceMeter, OTHER};
pub(crate) use test_log::TestLog;
use tracing::Span;
pub(crate) use wire_meter::{BroadcastClock, WireMeter};

/// The counters of a server, and the listeners of its events.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) counters: Counters,
    /// Set at the start, if there are any.
    listeners: OnceLock<Listeners>,
}

impl Telemetry {
    /// Listeners of events, if any.
    pub(crate) fn listeners(&self) -> Option<&Listeners> {
        self.listeners.get()
    }

    /// Pages that see what the sockets do, if any are served.
    #[inline]
    pub(crate) fn admin_feed(&self) -> Option<&AdminFeed> {
        self.listeners()?.admin_feed()
    }

    /// Meter of all sockets; `None` if measuring is off.
    #[inline]
    pub(crate) fn wire(&self) -> Option<&WireMeter> {
        Some(&self.listeners()?.meters()?.wire)
    }

    /// Sets the listeners; called once, before the first connection.
    pub(crate) fn listen(&self, listeners: Listeners) {
        if !listeners.is_empty() {
            let _ = self.listeners.set(listeners);
        }
    }
}

/// The counters of a server since it was built. Reading is cheap and not atomic as a whole.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    disconnections: AtomicU64,
    rejected_handshakes: AtomicU64,
    refused_connections: AtomicU64,
    events: AtomicU64,
    exceptions: AtomicU64,
    panics: AtomicU64,
    timeouts: AtomicU64,
    overloads: AtomicU64,
    rate_limited: AtomicU64,
    dropped_events: AtomicU64,
    slow_disconnects: AtomicU64,
    dropped_frames: AtomicU64,
    coalesced_frames: AtomicU64,
    protocol_errors: AtomicU64,
    unanswered_requests: AtomicU64,
    recoveries: AtomicU64,
    lost_sockets: AtomicU64,
    accept_failures: AtomicU64,
    http2_connections: AtomicU64,
    http2_disconnections: AtomicU64,
    reset_requests: AtomicU64,
    unshown_events: AtomicU64,
    pub(crate) labelled: LabelledCounters,
}

/// A counter of a server. [`ServerHandle::count`](crate::ServerHandle::count) reads one; [`Metrics`] holds all values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Counter {
    /// Sockets whose connect hooks accepted.
    Connections,
    /// Accepted sockets that have disconnected.
    Disconnections,
    /// Handshakes answered with a status other than 101.
    RejectedHandshakes,
    /// Sockets whose connect hook refused, failed, panicked or took too long.
    RefusedConnections,
    /// Events that reached a handler.
    Events,
    /// Exceptions sent to a client.
    Exceptions,
    /// Panics caught in handlers and hooks.
    Panics,
    /// Handlers ended by their timeout.
    Timeouts,
    /// Events and streams answered `overloaded`.
    Overloads,
    /// Events above their handler's rate limit.
    RateLimited,
    /// Events above a handler's queue or rate limit that its policy drops, and with `nestjs_compat` events without a handler.
    DroppedEvents,
    /// Connections closed because their outbox was full.
    SlowDisconnects,
    /// Frames dropped by [`crate::limits::Overflow`] or because they were volatile.
    DroppedFrames,
    /// Queued frames that were replaced by a later one with their key.
    CoalescedFrames,
    /// Connections closed for a violation of the WebSocket protocol or of HTTP/2.
    ProtocolErrors,
    /// Requests to a client that were not answered in time.
    UnansweredRequests,
    /// Sockets resumed after a lost connection, with the missed events.
    Recoveries,
    /// Attempts to resume a socket that is no longer known.
    LostSockets,
    /// Failed attempts to accept a connection, for example for lack of file descriptors.
    AcceptFailures,
    /// Connections of HTTP/2 that were opened, whatever their streams are for.
    Http2Connections,
    /// Connections of HTTP/2 that have ended.
    Http2Disconnections,
    /// Requests of HTTP/2 whose client reset them before they were answered.
    ResetRequests,
    /// Events that the pages of the Admin UI were not shown: more came than they read.
    UnshownEvents,
}

impl Counters {
    /// The value of one counter.
    pub(crate) fn read(&self, counter: Counter) -> u64 {
        self.cell(counter).load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, counter: Counter) {
        self.add_many(counter, 1);
    }

    /// Counts a rejected handshake.
    pub(crate) fn reject(&self, why: Rejected) {
        self.add(Counter::RejectedHandshakes);
        self.labelled.rejected(why);
    }

    pub(crate) fn add_many(&self, counter: Counter, count: u64) {
        self.cell(counter).fetch_add(count, Ordering::Relaxed);
    }

    fn cell(&self, counter: Counter) -> &AtomicU64 {
        match counter {
            Counter::Connections => &self.connections,
            Counter::Disconnections => &self.disconnections,
            Counter::RejectedHandshakes => &self.rejected_handshakes,
            Counter::RefusedConnections => &self.refused_connections,
            Counter::Events => &self.events,
            Counter::Exceptions => &self.exceptions,
            Counter::Panics => &self.panics,
            Counter::Timeouts => &self.timeouts,
            Counter::Overloads => &self.overloads,
            Counter::RateLimited => &self.rate_limited,
            Counter::DroppedEvents => &self.dropped_events,
            Counter::SlowDisconnects => &self.slow_disconnects,
            Counter::DroppedFrames => &self.dropped_frames,
            Counter::CoalescedFrames => &self.coalesced_frames,
            Counter::ProtocolErrors => &self.protocol_errors,
            Counter::UnansweredRequests => &self.unanswered_requests,
            Counter::Recoveries => &self.recoveries,
            Counter::LostSockets => &self.lost_sockets,
            Counter::AcceptFailures => &self.accept_failures,
            Counter::Http2Connections => &self.http2_connections,
            Counter::Http2Disconnections => &self.http2_disconnections,
            Counter::ResetRequests => &self.reset_requests,
            Counter::UnshownEvents => &self.unshown_events,
        }
    }
}

/// Returns `text`, cut to 256 bytes for a log line. Escaping is left to the subscriber.
pub(crate) fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(256)]
}

/// Returns the text of an application's failure, which may contain client data, cut to 4 KiB for a log line.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(4096)]
}

/// Span of a connection, from its handshake to its end.
pub(crate) fn connection_span(socket: &dyn Display, namespace: &str, from: Caller<'_>) -> Span {
    let Caller { peer, traceparent } = from;
    let peer = peer.map(tracing::field::display);
    tracing::info_span!("connection", %socket, namespace = bounded(namespace), peer, traceparent)
}

/// Span of a connection with several namespaces.
pub(crate) fn multiplexed_span(from: Caller<'_>) -> Span {
    let Caller { peer, traceparent } = from;
    tracing::info_span!("connection", peer = peer.map(tracing::field::display), traceparent)
}

/// Origin of a connection, for its span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) peer: Option<SocketAddr>,
    /// The trace of its handshake.
    pub(crate) traceparent: Option<&'a str>,
}

/// Span of a socket of such a connection.
pub(crate) fn socket_span(socket: &dyn Display, namespace: &str) -> Span {
    tracing::info_span!("socket", %socket, namespace = bounded(namespace))
}

/// Span of an event in its handler. The name is a registered one, never the client's.
pub(crate) fn event_span(event: &str) -> Span {
    tracing::debug_span!("event", event)
}

/// Span of an event whose message carries a trace.
pub(crate) fn traced_event_span(event: &str, traceparent: &str) -> Span {
    tracing::debug_span!("event", event, traceparent)
}
