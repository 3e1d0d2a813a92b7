//! What of one socket runs and what waits: one event after the other, those beside them that their handlers allow, and
//! streams, which hold no place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::Span;

use crate::dispatch::{
    Context, Exception, Finished, Handler, INTERNAL, Reply, Responder, Running, RunningState, SharedResponder,
    StreamStep, Streaming, drop_quietly,
};
use crate::gateway::Route;
use crate::server::application::Application;
use crate::server::waiting::Waiting;
use crate::session::Session;
use crate::socket::Socket;
use crate::telemetry::{self, Counter};
use crate::wire::{Envelope, Incoming, RequestId, decode};

pub(crate) struct Lanes {
    application: Arc<Application>,
    route: Arc<Route>,
    session: Arc<Session>,
    socket: Socket,
    waiting: Waiting<Box<str>>,
    serial: Option<Invocation>,
    concurrent: Vec<Invocation>,
    streams: Vec<Streaming>,
    open: bool,
    /// Events that reached a handler since [`Lanes::count`] was called.
    events: u64,
}

/// A handler that has not returned yet.
struct Invocation {
    handler: Arc<Handler>,
    future: Pin<Box<dyn Future<Output = Reply> + Send>>,
    responder: SharedResponder,
    /// Set once the handler has not been ready at its first poll.
    deadline: Option<Instant>,
    span: Span,
}

impl Lanes {
    pub(crate) fn new(application: Arc<Application>, route: Arc<Route>, session: Arc<Session>, socket: Socket) -> Self {
        Self {
            application,
            route,
            session,
            socket,
            waiting: Waiting::default(),
            serial: None,
            concurrent: Vec::new(),
            streams: Vec::new(),
            open: false,
            events: 0,
        }
    }

    /// The connect hooks have accepted: what waits may start.
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    /// Counts what this turn handled, once for all of it.
    pub(crate) fn count(&mut self) {
        if self.events > 0 {
            self.application.shared.counters.add_many(Counter::Events, std::mem::take(&mut self.events));
        }
    }

