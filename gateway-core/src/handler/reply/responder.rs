//! Exactly one end for every request. A [`Responder`] is the right to answer one event: answering consumes it, and a
//! dropped one answers by itself.

use std::borrow::Cow;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio_util::sync::CancellationToken;

use crate::error::Exception;
use crate::handler::{Outcome, Reply, drop_quietly};
use crate::metrics::{self, Counter};
use crate::protocol::{ContentRef, Encoded, Outgoing, ReplyEvent, RequestId};
use crate::session::{Delivery, Offset, SendError, Session};

/// The server's format of failures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compat {
    /// Set for NestJS's format: `cause.data`, and no codes of the framework's own.
    pub(crate) nestjs: bool,
}

/// The right to answer one event. Borrows the event's data for an immediate answer, owns it for a later one.
#[derive(Debug)]
pub(crate) struct Responder<'a> {
    session: Cow<'a, Arc<Session>>,
    event: Cow<'a, Arc<str>>,
    id: Option<RequestId>,
    compat: Compat,
    /// The request's data, kept only if [`Compat`] sends it back.
    echo: Option<Box<str>>,
    answered: bool,
    /// Cancelled when the answer is no longer needed; present if the handler takes it.
    pub(in crate::handler) cancellation: Option<CancellationToken>,
    /// Set if the session counts this among its later answers.
    owed: bool,
}

impl<'a> Responder<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, event: Cow<'a, Arc<str>>, id: Option<RequestId>) -> Self {
        let session = Cow::Borrowed(session);
        Self {
            session,
            event,
            id,
            compat: Compat::default(),
            echo: None,
            answered: false,
            cancellation: None,
            owed: false,
        }
    }

    /// Converts into an owned responder.
    pub(crate) fn into_owned(mut self) -> Responder<'static> {
        let answered = mem::replace(&mut self.answered, true);
        // A request already counted stays counted.
        if !mem::take(&mut self.owed) {
            self.session.owe();
        }
        Responder {
            owed: true,
            session: Cow::Owned(Arc::clone(&self.session)),
            event: Cow::Owned(Arc::clone(&self.event)),
            id: self.id.take(),
            compat: self.compat,
            echo: self.echo.take(),
            cancellation: self.cancellation.take(),
            answered,
        }
    }

    pub(crate) fn with_compat(mut self, compat: Compat, data: Option<&str>) -> Self {
        self.compat = compat;
        self.echo = data.filter(|_| compat.nestjs).map(Into::into);
        self
    }

    pub(crate) fn id(&self) -> Option<&RequestId> {
        self.id.as_ref()
    }

    pub(in crate::handler) fn cancellation(&mut self) -> CancellationToken {
        self.cancellation.get_or_insert_with(|| self.session.gone.child_token()).clone()
    }

    /// Answers, or returns the stream that will.
    pub(crate) fn finish(mut self, reply: Reply) -> Finished {
        match reply.0 {
            Outcome::Empty if self.id.is_none() => {
                self.note(|| "the handler returned nothing, and the event asked for no answer".to_owned());
                self.answered = true;
            }
            Outcome::Empty => self.value(None, "null".into()),
            Outcome::Value { event, content } => self.value(event.as_deref(), content.borrowed()),
            Outcome::Failed(exception) => self.fail(&exception),
            Outcome::Stream(items) => {
                return Finished::Streaming(Streaming { items, held: None, responder: self.into_owned() });
            }
        }
        Finished::Done
    }

    pub(crate) fn fail(mut self, exception: &Exception) {
        self.answered = true;
        self.send_exception(exception);
    }

    fn value(&mut self, event: Option<&str>, content: ContentRef<'_>) {
        self.answered = true;
        let (event, named) = self.name(event);
        self.push(&Outgoing::Reply { event, content, id: self.id.as_ref(), named });
    }

    fn item(&self, event: Option<&str>, content: ContentRef<'_>) -> StreamItem {
        let (event, named) = self.name(event);
        let outgoing = Outgoing::Item { event, content, id: self.id.as_ref(), named };
        match self.session.number(&outgoing) {
            None => StreamItem { frame: self.session.encode(&outgoing), offset: None },
            Some(offset) => {
                let [frame, _] = self.session.encode_numbered(&outgoing, offset);
                StreamItem { frame, offset: Some(offset) }
            }
        }
    }

    fn name<'e>(&'e self, event: Option<&'e str>) -> (&'e str, ReplyEvent) {
        event.map_or((&self.event, ReplyEvent::Own), |event| (event, ReplyEvent::Other))
    }

    /// Sends the end of a stream.
    fn finish_stream(self, reply: Reply) {
        match reply.0 {
            Outcome::Failed(exception) => self.fail(&exception),
            Outcome::Value { event, content } => {
                let (event, named) = self.name(event.as_deref());
                self.push(&Outgoing::Item { event, content: content.borrowed(), id: self.id.as_ref(), named });
                self.end();
            }
            Outcome::Empty => self.end(),
            Outcome::Stream(items) => {
                drop_quietly(items);
                let event = &**self.event;
                let log = |id: &str| tracing::error!(event, id, "a stream's failure was answered by a stream");
                let exception = Exception::internal(log);
                self.fail(&exception);
            }
        }
    }

    fn end(mut self) {
        self.answered = true;
        if let Some(id) = &self.id {
            self.push(&Outgoing::End { event: &self.event, id });
        }
    }

    fn send_exception(&self, exception: &Exception) {
        self.session.telemetry.counters.add(Counter::Exceptions);
        metrics::told(&self.session.id, metrics::bounded(&self.event), exception.notice());
        let data = exception.render(Some(&self.event), self.echo.as_deref(), self.compat.nestjs);
        // NestJS sends no ack for a failed request.
        let is_event = self.compat.nestjs && self.session.format.has_acks();
        self.push(&Outgoing::Exception { data: &data, id: self.id.as_ref().filter(|_| !is_event) });
    }

    /// Queues a frame. The outbox counts a frame that does not fit; a frame for a disconnected client is dropped.
    fn push(&self, outgoing: &Outgoing<'_>) {
        let pushed = self.session.answer(outgoing, self.delivery());
        self.note(|| self.describe(outgoing, pushed));
    }

    pub(in crate::handler) fn note(&self, line: impl FnOnce() -> String) {
        self.session.test_log.note(line);
    }

    /// Describes the fate of an answer, for the test log.
    fn describe(&self, outgoing: &Outgoing<'_>, pushed: Result<(), SendError>) -> String {
        let event = metrics::bounded(&self.event);
        let id = self.id.as_ref().map_or(String::new(), |id| format!(" (id {id})"));
        let (what, json) = match outgoing {
            Outgoing::Reply { id: None, named: ReplyEvent::Own, content, .. } if self.session.format.has_acks() => {
                ("a value, which goes nowhere: the event asked for no ack", content.json)
            }
            Outgoing::Reply { event: other, content, named: ReplyEvent::Other, .. } => {
                return format!("`{event}`{id} was answered on `{other}` by {}", metrics::bounded(content.json));
            }
            Outgoing::Reply { content, .. } => ("a value", content.json),
            Outgoing::Item { content, .. } => ("an item of a stream", content.json),
            Outgoing::Exception { data, .. } => ("an exception", *data),
            Outgoing::End { .. } => ("the end of a stream", ""),
            Outgoing::Event { .. }
            | Outgoing::Ask { .. }
            | Outgoing::Connected { .. }
            | Outgoing::Refused { .. }
            | Outgoing::Disconnected => ("something that is no answer", ""),
        };
        let lost = pushed.err().map_or(String::new(), |error| format!(", which was not sent: {error}"));
        format!("`{event}`{id} was answered by {what} {}{lost}", metrics::bounded(json))
    }

    fn delivery(&self) -> Delivery {
        if self.id.is_some() { Delivery::Answer } else { Delivery::Event }
    }
}

