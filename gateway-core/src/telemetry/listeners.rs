//! Functions of the application that hear of every event.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An event that came in or goes out, as a listener hears of it. Its data is none of a listener's business.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Traffic<'a> {
    /// The concrete name of the namespace.
    pub namespace: &'a str,
    /// The id of the socket it came from, or goes to.
    pub socket: &'a str,
    /// The event's name. One that came in may be anything a client can think of.
    pub event: &'a str,
}

type Listener = Box<dyn Fn(&Traffic<'_>) + Send + Sync>;

/// Who hears of which way.
#[derive(Default)]
pub(crate) struct Listeners {
    incoming: Vec<Listener>,
    outgoing: Vec<Listener>,
}

impl Listeners {
    pub(crate) fn add_incoming(&mut self, listener: impl Fn(&Traffic<'_>) + Send + Sync + 'static) {
        self.incoming.push(Box::new(listener));
    }

    pub(crate) fn add_outgoing(&mut self, listener: impl Fn(&Traffic<'_>) + Send + Sync + 'static) {
        self.outgoing.push(Box::new(listener));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty()
    }

    pub(crate) fn incoming(&self, namespace: &str, socket: &str, event: &str) {
        tell(&self.incoming, &Traffic { namespace, socket, event });
    }

    pub(crate) fn outgoing(&self, namespace: &str, socket: &str, event: &str) {
        tell(&self.outgoing, &Traffic { namespace, socket, event });
    }
}

fn tell(listeners: &[Listener], traffic: &Traffic<'_>) {
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
