//! The events of one socket, running and queued: one after the other, concurrent ones where their handlers allow it, and
//! streams, which do not block other events.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use crate::connection::scheduler::event_queue::EventQueue;
use crate::connection::scheduler::invocation::{Invocation, ReplyFuture, poll_caught, time_of};
use crate::connection::scheduler::overload;
use crate::connection::scheduler::pipeline::{PipelineCall, answer, start_pipeline};
use crate::connection::scheduler::rate_limit::{RateLimiter, per_second};
use crate::connection::scheduler::test_log::{note_arrival, note_pending};
use crate::connection::socket_context::SocketContext;
use crate::error::Exception;
use crate::handler::{
    Context, Event, Extensions, FilteredReply, Finished, Handler, HandlerFuture, HandlerState, KeptEvent, Rate, Reply,
    Responder, SharedResponder, StreamStep, Streaming, Subject, drop_quietly,
};
use crate::metrics::{self, Counter};
use crate::protocol::{Envelope, Payload, RequestId};

#[derive(Default)]
pub(crate) struct EventScheduler {
    pub(super) waiting: EventQueue<QueuedEvent>,
    // Boxed: most sockets have none most of the time.
    pub(super) serial: Option<Box<Invocation>>,
    #[allow(clippy::vec_box, reason = "moved between the two places")]
    pub(super) concurrent: Vec<Box<Invocation>>,
    streams: Vec<RunningStream>,
    // Boxed: most sockets never send a rate-limited event.
    rates: Option<Box<RateLimiter>>,
    pub(super) open: bool,
    /// Events that reached a handler since [`EventScheduler::count`] was called.
    events: u64,
}

/// A queued event with its handler, if any.
pub(super) struct QueuedEvent {
    pub(super) envelope: Envelope<'static>,
    pub(super) handler: Option<Arc<Handler>>,
}

/// A stream that answers a request.
struct RunningStream {
    stream: Streaming,
    /// Present if filters may handle its failure.
    kept: Option<Arc<KeptEvent>>,
}

impl RunningStream {
    /// Ends a failed stream with the filters' reply as its last item.
    fn fail(self, context: &SocketContext, exception: Exception) {
        let FilteredReply { reply, then, .. } = match &self.kept {
            Some(kept) => kept.filtered(exception.into()),
            None => Reply::from(exception).into(),
        };
        self.stream.fail(reply);
        if let Some(disconnect) = then {
            context.socket.disconnect(disconnect);
        }
    }
}

/// A handler that was called but not polled yet.
pub(super) struct StartedCall<'a> {
    pub(super) handler: &'a Arc<Handler>,
    pub(super) future: ReplyFuture,
    pub(super) responder: SharedResponder<'a>,
    pub(super) span: Span,
}

impl EventScheduler {
    /// Lets queued events start after the connect hooks have accepted.
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    /// Counts the events of this turn in one step.
    pub(crate) fn count(&mut self, context: &SocketContext) {
        if self.events > 0 {
            context.application.telemetry.counters.add_many(Counter::Events, std::mem::take(&mut self.events));
        }
    }

    /// Returns `true` if another event may be read.
    pub(crate) fn has_room(&self, context: &SocketContext) -> bool {
        self.waiting.has_room(&context.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.serial.is_none() && self.concurrent.is_empty() && self.streams.is_empty()
    }

    /// The earliest deadline of a running handler.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.serial.iter().chain(&self.concurrent).map(|invocation| invocation.deadline).min()
    }

    /// Handles a decoded event: runs it now if possible, or else queues or refuses it.
    pub(crate) fn receive(&mut self, context: &SocketContext, envelope: Envelope<'_>, task: &mut Task<'_>) {
        let handler = context.route.router.find(&envelope.event);
        note_arrival(context, handler, &envelope);
        if let Some(listeners) = context.application.telemetry.listeners() {
            listeners.count(context.route.namespace, handler.and_then(|handler| handler.meter.as_deref()));
            listeners.incoming(&context.session.namespace, context.session.id.as_str(), &envelope);
        }
        if context.application.limits.events_per_second.is_some()
            && let Err(flooded) = self.acquire_token(context)
        {
            return Self::refuse(context, envelope, &flooded);
        }
        if let Some(handler) = handler
            && let Err((rate, wait)) = self.acquire_rate(handler)
        {
            return overload::too_fast(context, handler, envelope, rate, wait);
        }
        if self.open && self.may_start(handler) && !self.waiting.iter().any(|held| shares_place(held, handler)) {
            self.start(context, handler, envelope, task);
        } else {
            overload::queue(self, context, handler, envelope);
        }
    }

