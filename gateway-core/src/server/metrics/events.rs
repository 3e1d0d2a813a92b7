//! Events by their names.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::gateway::{Route, Routes};
use crate::metrics::{HowEnded, Kind, Meters, Metrics, NamespaceMeter, OTHER, float};
use crate::server::state::ServerState;

/// The meters of all namespaces. What is sent has a label of its own where it is subscribed to, or among `sent`.
pub(crate) fn meters(shared: &Arc<ServerState>, routes: &Routes, sent: &[String]) -> Arc<Meters> {
    let namespaces = routes.iter().map(|route| of_route(route, sent)).collect();
    let shared: Weak<ServerState> = Arc::downgrade(shared);
    Arc::new(Meters::new(namespaces, move |name| shared.upgrade()?.started()?.application.declared(name)))
}

fn of_route(route: &Route, sent: &[String]) -> NamespaceMeter {
    let handlers = || route.router.handlers().filter_map(|handler| Some((handler, handler.meter.as_ref()?)));
    let known = handlers().flat_map(|(handler, _)| handler.names().iter().cloned());
    let named = sent.iter().map(|name| Arc::from(name.as_str()));
    NamespaceMeter {
        namespace: route.namespace,
        received: handlers().map(|(handler, meter)| (Arc::clone(&handler.event), Arc::clone(meter))).collect(),
        unknown: AtomicU64::new(0),
        sent: known.chain(named).map(|name| (name, AtomicU64::new(0))).collect::<HashMap<_, _>>(),
        sent_other: AtomicU64::new(0),
    }
}

pub(super) fn gather(metrics: &mut Metrics, shared: &ServerState) {
    let Some(meters) = shared.telemetry.listeners().and_then(|listeners| listeners.meters()) else { return };
    metrics.family("gateway_events_total", Kind::Counter, "Events that came, and events that went to a socket.");
    for meter in &meters.namespaces {
        // Of thousands of names most were never sent: each would be a line for nothing.
        let mut add = |direction, event: &str, count| {
            if count == 0 && event != OTHER {
                return;
            }
            metrics.add(&[("namespace", meter.namespace), ("event", event), ("direction", direction)], float(count));
        };
        for (event, of_event) in &meter.received {
            add("received", event, of_event.received());
        }
        add("received", OTHER, meter.unknown.load(Ordering::Relaxed));
        let mut sent: Vec<_> = meter.sent.iter().collect();
        sent.sort_by_key(|(event, _)| Arc::clone(event));
        for (event, count) in sent {
            add("sent", event, count.load(Ordering::Relaxed));
        }
        add("sent", OTHER, meter.sent_other.load(Ordering::Relaxed));
    }
    metrics.family("gateway_handler_seconds", Kind::Histogram, "How long handlers take.");
    for meter in &meters.namespaces {
        for (event, of_event) in &meter.received {
            for how in HowEnded::ALL.into_iter().filter(|how| !of_event.seconds(*how).is_empty()) {
                let labels = [("namespace", meter.namespace), ("event", &**event), ("outcome", how.as_str())];
                metrics.add_histogram(&labels, of_event.seconds(how));
            }
        }
    }
}
