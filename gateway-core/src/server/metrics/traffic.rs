//! Bytes, pings and broadcasts, of all sockets together.

use crate::metrics::{Kind, Metrics, float};
use crate::server::state::ServerState;

pub(super) fn gather(metrics: &mut Metrics, shared: &ServerState) {
    let Some(meter) = shared.telemetry.wire() else { return };
    metrics.family("gateway_bytes_total", Kind::Counter, "Bytes of messages, with their frames, read and written.");
    metrics.add(&[("direction", "received")], float(meter.received()));
    metrics.add(&[("direction", "sent")], float(meter.sent()));
    let histograms = [
        ("gateway_ping_rtt_seconds", "From a ping to the first sign of life of its client.", &meter.round_trips),
        ("gateway_fanout_size", "Sockets that a broadcast goes to.", &meter.receivers),
        ("gateway_broadcast_seconds", "How long a broadcast takes until it waits for all.", &meter.broadcasts),
    ];
    for (name, help, histogram) in histograms {
        metrics.family(name, Kind::Histogram, help).add_histogram(&[], histogram);
    }
}
