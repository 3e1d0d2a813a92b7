//! Messages between this server and the others of its cluster.

use crate::metrics::{Kind, Metrics, float};
use crate::server::state::ServerState;

pub(super) fn gather(metrics: &mut Metrics, shared: &ServerState) {
    let Some(cluster) = shared.hub.cluster() else { return };
    let meter = &cluster.meter;
    let up = if cluster.is_connected() { 1.0 } else { 0.0 };
    metrics.family("gateway_cluster_up", Kind::Level, "Whether the cluster's engine is connected.");
    metrics.add(&[("engine", cluster.engine_name())], up);
    let by_direction = [
        ("gateway_cluster_messages_total", "Messages to and from other servers.", &meter.published, &meter.received),
        ("gateway_cluster_bytes_total", "Bytes to and from the engine.", &meter.bytes_published, &meter.bytes_received),
    ];
    for (name, help, published, received) in by_direction {
        metrics.family(name, Kind::Counter, help);
        metrics.add(&[("direction", "published")], float(published.read()));
        metrics.add(&[("direction", "received")], float(received.read()));
    }
    metrics.family("gateway_cluster_dropped_total", Kind::Counter, "Messages that were dropped, by why.");
    let dropped = [
        ("queue_full", &meter.not_published),
        ("too_large", &meter.too_large),
        ("ignored", &meter.ignored),
        ("unknown_answer", &meter.unknown_answers),
        ("doubled_answer", &meter.doubled_answers),
    ];
    for (reason, count) in dropped {
        metrics.add(&[("reason", reason)], float(count.read()));
    }
    let counters = [
        ("gateway_cluster_requests_total", "Questions to other servers.", &meter.requests),
        ("gateway_cluster_incomplete_requests_total", "Questions without all answers.", &meter.incomplete_requests),
        ("gateway_cluster_losses_total", "Losses of the connection to the engine.", &meter.losses),
        ("gateway_cluster_gaps_total", "Losses after which messages are missing.", &meter.gaps),
        ("gateway_cluster_duplicate_ids_total", "Notices of a server with this server's id.", &meter.duplicate_ids),
        ("gateway_cluster_without_offset_total", "Events sent without their offset in the log.", &meter.without_offset),
        ("gateway_cluster_failed_records_total", "Failed writes of sessions for other servers.", &meter.failed_records),
    ];
    for (name, help, count) in counters {
        metrics.family(name, Kind::Counter, help).add(&[], float(count.read()));
    }
    metrics.family(
        "gateway_cluster_sessions_total",
        Kind::Counter,
        "Clients that resumed on another server, by what it was here.",
    );
    for (outcome, count) in
        [("taken", &meter.taken_sessions), ("given", &meter.given_sessions), ("missing", &meter.missing_sessions)]
    {
        metrics.add(&[("outcome", outcome)], float(count.read()));
    }
    let (messages, bytes) = cluster.queued();
    let levels = [
        ("gateway_cluster_requests_open", "Questions that wait for answers.", cluster.open_requests()),
        ("gateway_cluster_queue_messages", "Messages that wait for the engine.", messages),
        ("gateway_cluster_queue_bytes", "Bytes that wait for the engine, estimated.", bytes),
    ];
    for (name, help, value) in levels {
        metrics.family(name, Kind::Level, help).add(&[], float(value as u64));
    }
    let help = "How long a message waits until it is published.";
    metrics.family("gateway_cluster_publish_seconds", Kind::Histogram, help).add_histogram(&[], &meter.delay);
}
