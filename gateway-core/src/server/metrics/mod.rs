//! Metrics of a server, gathered when they are asked for. Most figures are looked up at their source, so nothing is
//! kept for them.

mod cluster;
mod events;
#[cfg(unix)]
mod process;
mod sockets;
mod traffic;

pub(crate) use events::meters;

use crate::metrics::{Counter, Kind, Metrics, Rejected, float};
use crate::server::state::ServerState;

/// Everything, at this moment.
pub(crate) fn gather(shared: &ServerState) -> Metrics {
    let mut metrics = Metrics::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    metrics.family("gateway_build_info", Kind::Level, "The framework's version.").add(&version, 1.0);
    let draining = if shared.is_draining() { 1.0 } else { 0.0 };
    metrics.family("gateway_draining", Kind::Gauge, "Whether the server stops.").add(&[], draining);
    sockets::gather(&mut metrics, shared);
    reasons(&mut metrics, shared);
    counters(&mut metrics, shared);
    events::gather(&mut metrics, shared);
    traffic::gather(&mut metrics, shared);
    cluster::gather(&mut metrics, shared);
    #[cfg(unix)]
    process::gather(&mut metrics);
    metrics
}

/// Counters by reason.
fn reasons(metrics: &mut Metrics, shared: &ServerState) {
    let labelled = &shared.telemetry.counters.labelled;
    let help = "Sockets that have gone, by who or what ended them and the close code.";
    metrics.family("gateway_disconnects_total", Kind::Counter, help);
    for (reason, code, count) in labelled.disconnections() {
        let code = code.map_or_else(|| "other".to_owned(), |code| code.to_string());
        metrics.add(&[("reason", reason), ("code", &code)], float(count));
    }
    metrics.family("gateway_rejected_total", Kind::Counter, "Handshakes that were rejected, by why.");
    for why in Rejected::ALL {
        metrics.add(&[("reason", why.as_str())], float(labelled.rejections(why)));
    }
    metrics.family("gateway_recover_total", Kind::Counter, "Clients that wanted to resume after a lost connection.");
    for (result, counter) in [("recovered", Counter::Recoveries), ("lost", Counter::LostSockets)] {
        metrics.add(&[("result", result)], float(shared.telemetry.counters.read(counter)));
    }
    metrics.family("gateway_dropped_total", Kind::Counter, "What was dropped because a policy says so.");
    let dropped =
        [("frame", Counter::DroppedFrames), ("event", Counter::DroppedEvents), ("shown_event", Counter::UnshownEvents)];
    for (what, counter) in dropped {
        metrics.add(&[("what", what)], float(shared.telemetry.counters.read(counter)));
    }
}

/// Counters without labels.
fn counters(metrics: &mut Metrics, shared: &ServerState) {
    let names = [
        ("gateway_connections_total", Counter::Connections, "Sockets whose connect hooks accepted."),
        ("gateway_refused_total", Counter::RefusedConnections, "Sockets whose guards or connect hooks refused."),
        ("gateway_handled_total", Counter::Events, "Events that reached a handler."),
        ("gateway_exceptions_total", Counter::Exceptions, "Failures told to clients."),
        ("gateway_handler_panics_total", Counter::Panics, "Panics caught in handlers and hooks."),
        ("gateway_handler_timeouts_total", Counter::Timeouts, "Handlers and hooks that took too long."),
        ("gateway_overloads_total", Counter::Overloads, "Events and streams answered `overloaded`."),
        ("gateway_rate_limited_total", Counter::RateLimited, "Events that came faster than their rate."),
        ("gateway_ack_timeouts_total", Counter::UnansweredRequests, "Questions to clients without an answer in time."),
        ("gateway_slow_disconnects_total", Counter::SlowDisconnects, "Connections closed for reading too slowly."),
        ("gateway_protocol_errors_total", Counter::ProtocolErrors, "Connections closed for a violation."),
        ("gateway_accept_failures_total", Counter::AcceptFailures, "Attempts to accept a connection that failed."),
    ];
    for (name, counter, help) in names {
        metrics.family(name, Kind::Counter, help).add(&[], float(shared.telemetry.counters.read(counter)));
    }
    if cfg!(feature = "http2") {
        http2(metrics, shared);
    }
}

fn http2(metrics: &mut Metrics, shared: &ServerState) {
    let read = |counter| shared.telemetry.counters.read(counter);
    let (opened, ended) = (read(Counter::Http2Connections), read(Counter::Http2Disconnections));
    let help = "Connections of HTTP/2, whatever their streams are for.";
    metrics.family("gateway_http2_connections", Kind::Gauge, help).add(&[], float(opened.saturating_sub(ended)));
    let help = "Requests of HTTP/2 that their client reset before the answer.";
    metrics.family("gateway_http2_resets_total", Kind::Counter, help).add(&[], float(read(Counter::ResetRequests)));
}
