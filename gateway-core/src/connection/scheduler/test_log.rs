//! Notes about events in the test log.

use std::fmt;
use std::sync::Arc;

use crate::connection::scheduler::events::EventScheduler;
use crate::connection::socket_context::SocketContext;
use crate::handler::{Handler, MethodName};
use crate::metrics::bounded;
use crate::protocol::Envelope;

pub(super) fn note_arrival(context: &SocketContext, handler: Option<&Arc<Handler>>, envelope: &Envelope<'_>) {
    context.session.test_log.note(|| {
        let what = NamedEvent(envelope);
        if let Some(handler) = handler {
            return format!("{what} came, for {}", NamedMethod(handler));
        }
        let names = context.route.router.handlers().flat_map(|handler| handler.names());
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        format!("{what} came, and has no handler: `{}` has {}", context.route.namespace, names.join(", "))
    });
}

pub(super) fn note_dismissal(context: &SocketContext, envelope: &Envelope<'_>) {
    context.session.test_log.note(|| format!("{} was dropped: its handler's policy says so", NamedEvent(envelope)));
}

pub(super) fn note_pending(context: &SocketContext, handler: &Handler) {
    context.session.test_log.note(|| format!("{} was called and has not returned yet", NamedMethod(handler)));
}

pub(super) fn note_wait(scheduler: &EventScheduler, context: &SocketContext, envelope: &Envelope<'_>) {
    context.session.test_log.note(|| {
        let what = NamedEvent(envelope);
        if !scheduler.open {
            return format!("{what} waits: the connect hooks have not accepted yet");
        }
        let running = scheduler
            .serial
            .iter()
            .chain(&scheduler.concurrent)
            .map(|running| NamedMethod(&running.handler).to_string());
        let before = match scheduler.waiting.iter().count() {
            0 => String::new(),
            more => format!(", behind {more} more"),
        };
        format!("{what} waits for {} to return{before}", running.collect::<Vec<_>>().join(" and "))
    });
}

/// An event with its request's id, if any.
struct NamedEvent<'a>(&'a Envelope<'a>);

impl fmt::Display for NamedEvent<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Envelope { event, id, .. }) = self;
        write!(formatter, "`{}`", bounded(event))?;
        id.as_ref().map_or(Ok(()), |id| write!(formatter, " (id {id})"))
    }
}

struct NamedMethod<'a>(&'a Handler);

impl fmt::Display for NamedMethod<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handler { method: MethodName { gateway, .. }, subscription, .. } = self.0;
        let method = subscription.method;
        write!(formatter, "`{gateway}::{}` ({}:{})", method.method, method.file, method.line)
    }
}