    /// Takes a token of a handler's rate, if it has one; `Err` with the rate and the time until the next token.
    #[inline]
    pub(super) fn acquire_rate(&mut self, handler: &Arc<Handler>) -> Result<(), (Rate, Duration)> {
        let Some(rate) = handler.subscription.policy.rate else { return Ok(()) };
        let taken = self.rates.get_or_insert_default().acquire(handler, rate, Instant::now());
        taken.map_err(|wait| (rate, wait))
    }

    /// Takes a token for any message of the socket; `Err` with the answer if the rate is exceeded.
    #[cold]
    pub(crate) fn acquire_token(&mut self, context: &SocketContext) -> Result<(), Exception> {
        let Some(events) = context.application.limits.events_per_second else { return Ok(()) };
        let taken = self.rates.get_or_insert_default().take_any(per_second(events), Instant::now());
        taken.map_err(|wait| overload::flooded(context, events, wait))
    }

    /// Answers an event that is not handled.
    pub(crate) fn refuse(context: &SocketContext, envelope: Envelope<'_>, exception: &Exception) {
        let event = Cow::Owned(Arc::from(envelope.event.as_ref()));
        responder(context, event, envelope.id, &envelope.payload).fail(exception);
    }

    /// Answers an event whose name exceeds the limit. The answer has the beginning of the name only.
    pub(crate) fn refuse_name(context: &SocketContext, envelope: Envelope<'_>) {
        let bytes = envelope.event.len();
        let event = Cow::Owned(metrics::bounded(&envelope.event).to_owned());
        let exception = Exception::framework("name_too_long", format!("the name of the event has {bytes} bytes"));
        Self::refuse(context, Envelope { event, ..envelope }, &exception);
    }

    /// Drops queued events after a disconnect.
    pub(crate) fn forget_waiting_events(&mut self) {
        self.waiting.clear();
    }

    /// Ends all streams when the server stops, because a stream may never end by itself.
    pub(crate) fn end_streams(&mut self) {
        for running in self.streams.drain(..) {
            running.stream.stop(&Exception::framework("gone", "the connection ends"));
        }
    }

