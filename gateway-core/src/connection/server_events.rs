//! Server-side events: their handlers, run for other servers of the cluster.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::Instrument;

use crate::connection::Application;
use crate::error::Exception;
use crate::handler::{
    Context, Event, Extensions, Handler, Outcome, Reply, Scope, ServerEventNamespace, Subject, drop_quietly,
};
use crate::hub::Namespace;
use crate::hub::cluster::{ServerEventFuture, ServerEventHandler};
use crate::metrics::{Counter, event_span, handler_took_too_long, told};
use crate::protocol::cluster::EventPacket;
use crate::protocol::{Content, RawArgs};

/// The methods of an application's gateways that handle server-side events.
pub(crate) struct ServerEvents(Weak<Application>);

impl ServerEvents {
    pub(crate) fn new(application: &Arc<Application>) -> Self {
        Self(Arc::downgrade(application))
    }

    /// Calls a method. A failure of its own becomes a reply.
    fn call(
        application: Arc<Application>,
        handler: &Arc<Handler>,
        namespace: &Arc<str>,
        args: &RawArgs,
    ) -> ServerEventFuture {
        let extensions = Extensions::default();
        extensions.insert(ServerEventNamespace(Namespace::new(application.hub.space(namespace))));
        let payload = args.as_payload();
        let event = Event { method: &handler.method, name: &handler.event, payload: &payload, responder: None };
        let scope = Scope { services: &application.services, socket: None, grants: None };
        let context = Context::new(scope, Subject::Event(event), &extensions);
        let span = event_span(&handler.event);
        let called = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| (handler.call)(&context))));
        let handler = Arc::clone(handler);
        let time = handler.subscription.policy.timeout.unwrap_or(application.limits.handler_timeout);
        let running = async move {
            let reply = match called {
                Ok(called) => match timeout(time, AssertUnwindSafe(called.outcome()).catch_unwind()).await {
                    Ok(Ok(reply)) => reply,
                    Ok(Err(_)) => panicked(&application, &handler),
                    Err(_) => {
                        application.telemetry.counters.add(Counter::Timeouts);
                        handler_took_too_long(&handler.event);
                        Exception::framework("timeout", "the handler took too long").into()
                    }
                },
                Err(_) => panicked(&application, &handler),
            };
            answer_of(&application, &handler, reply)
        };
        Box::pin(running.instrument(span))
    }
}

impl ServerEventHandler for ServerEvents {
    fn handle(&self, namespace: &Arc<str>, packet: EventPacket) -> Option<ServerEventFuture> {
        let application = self.0.upgrade()?;
        let found = application.routes.find(namespace)?;
        let handler = found.route.server_events.find(&packet.event)?;
        Some(Self::call(application, handler, namespace, &packet.args))
    }
}

fn panicked(application: &Application, handler: &Handler) -> Reply {
    application.telemetry.counters.add(Counter::Panics);
    let event = &*handler.event;
    Exception::internal(|id| tracing::error!(event, id, "the handler of a server-side event panicked")).into()
}

/// The arguments of the answer. A failure is answered with its object, as a failed request of a Socket.IO client is.
fn answer_of(application: &Application, handler: &Handler, reply: Reply) -> RawArgs {
    let exception = match reply.0 {
        Outcome::Empty => return RawArgs::default(),
        Outcome::Value { content, event: _ } => return content.into(),
        Outcome::Failed(exception) => exception,
        Outcome::Stream(items) => {
            drop_quietly(items);
            let event = &*handler.event;
            Exception::internal(|id| tracing::error!(event, id, "a server-side event was answered by a stream"))
        }
    };
    application.telemetry.counters.add(Counter::Exceptions);
    told(&"another server", &handler.event, exception.notice());
    Content::from(exception.render(Some(&handler.event), None, application.compat.nestjs)).into()
}

impl fmt::Debug for ServerEvents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerEvents")
    }
}
