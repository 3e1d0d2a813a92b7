//! What of one socket runs and what waits: one event after the other, those beside them that their handlers allow, and
//! streams, which hold no place.

mod diary;
pub(super) mod surplus;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::Span;

use crate::dispatch::{
    Context, Exception, Finished, Handler, OwnedCall, Reply, Responder, Running, RunningState, SharedResponder,
    StreamStep, Streaming, drop_quietly,
};
use crate::server::lanes::around::Visit;
use crate::server::place::Place;
use crate::server::rates::{Rates, per_second};
use crate::server::waiting::Waiting;
use crate::telemetry::{self, Counter};
use crate::wire::{Envelope, Payload, RequestId};

#[derive(Default)]
pub(crate) struct Lanes {
    waiting: Waiting<Held>,
    // Boxed: most sockets have none most of the time.
    serial: Option<Box<Invocation>>,
    #[allow(clippy::vec_box, reason = "moved between the two places")]
    concurrent: Vec<Box<Invocation>>,
    streams: Vec<Streaming>,
    // Boxed: most sockets never send what has a rate.
    rates: Option<Box<Rates>>,
    open: bool,
    /// Events that reached a handler since [`Lanes::count`] was called.
    events: u64,
}

/// An event that waits, and the handler it waits for, if there is one.
struct Held {
    envelope: Envelope<'static>,
    handler: Option<Arc<Handler>>,
}

mod around;

type Handling = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A handler that was called and has not been polled.
struct Pending<'a> {
    handler: &'a Arc<Handler>,
    future: Handling,
    responder: SharedResponder<'a>,
    span: Span,
}

/// A handler that has not returned yet.
struct Invocation {
    handler: Arc<Handler>,
    future: Handling,
    responder: SharedResponder<'static>,
    /// Present where something stands around the handler that wants to know how it ends.
    call: Option<Arc<OwnedCall>>,
    deadline: Instant,
    span: Span,
}

impl Lanes {
    /// The connect hooks have accepted: what waits may start.
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    /// Counts what this turn handled, once for all of it.
    pub(crate) fn count(&mut self, place: &Place) {
        if self.events > 0 {
            place.application.shared.counters.add_many(Counter::Events, std::mem::take(&mut self.events));
        }
    }

    /// Whether one more event may be read.
    pub(crate) fn has_room(&self, place: &Place) -> bool {
        self.waiting.has_room(&place.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.serial.is_none() && self.concurrent.is_empty() && self.streams.is_empty()
    }

    /// When the first running handler has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.serial.iter().chain(&self.concurrent).map(|invocation| invocation.deadline).min()
    }

    /// An event that was read: runs now if it may, else waits or is answered that it cannot.
    pub(crate) fn take(&mut self, place: &Place, envelope: Envelope<'_>, task: &mut Task<'_>) {
        let handler = place.route.router.find(&envelope.event);
        place.note_arrival(handler, &envelope);
        if let Some(listeners) = place.application.shared.counters.listeners() {
            listeners.count(place.route.namespace, handler.and_then(|handler| handler.meter.as_deref()));
            listeners.incoming(&place.session.namespace, place.session.id.as_str(), &envelope.event);
        }
        if place.application.limits.events_per_second.is_some()
            && let Err(flooded) = self.take_token(place)
        {
            return Self::refuse(place, envelope, &flooded);
        }
        if let Some(handler) = handler
            && let Some(rate) = handler.subscription.policy.rate
            && let Err(wait) = self.rates.get_or_insert_default().take(handler, rate, Instant::now())
        {
            return surplus::too_fast(place, handler, envelope, rate, wait);
        }
        if self.open && self.may_start(handler) && !self.waiting.iter().any(|held| shares_place(held, handler)) {
            self.start(place, handler, envelope, task);
        } else {
            self.wait(place, handler, envelope);
        }
    }

    /// Takes one of the messages that the socket may send in a second, whatever it says; `Err` with what to answer where
    /// there is none.
    #[cold]
    pub(crate) fn take_token(&mut self, place: &Place) -> Result<(), Exception> {
        let Some(events) = place.application.limits.events_per_second else { return Ok(()) };
        let taken = self.rates.get_or_insert_default().take_any(per_second(events), Instant::now());
        taken.map_err(|wait| surplus::flooded(place, events, wait))
    }

    /// Answers an event that reaches no handler.
    pub(crate) fn refuse(place: &Place, envelope: Envelope<'_>, exception: &Exception) {
        let event = Cow::Owned(Arc::from(envelope.event.as_ref()));
        responder(place, event, envelope.id, &envelope.payload).fail(exception);
    }