    /// Drops all running handlers; their responders answer the requests.
    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        let gone = || Exception::framework("gone", "the connection ended first");
        for invocation in self.serial.take().into_iter().chain(self.concurrent.drain(..)) {
            invocation.give_up(gone());
        }
        self.end_streams();
    }

    /// Cancels a request on behalf of the client.
    pub(crate) fn cancel(&mut self, context: &SocketContext, id: &RequestId) {
        let cancelled = || Exception::framework("cancelled", "the request was cancelled by its client");
        let invocations = self.serial.take_if(|invocation| invocation.responder.has_id(id)).into_iter();
        for invocation in
            invocations.chain(self.concurrent.extract_if(.., |invocation| invocation.responder.has_id(id)))
        {
            invocation.give_up(cancelled());
        }
        for running in self.streams.extract_if(.., |running| running.stream.id() == Some(id)) {
            running.stream.stop(&cancelled());
        }
        self.forget_waiting(context, id);
    }

    fn forget_waiting(&mut self, context: &SocketContext, id: &RequestId) {
        for held in self.waiting.take(|held| held.envelope.id.as_ref() == Some(id)) {
            let cancelled = Exception::framework("cancelled", "the request was cancelled by its client");
            Self::refuse(context, held.envelope, &cancelled);
        }
    }

    /// Polls all work. Returns `true` if there was progress.
    pub(crate) fn poll(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        // The usual case: most handlers return when called.
        if self.is_idle() {
            return false;
        }
        let mut progress = self.poll_handlers(context, task);
        progress |= self.start_waiting(context, task);
        progress | self.poll_streams(context, task)
    }

    /// Answers `timeout` for every handler past its deadline.
    pub(crate) fn expire(&mut self, context: &SocketContext, now: Instant) {
        if !context.session.pending.is_empty() {
            // Waiting for the client's answer does not count; each request has a timeout of its own.
            let invocations = self.serial.iter_mut().chain(&mut self.concurrent);
            invocations.for_each(|invocation| invocation.postpone(now, context.application.limits.handler_timeout));
        }
        let serial = self.serial.take_if(|invocation| invocation.is_due(now)).into_iter();
        let due: Vec<_> = serial.chain(self.concurrent.extract_if(.., |invocation| invocation.is_due(now))).collect();
        for invocation in due {
            context.count(Counter::Timeouts);
            let exception = invocation.took_too_long();
            let Invocation { future, responder, kept, .. } = *invocation;
            drop_quietly(future);
            responder.cancel();
            self.finish(context, exception.into(), responder, kept);
        }
    }

    fn poll_handlers(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        if let Some(invocation) = &mut self.serial {
            let polled = invocation.poll(task);
            if let Some(invocation) = self.serial.take_if(|_| !matches!(polled, Ok(Poll::Pending))) {
                progress = true;
                self.returned(context, polled, *invocation);
            }
        }
        let mut index = 0;
        while index < self.concurrent.len() {
            let polled = self.concurrent[index].poll(task);
            if matches!(polled, Ok(Poll::Pending)) {
                index += 1;
            } else {
                progress = true;
                let invocation = self.concurrent.swap_remove(index);
                self.returned(context, polled, *invocation);
                if !context.session.outbox.is_light() {
                    break;
                }
            }
        }
        progress
    }

    fn returned(&mut self, context: &SocketContext, polled: Result<Poll<Reply>, ()>, invocation: Invocation) {
        match polled {
            Ok(Poll::Ready(reply)) => self.finish(context, reply, invocation.responder, invocation.kept),
            Ok(Poll::Pending) => unreachable!("the caller keeps what is pending"),
            Err(()) => {
                let exception = panicked(context, &invocation.handler.event);
                self.finish(context, exception.into(), invocation.responder, invocation.kept);
            }
        }
    }

    fn start_waiting(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        // Answers are written before further events start.
        while self.open && !self.waiting.is_empty() && !context.session.outbox.holds_back() {
            let Some(held) = self.next_to_start().and_then(|index| self.waiting.remove(index)) else { break };
            progress = true;
            self.start(context, held.handler.as_ref(), held.envelope, task);
        }
        progress
    }

    /// Returns the first queued event that may start and has no earlier event with the same slot.
    fn next_to_start(&self) -> Option<usize> {
        self.waiting.iter().enumerate().position(|(index, held)| {
            let handler = held.handler.as_ref();
            self.may_start(handler) && !self.waiting.iter().take(index).any(|earlier| shares_place(earlier, handler))
        })
    }

    /// Polls streams while their items fit into the outbox: a slow client slows a stream down without being disconnected.
    fn poll_streams(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        let mut index = 0;
        while index < self.streams.len() && context.session.outbox.has_room() {
            let step = catch_unwind(AssertUnwindSafe(|| self.streams[index].stream.poll_item(task)));
            match step {
                Ok(Poll::Pending) => index += 1,
                Ok(Poll::Ready(StreamStep::Sent)) => {
                    progress = true;
                    index += 1;
                }
                Ok(Poll::Ready(StreamStep::Ended)) => self.streams.swap_remove(index).stream.end(),
                Ok(Poll::Ready(StreamStep::Failed(exception))) => {
                    self.streams.swap_remove(index).fail(context, exception);
                }
                Err(_) => {
                    let exception = panicked(context, "a stream");
                    self.streams.swap_remove(index).fail(context, exception);
                }
            }
        }
        progress
    }

    /// Returns `true` if an event may start. A concurrent handler has slots of its own; all other events share one, including
    /// those without a handler.
    fn may_start(&self, handler: Option<&Arc<Handler>>) -> bool {
        let Some(handler) = handler else { return self.serial.is_none() };
        match handler.subscription.concurrency {
            0 | 1 => self.serial.is_none(),
            places => {
                self.concurrent.iter().filter(|invocation| Arc::ptr_eq(&invocation.handler, handler)).count() < places
            }
        }
    }

    /// Answers an event without a handler, or ignores it as NestJS does. A request with an id of the plain protocol, which
    /// NestJS does not have, is always answered.
    fn refuse_unknown(context: &SocketContext, envelope: Envelope<'_>) {
        let name = metrics::bounded(&envelope.event);
        let expects_answer = envelope.id.is_some() && !context.session.format.has_acks();
        if context.application.compat.nestjs && !expects_answer {
            context.count(Counter::DroppedEvents);
            tracing::debug!(socket = %context.session.id, event = name, "an unknown event was ignored");
            context.session.test_log.note(|| format!("`{name}` has no handler, and `nestjs_compat` answers nothing"));
            return;
        }
        let exception = Exception::framework("unknown_event", format!("no handler for the event `{name}`"));
        Self::refuse(context, envelope, &exception);
    }

    fn start(
        &mut self,
        context: &SocketContext,
        handler: Option<&Arc<Handler>>,
        envelope: Envelope<'_>,
        task: &mut Task<'_>,
    ) {
        let Some(handler) = handler else { return Self::refuse_unknown(context, envelope) };
        self.events += 1;
        let Envelope { event, payload, id } = envelope;
        let event = handler.named(&event);
        let responder = responder(context, event.clone(), id, &payload);
        let responder = SharedResponder::new(responder);
        let span = match &payload.trace {
            None => metrics::event_span(&handler.event),
            Some(trace) => metrics::traced_event_span(&handler.event, trace.as_str()),
        };
        if let Some(pipeline) = &handler.pipeline {
            let call = PipelineCall { handler, pipeline, event: &event, payload, responder, span };
            return start_pipeline(self, context, call, task);
        }
        let extensions = Extensions::default();
        let entered = span.enter();
        let called = catch_unwind(AssertUnwindSafe(|| {
            let routed =
                Event { method: &handler.method, name: &event, payload: &payload, responder: Some(&responder) };
            (handler.call)(&Context::new(context.scope(), Subject::Event(routed), &extensions))
        }));
        extensions.discard();
        match called {
            Ok(HandlerFuture(HandlerState::Ready(reply))) => self.conclude(context, reply, responder, None),
            Ok(HandlerFuture(HandlerState::Future(future))) => {
                drop(entered);
                self.run(context, StartedCall { handler, future, responder, span }, || None, task);
            }
            Err(_) => responder.fail(panicked(context, &handler.event)),
        }
    }

    /// A future that is ready at its first poll needs no deadline, so no look at the clock, and no responder of its own.
    /// `keep` gives what is told to who stands around the handler; it is asked for where somebody does.
    pub(super) fn run(
        &mut self,
        context: &SocketContext,
        pending: StartedCall<'_>,
        keep: impl FnOnce() -> Option<Arc<KeptEvent>>,
        task: &mut Task<'_>,
    ) {
        let StartedCall { handler, mut future, responder, span } = pending;
        match poll_caught(&mut future, &span, task) {
            Ok(Poll::Ready(reply)) => self.finish(context, reply, responder, keep()),
            Err(()) => self.finish(context, panicked(context, &handler.event).into(), responder, keep()),
            Ok(Poll::Pending) => {
                let (handler, responder, kept) = (Arc::clone(handler), responder.into_owned(), keep());
                let deadline = Instant::now() + time_of(&handler, context.application.limits.handler_timeout);
                note_pending(context, &handler);
                let is_serial = handler.subscription.concurrency <= 1;
                let invocation = Box::new(Invocation { handler, future, responder, kept, deadline, span });
                if is_serial { self.serial = Some(invocation) } else { self.concurrent.push(invocation) }
            }
        }
    }

    /// Applies filters after the handler has ended.
    pub(super) fn finish(
        &mut self,
        context: &SocketContext,
        reply: Reply,
        responder: SharedResponder<'_>,
        kept: Option<Arc<KeptEvent>>,
    ) {
        match &kept {
            None => self.conclude(context, reply, responder, None),
            Some(event) => {
                let filtered = event.filtered(reply);
                answer(self, context, filtered, responder, kept);
            }
        }
    }

    pub(super) fn conclude(
        &mut self,
        context: &SocketContext,
        reply: Reply,
        responder: SharedResponder<'_>,
        kept: Option<Arc<KeptEvent>>,
    ) {
        let Finished::Streaming(stream) = responder.finish(reply) else { return };
        if self.streams.len() < context.application.limits.streams {
            self.streams.push(RunningStream { stream, kept });
        } else {
            context.count(Counter::Overloads);
            stream.stop(&Exception::framework("overloaded", "too many streams run"));
        }
    }
}