    /// Whether one more event may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.has_room(&self.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.serial.is_none() && self.concurrent.is_empty() && self.streams.is_empty()
    }

    /// When the first running handler has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.serial.iter().chain(&self.concurrent).filter_map(|invocation| invocation.deadline).min()
    }

    /// An event that was read: runs now if it may, else waits or is answered `overloaded`.
    pub(crate) fn take(&mut self, envelope: Envelope<'_>, frame: &str, task: &mut Task<'_>) {
        let handler = self.route.router.find(&envelope.event);
        if self.open && self.waiting.is_empty() && self.may_start(handler) {
            let handler = handler.map(Arc::clone);
            self.start(handler, envelope, task);
        } else if self.has_room() {
            self.waiting.push(frame.into(), frame.len());
        } else {
            self.application.shared.counters.add(Counter::Overloads);
            let exception = Exception::framework("overloaded", "too many events wait for their turn");
            self.refuse(envelope, &exception);
        }
    }

    /// Answers an event that reaches no handler.
    pub(crate) fn refuse(&self, envelope: Envelope<'_>, exception: &Exception) {
        self.responder(envelope.event.as_ref().into(), envelope.id, envelope.data.map(RawValue::get)).fail(exception);
    }

    /// The client is gone: what was not started is not started, and nobody reads a stream's items.
    pub(crate) fn forget_waiting_events(&mut self) {
        self.waiting.clear();
        self.end_streams();
    }

    /// A stream need not ever end by itself, so a server that stops does not wait for it.
    pub(crate) fn end_streams(&mut self) {
        for streaming in self.streams.drain(..) {
            streaming.fail(&Exception::framework("gone", "the connection ends"));
        }
    }

    /// Lets go of everything that still runs; each request is answered by its responder's end.
    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        let gone = || Exception::framework("gone", "the connection ended first");
        for invocation in self.serial.take().into_iter().chain(self.concurrent.drain(..)) {
            drop_quietly(invocation.future);
            invocation.responder.fail(gone());
        }
        self.end_streams();
    }

    /// The client no longer wants the answer of a request.
    pub(crate) fn cancel(&mut self, id: &RequestId) {
        let cancelled = || Exception::framework("cancelled", "the request was cancelled by its client");
        let invocations = self.serial.take_if(|invocation| invocation.responder.has_id(id)).into_iter();
        for invocation in
            invocations.chain(self.concurrent.extract_if(.., |invocation| invocation.responder.has_id(id)))
        {
            drop_quietly(invocation.future);
            invocation.responder.fail(cancelled());
        }
        for streaming in self.streams.extract_if(.., |streaming| streaming.id() == Some(id)) {
            streaming.fail(&cancelled());
        }
        self.forget_waiting(id);
    }

    fn forget_waiting(&mut self, id: &RequestId) {
        #[allow(clippy::borrowed_box, reason = "the queue holds boxes")]
        let is_it = |frame: &Box<str>| matches!(decode(frame), Ok(Incoming::Event(envelope)) if envelope.id.as_ref() == Some(id));
        for frame in self.waiting.take(is_it) {
            if let Ok(Incoming::Event(envelope)) = decode(&frame) {
                self.refuse(envelope, &Exception::framework("cancelled", "the request was cancelled by its client"));
            }
        }
    }

    /// Lets everything go on as far as it can. Says whether anything happened.
    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> bool {
        let mut progress = self.poll_handlers(task);
        progress |= self.start_waiting(task);
        progress | self.poll_streams(task)
    }

    /// Answers `timeout` for every handler that has had its time.
    pub(crate) fn expire(&mut self, now: Instant) {
        if !self.session.pending.is_empty() {
            // Waiting for the client is not the handler's time; each question is bounded by a timeout of its own.
            let later = now + self.application.limits.handler_timeout;
            self.serial.iter_mut().chain(&mut self.concurrent).for_each(|invocation| invocation.postpone(now, later));
        }
        let serial = self.serial.take_if(|invocation| invocation.is_due(now)).into_iter();
        for invocation in serial.chain(self.concurrent.extract_if(.., |invocation| invocation.is_due(now))) {
            self.application.shared.counters.add(Counter::Timeouts);
            tracing::warn!(event = &*invocation.handler.event, "a handler took too long");
            drop_quietly(invocation.future);
            invocation.responder.fail(Exception::framework("timeout", "the handler took too long"));
        }
    }

    fn poll_handlers(&mut self, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        if let Some(invocation) = &mut self.serial {
            let polled = invocation.poll(task);
            if let Some(invocation) = self.serial.take_if(|_| !matches!(polled, Ok(Poll::Pending))) {
                progress = true;
                self.returned(polled, invocation);
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
                self.returned(polled, invocation);
                if !self.session.outbox.is_light() {
                    break;
                }
            }
        }
        progress
    }

    fn returned(&mut self, polled: Result<Poll<Reply>, ()>, invocation: Invocation) {
        match polled {
            Ok(Poll::Ready(reply)) => self.finish(reply, invocation.responder),
            Ok(Poll::Pending) => unreachable!("the caller keeps what is pending"),
            Err(()) => invocation.responder.fail(self.panicked(&invocation.handler.event)),
        }
    }

    fn start_waiting(&mut self, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        // What was answered leaves before more is.
        while self.open && self.session.outbox.is_light() {
            let Some(handler) = self.next_to_start() else { break };
            let Some(frame) = self.waiting.pop() else { break };
            let Ok(Incoming::Event(envelope)) = decode(&frame) else {
                unreachable!("only events wait, and they were decoded before")
            };
            progress = true;
            self.start(handler, envelope, task);
        }
        progress
    }

    /// The handler of the first event that waits, if it may start; the inner `None` where it has no handler.
    #[allow(clippy::option_option, reason = "whether to start, and what")]
    fn next_to_start(&self) -> Option<Option<Arc<Handler>>> {
        let Ok(Incoming::Event(envelope)) = decode(self.waiting.front()?) else { return None };
        let handler = self.route.router.find(&envelope.event);
        self.may_start(handler).then(|| handler.map(Arc::clone))
    }

    /// A stream goes on only while its items fit into the outbox: a slow reader slows it down and is not cut off for it.
    fn poll_streams(&mut self, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        let mut index = 0;
        while index < self.streams.len() && self.session.outbox.has_room() {
            let step = catch_unwind(AssertUnwindSafe(|| self.streams[index].poll_item(task)));
            match step {
                Ok(Poll::Pending) => index += 1,
                Ok(Poll::Ready(StreamStep::Sent)) => {
                    progress = true;
                    index += 1;
                }
                Ok(Poll::Ready(StreamStep::Ended)) => self.streams.swap_remove(index).end(),
                Ok(Poll::Ready(StreamStep::Failed(exception))) => self.streams.swap_remove(index).fail(&exception),
                Err(_) => {
                    let exception = self.panicked("a stream");
                    self.streams.swap_remove(index).fail(&exception);
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

    fn start(&mut self, handler: Option<Arc<Handler>>, envelope: Envelope<'_>, task: &mut Task<'_>) {
        let Some(handler) = handler else {
            let name = telemetry::bounded(&envelope.event);
            let exception = Exception::framework("unknown_event", format!("no handler for the event `{name}`"));
            return self.refuse(envelope, &exception);
        };
        self.events += 1;
        let data = envelope.data;
        let responder = self.responder(Arc::clone(&handler.event), envelope.id, data.map(RawValue::get));
        let responder = SharedResponder::new(responder);
        let span = telemetry::event_span(&handler.event);
        let entered = span.enter();
        let called = catch_unwind(AssertUnwindSafe(|| {
            (handler.call)(&Context::event(&self.application.services, &self.socket, &handler.event, data, &responder))
        }));
        match called {
            Ok(Running(RunningState::Ready(reply))) => self.finish(reply, responder),
            Ok(Running(RunningState::Future(future))) => {
                drop(entered);
                self.run(Invocation { handler, future, responder, deadline: None, span }, task);
            }
            Err(_) => responder.fail(self.panicked(&handler.event)),
        }
    }

    /// A future that is ready at its first poll needs no deadline, so no look at the clock.
    fn run(&mut self, mut invocation: Invocation, task: &mut Task<'_>) {
        let polled = invocation.poll(task);
        if !matches!(polled, Ok(Poll::Pending)) {
            return self.returned(polled, invocation);
        }
        invocation.deadline = Some(Instant::now() + self.application.limits.handler_timeout);
        if invocation.handler.subscription.concurrency <= 1 {
            self.serial = Some(invocation);
        } else {
            self.concurrent.push(invocation);
        }
    }

    fn finish(&mut self, reply: Reply, responder: SharedResponder) {
        let Finished::Streaming(streaming) = responder.finish(reply) else { return };
        if self.streams.len() < self.application.limits.streams {
            self.streams.push(streaming);
        } else {
            self.application.shared.counters.add(Counter::Overloads);
            streaming.fail(&Exception::framework("overloaded", "too many streams run"));
        }
    }

    fn responder(&self, event: Arc<str>, id: Option<RequestId>, data: Option<&str>) -> Responder {
        Responder::new(&self.session, event, id).with_compat(self.application.compat, data)
    }

    /// The panic hook has logged where; this says whose request it was.
    fn panicked(&self, event: &str) -> Exception {
        self.application.shared.counters.add(Counter::Panics);
        tracing::error!(socket = %self.session.id, event, "a handler panicked");
        Exception::framework("internal", INTERNAL)
    }
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
        let _entered = self.span.enter();
        catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(task))).map_err(drop)
    }

    fn postpone(&mut self, now: Instant, later: Instant) {
        if self.is_due(now) {
            self.deadline = Some(later);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}
