//! The one place that logs and counts. Names of fields and counters are fixed here; payloads, headers and queries never
//! reach it.

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

/// Counts of a server since it was built. Reading is cheap and not atomic as a whole.
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
    pub(crate) labelled: LabelledCounters,
    /// Here, as whoever counts an event also knows who wants to hear of it.
    listeners: OnceLock<Listeners>,
}

/// A counter: [`ServerHandle::count`](crate::ServerHandle::count) reads its value, and [`Metrics`] holds that of each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Counter {
    /// Sockets whose connect hooks accepted.
    Connections,
    /// Sockets that were accepted and have gone.
    Disconnections,
    /// Handshakes answered with a status other than 101.
    RejectedHandshakes,
    /// Sockets whose connect hook refused, failed, panicked or took too long.
    RefusedConnections,
    /// Events that reached a handler.
    Events,
    /// Failures told to a client.
    Exceptions,
    /// Panics caught in handlers and hooks.
    Panics,
    /// Handlers that took too long.
    Timeouts,
    /// Events and streams answered `overloaded`.
    Overloads,
    /// Events that came faster than their handler's rate.
    RateLimited,
    /// Events beyond a handler's queue or rate that were dropped because its policy says so, and with `nestjs_compat` those
    /// that nobody subscribed to.
    DroppedEvents,
    /// Connections closed because their outbox was full.
    SlowDisconnects,
    /// Frames dropped by [`crate::limits::Overflow`] or because they were volatile.
    DroppedFrames,
    /// Frames that were not sent, because a later one of their key came while they waited.
    CoalescedFrames,
    /// Connections closed for a violation of the WebSocket protocol.
    ProtocolErrors,
    /// Questions to a client that were not answered in time.
    UnansweredRequests,
    /// Sockets whose clients resumed after a lost connection, with what they had missed.
    Recoveries,
    /// Clients that wanted to resume as a socket that is not known any more.
    LostSockets,
    /// Attempts to accept a connection that failed, as when no file could be opened for it.
    AcceptFailures,
}

impl Counters {
    /// The value of one counter.
    pub(crate) fn read(&self, counter: Counter) -> u64 {
        self.cell(counter).load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, counter: Counter) {
        self.add_many(counter, 1);
    }

    /// A handshake was rejected.
    pub(crate) fn reject(&self, why: Rejected) {
        self.add(Counter::RejectedHandshakes);
        self.labelled.rejected(why);
    }

    pub(crate) fn add_many(&self, counter: Counter, count: u64) {
        self.cell(counter).fetch_add(count, Ordering::Relaxed);
    }

    /// Listeners of events; `None` where there are none.
    pub(crate) fn listeners(&self) -> Option<&Listeners> {
        self.listeners.get()
    }

    /// Meter of all sockets; `None` where nothing is measured.
    #[inline]
    pub(crate) fn wire(&self) -> Option<&WireMeter> {
        Some(&self.listeners()?.meters()?.wire)
    }

    /// Set once, before anybody connects.
    pub(crate) fn listen(&self, listeners: Listeners) {
        if !listeners.is_empty() {
            let _ = self.listeners.set(listeners);
        }
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
        }
    }
}

/// `text`, bounded to 256 bytes for a log line. Escaping is the subscriber's part; unbounded names are not.
pub(crate) fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(256)]
}

/// The text of an application's failure, which may hold what a client sent, bounded to 4 KiB for a log line.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(4096)]
}

/// One connection, from its handshake to its end.
pub(crate) fn connection_span(socket: &dyn Display, namespace: &str, from: Caller<'_>) -> Span {
    let Caller { peer, traceparent } = from;
    let peer = peer.map(tracing::field::display);
    tracing::info_span!("connection", %socket, namespace = bounded(namespace), peer, traceparent)
}

/// A connection that serves several namespaces.
pub(crate) fn multiplexed_span(from: Caller<'_>) -> Span {
    let Caller { peer, traceparent } = from;
    tracing::info_span!("connection", peer = peer.map(tracing::field::display), traceparent)
}

/// Origin of a connection, for its span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) peer: Option<SocketAddr>,
    /// The trace that its handshake names.
    pub(crate) traceparent: Option<&'a str>,
}

/// One of its sockets.
pub(crate) fn socket_span(socket: &dyn Display, namespace: &str) -> Span {
    tracing::info_span!("socket", %socket, namespace = bounded(namespace))
}

/// One event in its handler. The name is a registered one, never the client's.
pub(crate) fn event_span(event: &str) -> Span {
    tracing::debug_span!("event", event)
}

/// Span of an event whose message names its trace.
pub(crate) fn traced_event_span(event: &str, traceparent: &str) -> Span {
    tracing::debug_span!("event", event, traceparent)
}
