//! What is noted of events, for a test that fails.

use std::fmt;
use std::sync::Arc;

use crate::dispatch::Handler;
use crate::server::lanes::Lanes;
use crate::server::place::Place;
use crate::telemetry::bounded;
use crate::wire::Envelope;

impl Place {
    pub(super) fn note_arrival(&self, handler: Option<&Arc<Handler>>, envelope: &Envelope<'_>) {
        self.session.handshake.diary().note(|| {
            let what = Named(envelope);
            if let Some(handler) = handler {
                return format!("{what} came, for {}", Method(handler));
            }
            let names = self.route.router.handlers().flat_map(|handler| handler.names());
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            format!("{what} came, and has no handler: `{}` has {}", self.route.namespace, names.join(", "))
        });
    }

    pub(super) fn note_dismissal(&self, envelope: &Envelope<'_>) {
        self.session
            .handshake
            .diary()
            .note(|| format!("{} was dropped: its handler's policy says so", Named(envelope)));
    }

    pub(super) fn note_pending(&self, handler: &Handler) {
        self.session.handshake.diary().note(|| format!("{} was called and has not returned yet", Method(handler)));
    }
}

impl Lanes {
    pub(super) fn note_wait(&self, place: &Place, envelope: &Envelope<'_>) {
        place.session.handshake.diary().note(|| {
            let what = Named(envelope);
            if !self.open {
                return format!("{what} waits: the connect hooks have not accepted yet");
            }
            let running =
                self.serial.iter().chain(&self.concurrent).map(|running| Method(&running.handler).to_string());
            let before = match self.waiting.iter().count() {
                0 => String::new(),
                more => format!(", behind {more} more"),
            };
            format!("{what} waits for {} to return{before}", running.collect::<Vec<_>>().join(" and "))
        });
    }
}

/// An event, and the request's id where it has one.
struct Named<'a>(&'a Envelope<'a>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Envelope { event, id, .. }) = self;
        write!(formatter, "`{}`", bounded(event))?;
        id.as_ref().map_or(Ok(()), |id| write!(formatter, " (id {id})"))
    }
}

struct Method<'a>(&'a Handler);

impl fmt::Display for Method<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handler { gateway, subscription, .. } = self.0;
        let method = subscription.method;
        write!(formatter, "`{gateway}::{}` ({}:{})", method.method, method.file, method.line)
    }
}