    /// Answers an event whose name is longer than a name may be. The answer has its beginning alone.
    pub(crate) fn refuse_name(place: &Place, envelope: Envelope<'_>) {
        let bytes = envelope.event.len();
        let event = Cow::Owned(telemetry::bounded(&envelope.event).to_owned());
        let exception = Exception::framework("name_too_long", format!("the name of the event has {bytes} bytes"));
        Self::refuse(place, Envelope { event, ..envelope }, &exception);
    }

    /// The client is gone: what was not started is not started.
    pub(crate) fn forget_waiting_events(&mut self) {
        self.waiting.clear();
    }

    /// A stream need not ever end by itself, so a server that stops does not wait for it.
    pub(crate) fn end_streams(&mut self) {
        for streaming in self.streams.drain(..) {
            streaming.stop(&Exception::framework("gone", "the connection ends"));
        }
    }

    /// Lets go of everything that still runs; each request is answered by its responder's end.
    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        let gone = || Exception::framework("gone", "the connection ended first");
        for invocation in self.serial.take().into_iter().chain(self.concurrent.drain(..)) {
            invocation.give_up(gone());
        }
        self.end_streams();
    }

    /// The client no longer wants the answer of a request.
    pub(crate) fn cancel(&mut self, place: &Place, id: &RequestId) {
        let cancelled = || Exception::framework("cancelled", "the request was cancelled by its client");
        let invocations = self.serial.take_if(|invocation| invocation.responder.has_id(id)).into_iter();
        for invocation in
            invocations.chain(self.concurrent.extract_if(.., |invocation| invocation.responder.has_id(id)))
        {
            invocation.give_up(cancelled());
        }
        for streaming in self.streams.extract_if(.., |streaming| streaming.id() == Some(id)) {
            streaming.stop(&cancelled());
        }
        self.forget_waiting(place, id);
    }

    fn forget_waiting(&mut self, place: &Place, id: &RequestId) {
        for held in self.waiting.take(|held| held.envelope.id.as_ref() == Some(id)) {
            let cancelled = Exception::framework("cancelled", "the request was cancelled by its client");
            Self::refuse(place, held.envelope, &cancelled);
        }
    }

    /// Lets everything go on as far as it can. Says whether anything happened.
    pub(crate) fn poll(&mut self, place: &Place, task: &mut Task<'_>) -> bool {
        // As nearly always: most handlers have returned when they were called.
        if self.is_idle() {
            return false;
        }
        let mut progress = self.poll_handlers(place, task);
        progress |= self.start_waiting(place, task);
        progress | self.poll_streams(place, task)
    }

    /// Answers `timeout` for every handler that has had its time.
    pub(crate) fn expire(&mut self, place: &Place, now: Instant) {
        if !place.session.pending.is_empty() {
            // Waiting for the client is not the handler's time; each question is bounded by a timeout of its own.
            let invocations = self.serial.iter_mut().chain(&mut self.concurrent);
            invocations.for_each(|invocation| invocation.postpone(now, place));
        }
        let serial = self.serial.take_if(|invocation| invocation.is_due(now)).into_iter();
        let due: Vec<_> = serial.chain(self.concurrent.extract_if(.., |invocation| invocation.is_due(now))).collect();
        for invocation in due {
            place.count(Counter::Timeouts);
            let exception = invocation.took_too_long();
            let Invocation { future, responder, call, .. } = *invocation;
            drop_quietly(future);
            responder.cancel();
            self.finish(place, exception.into(), responder, call);
        }
    }

    fn poll_handlers(&mut self, place: &Place, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        if let Some(invocation) = &mut self.serial {
            let polled = invocation.poll(task);
            if let Some(invocation) = self.serial.take_if(|_| !matches!(polled, Ok(Poll::Pending))) {
                progress = true;
                self.returned(place, polled, *invocation);
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
                self.returned(place, polled, *invocation);
                if !place.session.outbox.is_light() {
                    break;
                }
            }
        }
        progress
    }

    fn returned(&mut self, place: &Place, polled: Result<Poll<Reply>, ()>, invocation: Invocation) {
        match polled {
            Ok(Poll::Ready(reply)) => self.finish(place, reply, invocation.responder, invocation.call),
            Ok(Poll::Pending) => unreachable!("the caller keeps what is pending"),
            Err(()) => {
                let exception = panicked(place, &invocation.handler.event);
                self.finish(place, exception.into(), invocation.responder, invocation.call);
            }
        }
    }

    fn start_waiting(&mut self, place: &Place, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        // What was answered leaves before more is.
        while self.open && !self.waiting.is_empty() && !place.session.outbox.holds_back() {
            let Some(held) = self.next_to_start().and_then(|index| self.waiting.remove(index)) else { break };
            progress = true;
            self.start(place, held.handler.as_ref(), held.envelope, task);
        }
        progress
    }

    /// The first event that waits for nothing but its turn to be looked at: it may start, and none before it waits for
    /// the same place.
    fn next_to_start(&self) -> Option<usize> {
        self.waiting.iter().enumerate().position(|(index, held)| {
            let handler = held.handler.as_ref();
            self.may_start(handler) && !self.waiting.iter().take(index).any(|earlier| shares_place(earlier, handler))
        })
    }

    /// A stream goes on only while its items fit into the outbox: a slow reader slows it down and is not cut off for it.
    fn poll_streams(&mut self, place: &Place, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        let mut index = 0;
        while index < self.streams.len() && place.session.outbox.has_room() {
            let step = catch_unwind(AssertUnwindSafe(|| self.streams[index].poll_item(task)));
            match step {
                Ok(Poll::Pending) => index += 1,
                Ok(Poll::Ready(StreamStep::Sent)) => {
                    progress = true;
                    index += 1;
                }
                Ok(Poll::Ready(StreamStep::Ended)) => self.streams.swap_remove(index).end(),
                Ok(Poll::Ready(StreamStep::Failed(exception))) => self.streams.swap_remove(index).fail(exception),
                Err(_) => {
                    let exception = panicked(place, "a stream");
                    self.streams.swap_remove(index).fail(exception);
                }
            }
        }
        progress
    }

    /// An event whose handler allows several at once has places of its own; all others share one. One without a handler
    /// is answered in its turn.
    fn may_start(&self, handler: Option<&Arc<Handler>>) -> bool {
        let Some(handler) = handler else { return self.serial.is_none() };
        match handler.subscription.concurrency {
            0 | 1 => self.serial.is_none(),
            places => {
                self.concurrent.iter().filter(|invocation| Arc::ptr_eq(&invocation.handler, handler)).count() < places
            }
        }
    }

    /// Answers an event that nobody subscribed to, or passes it over as NestJS does. Its clients know no ids: one that asks by
    /// an id of the plain protocol has its answer all the same.
    fn refuse_unknown(place: &Place, envelope: Envelope<'_>) {
        let name = telemetry::bounded(&envelope.event);
        let expects_answer = envelope.id.is_some() && !place.session.outbox.format.has_acks();
        if place.application.compat.nestjs && !expects_answer {
            place.count(Counter::DroppedEvents);
            tracing::debug!(socket = %place.session.id, event = name, "an unknown event was passed over");
            place
                .session
                .handshake
                .diary()
                .note(|| format!("`{name}` has no handler, and `nestjs_compat` answers nothing"));
            return;
        }
        let exception = Exception::framework("unknown_event", format!("no handler for the event `{name}`"));
        Self::refuse(place, envelope, &exception);
    }

    fn start(&mut self, place: &Place, handler: Option<&Arc<Handler>>, envelope: Envelope<'_>, task: &mut Task<'_>) {
        let Some(handler) = handler else { return Self::refuse_unknown(place, envelope) };
        self.events += 1;
        let Envelope { event, payload, id } = envelope;
        let event = handler.named(&event);
        let responder = responder(place, event.clone(), id, &payload);
        let responder = SharedResponder::new(responder);
        let span = match &payload.trace {
            None => telemetry::event_span(&handler.event),
            Some(trace) => telemetry::traced_event_span(&handler.event, trace.as_str()),
        };
        if let Some(pipeline) = &handler.pipeline {
            let visit = Visit { handler, pipeline, event: &event, payload, responder, span };
            return self.start_around(place, visit, task);
        }
        let entered = span.enter();
        let called = catch_unwind(AssertUnwindSafe(|| {
            let context = Context::event(&place.application.services, &place.socket, &event, &payload, &responder);
            (handler.call)(&context.with_passes(place.passes.as_deref()))
        }));
        match called {
            Ok(Running(RunningState::Ready(reply))) => self.conclude(place, reply, responder, None),
            Ok(Running(RunningState::Future(future))) => {
                drop(entered);
                self.run(place, Pending { handler, future, responder, span }, || None, task);
            }
            Err(_) => responder.fail(panicked(place, &handler.event)),
        }
    }

    /// A future that is ready at its first poll needs no deadline, so no look at the clock, and no responder of its own.
    /// `keep` gives what is told to who stands around the handler; it is asked for where somebody does.
    fn run(
        &mut self,
        place: &Place,
        pending: Pending<'_>,
        keep: impl FnOnce() -> Option<Arc<OwnedCall>>,
        task: &mut Task<'_>,
    ) {
        let Pending { handler, mut future, responder, span } = pending;
        match poll_caught(&mut future, &span, task) {
            Ok(Poll::Ready(reply)) => self.finish(place, reply, responder, keep()),
            Err(()) => self.finish(place, panicked(place, &handler.event).into(), responder, keep()),
            Ok(Poll::Pending) => {
                let (handler, responder, call) = (Arc::clone(handler), responder.into_owned(), keep());
                let deadline = Instant::now() + time_of(&handler, place);
                place.note_pending(&handler);
                let is_serial = handler.subscription.concurrency <= 1;
                let invocation = Box::new(Invocation { handler, future, responder, call, deadline, span });
                if is_serial { self.serial = Some(invocation) } else { self.concurrent.push(invocation) }
            }
        }
    }

    /// The handler has ended: filters see how.
    fn finish(&mut self, place: &Place, reply: Reply, responder: SharedResponder<'_>, call: Option<Arc<OwnedCall>>) {
        match &call {
            None => self.conclude(place, reply, responder, None),
            Some(kept) => {
                let filtered = kept.filtered(reply);
                self.tell(place, filtered, responder, call);
            }
        }
    }

    fn conclude(&mut self, place: &Place, reply: Reply, responder: SharedResponder<'_>, call: Option<Arc<OwnedCall>>) {
        let Finished::Streaming(streaming) = responder.finish(reply) else { return };
        if self.streams.len() < place.application.limits.streams {
            self.streams.push(streaming.of(call));
        } else {
            place.count(Counter::Overloads);
            streaming.stop(&Exception::framework("overloaded", "too many streams run"));
        }
    }
}

