//! The messages of a raw gateway, handled one after the other.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll};

use tokio::time::Instant;

use crate::connection::scheduler::event_queue::EventQueue;
use crate::connection::socket_context::SocketContext;
use crate::error::Exception;
use crate::handler::{
    Context, Extensions, GuardContext, GuardPoint, GuardedHook, HandlerFuture, HandlerState, RawReply, Scope, Subject,
    drop_quietly,
};
use crate::metrics::Counter;
use crate::protocol::{CloseCode, Disconnect, Message};

type RawReplyFuture = Pin<Box<dyn Future<Output = RawReply> + Send>>;

#[derive(Default)]
pub(crate) struct RawScheduler {
    waiting: EventQueue<Message>,
    /// The running handler and its deadline.
    running: Option<(RawReplyFuture, Instant)>,
    open: bool,
}

impl RawScheduler {
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    pub(crate) fn has_room(&self, context: &SocketContext) -> bool {
        self.waiting.has_room(&context.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|(_, deadline)| *deadline)
    }

    /// Queues a message. There is always room: reading above the limit happens for acknowledgements only, which a raw gateway
    /// does not have.
    pub(crate) fn receive(&mut self, context: &SocketContext, message: Message, task: &mut Task<'_>) {
        if self.open && self.is_idle() {
            self.start(context, message, task);
        } else {
            let bytes = message.len();
            self.waiting.push(message, bytes);
        }
    }

    pub(crate) fn poll(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        loop {
            if let Some((future, _)) = &mut self.running {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Pending) => return progress,
                    Ok(Poll::Ready(reply)) => Self::finish(context, reply),
                    Err(_) => Self::panicked(context),
                }
                self.running = None;
                progress = true;
            }
            // Answers are written before further messages are handled.
            if !self.open || self.waiting.is_empty() || context.session.outbox.holds_back() {
                return progress;
            }
            let Some(message) = self.waiting.pop() else { return progress };
            progress = true;
            self.start(context, message, task);
        }
    }

    pub(crate) fn expire(&mut self, context: &SocketContext, now: Instant) {
        if let Some((future, _)) = self.running.take_if(|(_, deadline)| *deadline <= now) {
            drop_quietly(future);
            context.count(Counter::Timeouts);
            tracing::warn!(socket = %context.socket.id(), "a raw handler took too long");
            Self::end(context, CloseCode::INTERNAL, "internal error");
        }
    }

    pub(crate) fn forget_waiting_messages(&mut self) {
        self.waiting.clear();
    }

    fn start(&mut self, context: &SocketContext, message: Message, task: &mut Task<'_>) {
        let Some(hook) = context.route.router.raw() else { return };
        context.count(Counter::Events);
        let running = catch_unwind(AssertUnwindSafe(|| match &context.grants {
            Some(_) if !hook.guards.is_empty() => guarded(context, hook, message),
            Some(_) | None => call(context.scope(), hook, message),
        }));
        match running {
            Ok(HandlerFuture(HandlerState::Ready(reply))) => Self::finish(context, reply),
            Ok(HandlerFuture(HandlerState::Future(mut future))) => {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Ready(reply)) => Self::finish(context, reply),
                    Ok(Poll::Pending) => {
                        self.running = Some((future, Instant::now() + context.application.limits.handler_timeout));
                    }
                    Err(_) => Self::panicked(context),
                }
            }
            Err(_) => Self::panicked(context),
        }
    }

    fn finish(context: &SocketContext, reply: RawReply) {
        match reply {
            Ok(None) => {}
            // A full outbox is handled by its overflow policy.
            Ok(Some(message)) => drop(context.socket.send_message(message)),
            Err(exception) => Self::failed(context, &exception),
        }
    }

    fn failed(context: &SocketContext, exception: &Exception) {
        match exception.hidden_text() {
            Some(error) => {
                tracing::error!(socket = %context.socket.id(), error, "a raw handler failed");
                Self::end(context, CloseCode::INTERNAL, "internal error");
            }
            None => Self::end(context, CloseCode::POLICY, exception.text()),
        }
    }

    fn panicked(context: &SocketContext) {
        context.count(Counter::Panics);
        tracing::error!(socket = %context.socket.id(), "a raw handler panicked");
        Self::end(context, CloseCode::INTERNAL, "internal error");
    }

    /// Closes the connection after a failure, as there is no envelope for it.
    fn end(context: &SocketContext, code: CloseCode, reason: &str) {
        context.socket.disconnect(Disconnect::new(code, reason.to_owned()));
    }
}

fn call(scope: Scope<'_>, hook: &GuardedHook<RawReply>, message: Message) -> HandlerFuture<RawReply> {
    let (message, extensions) = (Mutex::new(Some(message)), Extensions::default());
    (hook.run)(&Context::new(scope, Subject::Taken(&message), &extensions))
}

/// Runs the guards and then the handler; at once if no guard waits.
fn guarded(context: &SocketContext, hook: &GuardedHook<RawReply>, message: Message) -> HandlerFuture<RawReply> {
    let SocketContext { application, route, socket, grants, .. } = context;
    let asked = {
        let extensions = Extensions::default();
        let about = Context::new(context.scope(), Subject::Message(&message), &extensions);
        hook.guards.check_now(&GuardContext::new(GuardPoint::Event, &about), socket.counters())
    };
    match asked {
        Err(exception) => HandlerFuture::ready(Err(exception)),
        Ok(asked) if asked == hook.guards.len() => call(context.scope(), hook, message),
        Ok(asked) => {
            let (application, route) = (Arc::clone(application), Arc::clone(route));
            let (socket, grants) = (socket.clone(), grants.clone());
            HandlerFuture::future(async move {
                let hook = route.router.raw().expect("it was called a moment ago");
                let scope = Scope { services: &application.services, socket: Some(&socket), grants: grants.as_ref() };
                let extensions = Extensions::default();
                let about = Context::new(scope, Subject::Message(&message), &extensions);
                let about = GuardContext::new(GuardPoint::Event, &about);
                hook.guards.check(asked, &about, socket.counters()).await?;
                let running = call(scope, hook, message);
                running.outcome().await
            })
        }
    }
}

impl fmt::Debug for RawScheduler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawScheduler({} waiting)", self.waiting.len())
    }
}
