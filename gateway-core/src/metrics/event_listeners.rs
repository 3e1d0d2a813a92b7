//! Functions of the application that are called for every event.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::metrics::{AdminFeed, EventMeter, Meters};
use crate::protocol::{ContentRef, Envelope};

/// An incoming or outgoing event, as given to a listener. Has no payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EventInfo<'a> {
    /// The concrete name of the namespace.
    pub namespace: &'a str,
    /// The id of the sending or receiving socket.
    pub socket: &'a str,
    /// The event's name. The name of an incoming event is chosen by the client and may be any text.
    pub event: &'a str,
}

type EventListener = Box<dyn Fn(&EventInfo<'_>) + Send + Sync>;

/// Listeners of incoming and outgoing events.
#[derive(Default)]
pub(crate) struct Listeners {
    incoming: Vec<EventListener>,
    outgoing: Vec<EventListener>,
    /// Present if events are measured.
    meters: Option<Arc<Meters>>,
    /// Present if pages of administrators see events.
    admin_feed: Option<Arc<AdminFeed>>,
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

    #[cfg(feature = "admin")]
    pub(crate) fn show(&mut self, admin_feed: Arc<AdminFeed>) {
        self.admin_feed = Some(admin_feed);
    }

    pub(crate) fn admin_feed(&self) -> Option<&AdminFeed> {
        self.admin_feed.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty() && self.meters.is_none() && self.admin_feed.is_none()
    }

    pub(crate) fn meters(&self) -> Option<&Meters> {
        self.meters.as_deref()
    }

    /// Counts an incoming event of a namespace, given by its declared name. `None` stands for an event without a handler.
    pub(crate) fn count(&self, namespace: &str, event: Option<&EventMeter>) {
        match (event, &self.meters) {
            (Some(event), _) => event.receive(),
            (None, Some(meters)) => meters.unknown(namespace),
            (None, None) => {}
        }
    }

    pub(crate) fn incoming(&self, namespace: &Arc<str>, socket: &str, envelope: &Envelope<'_>) {
        notify(&self.incoming, &EventInfo { namespace, socket, event: &envelope.event });
        if let Some(feed) = self.admin_feed() {
            feed.received(namespace, socket, &envelope.event, envelope.payload.list());
        }
    }

    /// Counts an outgoing event with its number of recipients.
    pub(crate) fn count_sent(&self, namespace: &str, event: &str, sockets: usize) {
        if let Some(meters) = &self.meters {
            meters.sent(namespace, event, sockets);
        }
    }

    /// Tells of an event to these sockets.
    pub(crate) fn outgoing<'a>(
        &self,
        namespace: &Arc<str>,
        sockets: impl Iterator<Item = &'a str> + Clone,
        event: &str,
        content: ContentRef<'_>,
    ) {
        for socket in sockets.clone().filter(|_| !self.outgoing.is_empty()) {
            notify(&self.outgoing, &EventInfo { namespace, socket, event });
        }
        if let Some(feed) = self.admin_feed() {
            feed.sent(namespace, sockets, event, content.list());
        }
    }
}

fn notify(listeners: &[EventListener], traffic: &EventInfo<'_>) {
    for listener in listeners {
        // A panicking listener must not end the connection.
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