impl Drop for Responder<'_> {
    fn drop(&mut self) {
        if !self.answered && self.id.is_some() {
            self.send_exception(&Exception::framework("no_reply", "the request was dropped without an answer"));
        }
        if self.owed {
            self.session.settle();
        }
    }
}

/// The remaining work after a handler has returned.
#[derive(Debug)]
pub(crate) enum Finished {
    Done,
    Streaming(Streaming),
}

/// A stream that answers a request.
pub(crate) struct Streaming {
    items: Pin<Box<dyn Stream<Item = Reply> + Send>>,
    /// An item that does not fit into the outbox yet.
    held: Option<StreamItem>,
    responder: Responder<'static>,
}

/// One item of a stream, encoded.
struct StreamItem {
    frame: Encoded,
    offset: Option<Offset>,
}

/// Result of polling a stream.
#[derive(Debug)]
pub(crate) enum StreamStep {
    Sent,
    Ended,
    Failed(Exception),
}

impl Streaming {
    /// Sends the next item. Also pending while the item does not fit; the stream is polled again when there is room.
    pub(crate) fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<StreamStep> {
        let StreamItem { frame, offset } = match self.held.take() {
            Some(item) => item,
            None => match ready!(self.poll_next(context)) {
                Ok(item) => item,
                Err(step) => return Poll::Ready(step),
            },
        };
        match self.responder.session.offer(frame, self.responder.delivery(), offset) {
            Ok(()) => Poll::Ready(StreamStep::Sent),
            Err(frame) => {
                self.held = Some(StreamItem { frame, offset });
                Poll::Pending
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<StreamItem, StreamStep>> {
        let Some(Reply(outcome)) = ready!(self.items.as_mut().poll_next(context)) else {
            return Poll::Ready(Err(StreamStep::Ended));
        };
        Poll::Ready(match outcome {
            Outcome::Empty => Ok(self.responder.item(None, "null".into())),
            Outcome::Value { event, content } => Ok(self.responder.item(event.as_deref(), content.borrowed())),
            Outcome::Failed(exception) => Err(StreamStep::Failed(exception)),
            Outcome::Stream(_) => {
                let event = &**self.responder.event;
                let log = |id: &str| tracing::error!(event, id, "an item of a stream is a stream itself");
                Err(StreamStep::Failed(Exception::internal(log)))
            }
        })
    }

    pub(crate) fn id(&self) -> Option<&RequestId> {
        self.responder.id()
    }

    pub(crate) fn end(self) {
        self.let_go().end();
    }

    /// Ends the stream on behalf of the framework.
    pub(crate) fn stop(mut self, exception: &Exception) {
        if let Some(cancellation) = self.responder.cancellation.take() {
            cancellation.cancel();
        }
        self.let_go().fail(exception);
    }

    /// Ends a failed stream with `last`.
    pub(crate) fn fail(self, last: Reply) {
        self.let_go().finish_stream(last);
    }

    fn let_go(self) -> Responder<'static> {
        let Self { items, responder, .. } = self;
        drop_quietly(items);
        responder
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Streaming").field("responder", &self.responder).finish_non_exhaustive()
    }
}