/// How long a handler may take.
fn time_of(handler: &Handler, place: &Place) -> Duration {
    handler.subscription.policy.timeout.unwrap_or(place.application.limits.handler_timeout)
}

/// Whether both need the same place: that of a handler which allows several at once, or the one all others share.
fn shares_place(held: &Held, handler: Option<&Arc<Handler>>) -> bool {
    let own_place = |handler: Option<&Arc<Handler>>| {
        handler.filter(|handler| handler.subscription.concurrency > 1).map(Arc::as_ptr)
    };
    own_place(held.handler.as_ref()) == own_place(handler)
}

fn responder<'a>(
    place: &'a Place,
    event: Cow<'a, Arc<str>>,
    id: Option<RequestId>,
    payload: &Payload<'_>,
) -> Responder<'a> {
    Responder::new(&place.session, event, id).with_compat(place.application.compat, payload.raw().map(RawValue::get))
}

/// The panic hook has logged where; this says whose request it was.
fn panicked(place: &Place, event: &str) -> Exception {
    place.count(Counter::Panics);
    Exception::internal(|id| tracing::error!(socket = %place.session.id, event, id, "a handler panicked"))
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = usize::from(self.serial.is_some()) + self.concurrent.len();
        write!(formatter, "Lanes({running} running, {} streams, {} waiting)", self.streams.len(), self.waiting.len())
    }
}

impl Invocation {
    /// `Err` when the handler panicked.
    fn poll(&mut self, task: &mut Task<'_>) -> Result<Poll<Reply>, ()> {
        poll_caught(&mut self.future, &self.span, task)
    }

    /// Its answer is of use to nobody any more.
    fn give_up(self, exception: Exception) {
        drop_quietly(self.future);
        self.responder.cancel();
        self.responder.fail(exception);
    }

    fn took_too_long(&self) -> Exception {
        let event = &*self.handler.event;
        if self.call.as_ref().is_some_and(|call| call.is_asking()) {
            telemetry::guard_took_too_long(event);
            return Exception::framework("timeout", "the guard took too long");
        }
        telemetry::handler_took_too_long(event);
        Exception::framework("timeout", "the handler took too long")
    }

    fn postpone(&mut self, now: Instant, place: &Place) {
        if self.is_due(now) {
            self.deadline = now + time_of(&self.handler, place);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}

fn poll_caught(future: &mut Handling, span: &Span, task: &mut Task<'_>) -> Result<Poll<Reply>, ()> {
    let _entered = span.enter();
    catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))).map_err(drop)
}