/// Returns `true` if both use the same slot: that of a concurrent handler, or the shared one.
fn shares_place(held: &QueuedEvent, handler: Option<&Arc<Handler>>) -> bool {
    let own_place = |handler: Option<&Arc<Handler>>| {
        handler.filter(|handler| handler.subscription.concurrency > 1).map(Arc::as_ptr)
    };
    own_place(held.handler.as_ref()) == own_place(handler)
}

fn responder<'a>(
    context: &'a SocketContext,
    event: Cow<'a, Arc<str>>,
    id: Option<RequestId>,
    payload: &Payload<'_>,
) -> Responder<'a> {
    Responder::new(&context.session, event, id).with_compat(context.application.compat, payload.json.as_deref())
}

/// Logs the request of a panic; the panic hook has logged the location.
pub(super) fn panicked(context: &SocketContext, event: &str) -> Exception {
    context.count(Counter::Panics);
    Exception::internal(|id| tracing::error!(socket = %context.session.id, event, id, "a handler panicked"))
}

impl std::fmt::Debug for EventScheduler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = usize::from(self.serial.is_some()) + self.concurrent.len();
        write!(
            formatter,
            "EventScheduler({running} running, {} streams, {} waiting)",
            self.streams.len(),
            self.waiting.len()
        )
    }
}
