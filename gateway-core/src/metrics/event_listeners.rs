//! Functions of the application that hear of every event.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::metrics::{EventMeter, Meters};

/// An event that came in or goes out, as a listener hears of it. Its data is none of a listener's business.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EventInfo<'a> {
    /// The concrete name of the namespace.
    pub namespace: &'a str,
    /// The id of the socket it came from, or goes to.
    pub socket: &'a str,
    /// The event's name. One that came in may be anything a client can think of.
    pub event: &'a str,
}

type EventListener = Box<dyn Fn(&EventInfo<'_>) + Send + Sync>;

/// Listeners of incoming and outgoing events.
#[derive(Default)]
pub(crate) struct Listeners {
    incoming: Vec<EventListener>,
    outgoing: Vec<EventListener>,
    /// Present where events are measured.
    meters: Option<Arc<Meters>>,
}

impl Listeners {
    pub(crate) fn add_incoming(&mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) {
        self.incoming.push(Box::new(listener));
    }

    pub(crate) fn add_outgoing(&mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) {
        self.outgoing.push(Box::new(listener));
    }

    pub(crate) fn measure(&mut self, meters: Arc<Meters>) {
        self.meters = Some(meters);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty() && self.meters.is_none()
    }

    pub(crate) fn meters(&self) -> Option<&Meters> {
        self.meters.as_deref()
    }

    /// An event came to a namespace, by the name it was declared with: one of its handler's, or one nobody handles.
    pub(crate) fn count(&self, namespace: &str, event: Option<&EventMeter>) {
        match (event, &self.meters) {
            (Some(event), _) => event.receive(),
            (None, Some(meters)) => meters.unknown(namespace),
            (None, None) => {}
        }
    }

    pub(crate) fn incoming(&self, namespace: &str, socket: &str, event: &str) {
        tell(&self.incoming, &EventInfo { namespace, socket, event });
    }

    /// An event goes to this many sockets.
    pub(crate) fn count_sent(&self, namespace: &str, event: &str, sockets: usize) {
        if let Some(meters) = &self.meters {
            meters.sent(namespace, event, sockets);
        }
    }

    pub(crate) fn outgoing(&self, namespace: &str, socket: &str, event: &str) {
        tell(&self.outgoing, &EventInfo { namespace, socket, event });
    }
}

fn tell(listeners: &[EventListener], traffic: &EventInfo<'_>) {
    for listener in listeners {
        // One that fails must not take the connection with it.
        if catch_unwind(AssertUnwindSafe(|| listener(traffic))).is_err() {
            tracing::error!(socket = traffic.socket, event = super::bounded(traffic.event), "a listener panicked");
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Listeners({} incoming, {} outgoing)", self.incoming.len(), self.outgoing.len())
    }
}
