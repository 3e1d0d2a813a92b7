//! Measurements per event, if the server measures. Labels are names known at the start; clients cannot add any.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::metrics::histogram::Histogram;
use crate::metrics::wire_meter::WireMeter;

/// The label of all events without a label of their own.
pub(crate) const OTHER: &str = "other";

/// Measurements of one registered event.
#[derive(Debug, Default)]
pub(crate) struct EventMeter {
    received: AtomicU64,
    seconds: [Histogram; 3],
}

/// Outcome of a handler.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HowEnded {
    /// The handler completed.
    Done,
    /// The handler returned an exception.
    Failed,
    /// The handler panicked, timed out or was cancelled.
    Dropped,
}

impl HowEnded {
    pub(crate) const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Dropped];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl EventMeter {
    pub(crate) fn receive(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn observe(&self, outcome: HowEnded, time: Duration) {
        self.seconds[outcome as usize].observe(time);
    }

    pub(crate) fn seconds(&self, outcome: HowEnded) -> &Histogram {
        &self.seconds[outcome as usize]
    }
}

/// Measurements of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceMeter {
    /// The declared name, with parameters.
    pub(crate) namespace: &'static str,
    /// Meters by the names or patterns of handlers.
    pub(crate) received: Vec<(Arc<str>, Arc<EventMeter>)>,
    /// Events without a handler.
    pub(crate) unknown: AtomicU64,
    /// Counts of outgoing events, by the names given to the server.
    pub(crate) sent: HashMap<Arc<str>, AtomicU64>,
    pub(crate) sent_other: AtomicU64,
}

/// Measurements of a server.
pub(crate) struct Meters {
    pub(crate) namespaces: Vec<NamespaceMeter>,
    pub(crate) wire: WireMeter,
    resolve: Resolve,
}

/// Lookup of the declared namespace by a concrete name.
type Resolve = Box<dyn Fn(&str) -> Option<&'static str> + Send + Sync>;

impl Meters {
    /// `resolve` maps a concrete name to its declared namespace.
    pub(crate) fn new(
        namespaces: Vec<NamespaceMeter>,
        resolve: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        Self { namespaces, wire: WireMeter::default(), resolve: Box::new(resolve) }
    }

    /// Counts an event without a handler in a namespace, given by its declared name.
    pub(crate) fn unknown(&self, namespace: &str) {
        if let Some(meter) = self.declared(namespace) {
            meter.unknown.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an outgoing event of a namespace, given by its concrete name.
    pub(crate) fn sent(&self, namespace: &str, event: &str, sockets: usize) {
        let found = self.declared(namespace).or_else(|| self.declared((self.resolve)(namespace)?));
        if let Some(meter) = found {
            let cell = meter.sent.get(event).unwrap_or(&meter.sent_other);
            cell.fetch_add(sockets as u64, Ordering::Relaxed);
        }
    }

    fn declared(&self, namespace: &str) -> Option<&NamespaceMeter> {
        self.namespaces.iter().find(|meter| meter.namespace == namespace)
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Meters({} namespaces)", self.namespaces.len())
    }
}
