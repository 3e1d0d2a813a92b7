//! Figures of sockets and of the frames that wait for them.

use std::collections::BTreeMap;

use crate::hub::{Space, Target};
use crate::metrics::{Kind, Metrics, OTHER, float};
use crate::protocol::WireFormat;
use crate::server::state::{ServerState, StartedServer};
use crate::session::Session;

/// Totals of one namespace's sockets.
#[derive(Debug, Default)]
struct NamespaceGauges {
    lines: u64,
    polling: u64,
    websocket: u64,
    event_stream: u64,
    rooms: u64,
    members: u64,
}

/// Totals of all sockets.
#[derive(Debug, Default)]
struct SocketGauges {
    /// By the name each namespace was declared with.
    namespaces: BTreeMap<&'static str, NamespaceGauges>,
    connecting: u64,
    away: u64,
    asked: u64,
    frames: u64,
    bytes: u64,
    most_bytes: u64,
}

pub(super) fn gather(metrics: &mut Metrics, shared: &ServerState) {
    let started = shared.started();
    let mut all = SocketGauges::default();
    for route in started.iter().flat_map(|server| server.application.routes.iter()) {
        all.namespaces.entry(route.namespace).or_default();
    }
    for space in shared.hub.spaces() {
        all.add(&space, started.as_deref());
    }
    all.write(metrics);
}

impl SocketGauges {
    fn add(&mut self, space: &std::sync::Arc<Space>, server: Option<&StartedServer>) {
        let declared = server.and_then(|server| server.application.declared(&space.name)).unwrap_or(OTHER);
        let mut namespace = self.namespaces.remove(declared).unwrap_or_default();
        for session in Target::all(space).select().iter() {
            self.add_session(session, &mut namespace);
        }
        let (rooms, members) = space.room_counts();
        namespace.rooms += rooms as u64;
        namespace.members += members as u64;
        self.namespaces.insert(declared, namespace);
    }

    fn add_session(&mut self, session: &Session, namespace: &mut NamespaceGauges) {
        if session.is_away() {
            self.away += 1;
        } else if !session.is_accepted() {
            self.connecting += 1;
        } else if session.handshake.is_polling() {
            namespace.polling += 1;
        } else if session.format.is_of_lines() {
            namespace.lines += 1;
        } else if session.format == WireFormat::EventStream {
            namespace.event_stream += 1;
        } else {
            namespace.websocket += 1;
        }
        let (frames, bytes) = session.outbox.load();
        self.frames += u64::from(frames);
        self.bytes += bytes as u64;
        self.most_bytes = self.most_bytes.max(bytes as u64);
        self.asked += session.pending.len() as u64;
    }

    fn write(&self, metrics: &mut Metrics) {
        metrics.family("gateway_connections", Kind::Gauge, "Sockets that are connected.");
        for (name, namespace) in &self.namespaces {
            let by_transport = [
                ("lines", namespace.lines),
                ("polling", namespace.polling),
                ("websocket", namespace.websocket),
                ("event_stream", namespace.event_stream),
            ];
            for (transport, count) in by_transport {
                metrics.add(&[("namespace", name), ("transport", transport)], float(count));
            }
        }
        metrics.family("gateway_rooms", Kind::Gauge, "Rooms that somebody is in.");
        for (name, namespace) in &self.namespaces {
            metrics.add(&[("namespace", name)], float(namespace.rooms));
        }
        metrics.family("gateway_room_members", Kind::Gauge, "Sockets in rooms, one in two rooms twice.");
        for (name, namespace) in &self.namespaces {
            metrics.add(&[("namespace", name)], float(namespace.members));
        }
        let gauges = [
            ("gateway_connecting", "Sockets whose connect hooks run.", self.connecting),
            ("gateway_away", "Sockets that lost their connection and may resume.", self.away),
            ("gateway_acks_pending", "Questions to clients that wait for an answer.", self.asked),
            ("gateway_send_queue_frames", "Frames that wait for clients.", self.frames),
            ("gateway_send_queue_bytes", "Bytes that wait for clients.", self.bytes),
            ("gateway_send_queue_bytes_max", "Bytes that wait for the slowest client.", self.most_bytes),
        ];
        for (name, help, value) in gauges {
            metrics.family(name, Kind::Gauge, help).add(&[], float(value));
        }
    }
}
