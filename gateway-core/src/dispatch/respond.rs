//! Exactly one end for every request. A [`Responder`] is the right to answer one event: answering consumes it, and one
//! that is lost answers for itself.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::dispatch::{Exception, Outcome, Reply, drop_quietly};
use crate::session::{Delivery, Offset, Session};
use crate::telemetry::{self, Counter};
use crate::wire::{ContentRef, Encoded, Named, Outgoing, RequestId};

/// How failures are told; the same for all of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compat {
    /// As NestJS does: `cause.data`, no codes of the framework's own.
    pub(crate) nestjs: bool,
}

/// The right to answer one event. What it answers to is lent where the answer comes at once, and its own where it comes
/// later.
#[derive(Debug)]
pub(crate) struct Responder<'a> {
    session: Cow<'a, Arc<Session>>,
    event: Cow<'a, Arc<str>>,
    id: Option<RequestId>,
    compat: Compat,
    /// The request's data, kept only where [`Compat`] sends it back.
    echo: Option<Box<str>>,
    answered: bool,
    /// Whether the session counts it among the answers it owes.
    owed: bool,
}

impl<'a> Responder<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, event: Cow<'a, Arc<str>>, id: Option<RequestId>) -> Self {
        let session = Cow::Borrowed(session);
        Self { session, event, id, compat: Compat::default(), echo: None, answered: false, owed: false }
    }

    /// The same right, to be used later.
    pub(crate) fn into_owned(mut self) -> Responder<'static> {
        let answered = mem::replace(&mut self.answered, true);
        // A debt that is counted already goes over with the right.
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

    /// Answers, or gives the stream that will.
    pub(crate) fn finish(mut self, reply: Reply) -> Finished {
        match reply.0 {
            Outcome::Empty if self.id.is_none() => self.answered = true,
            Outcome::Empty => self.value(None, "null".into()),
            Outcome::Value { event, content } => self.value(event.as_deref(), content.lend()),
            Outcome::Failed(exception) => self.fail(&exception),
            Outcome::Stream(items) => {
                return Finished::Streaming(Streaming { items, held: None, responder: self.into_owned() });
            }
        }
        Finished::Done
    }

    pub(crate) fn fail(mut self, exception: &Exception) {
        self.answered = true;
        self.tell(exception);
    }

    fn value(&mut self, event: Option<&str>, content: ContentRef<'_>) {
        self.answered = true;
        let (event, named) = self.name(event);
        self.push(&Outgoing::Reply { event, content, id: self.id.as_ref(), named });
    }

    fn item(&self, event: Option<&str>, content: ContentRef<'_>) -> Item {
        let (event, named) = self.name(event);
        let outgoing = Outgoing::Item { event, content, id: self.id.as_ref(), named };
        match self.session.number(&outgoing) {
            None => Item { frame: self.session.encode(&outgoing), offset: None },
            Some(offset) => {
                let [frame, _] = self.session.encode_numbered(&outgoing, offset);
                Item { frame, offset: Some(offset) }
            }
        }
    }

    fn name<'e>(&'e self, event: Option<&'e str>) -> (&'e str, Named) {
        event.map_or((&self.event, Named::Own), |event| (event, Named::Other))
    }

    fn end(mut self) {
        self.answered = true;
        if let Some(id) = &self.id {
            self.push(&Outgoing::End { event: &self.event, id });
        }
    }

    fn tell(&self, exception: &Exception) {
        self.session.outbox.counters.add(Counter::Exceptions);
        telemetry::told(&self.session.id, telemetry::bounded(&self.event), exception.code(), exception.hidden_text());
        let data = exception.render(Some(&self.event), self.echo.as_deref(), self.compat.nestjs);
        self.push(&Outgoing::Exception { data: &data, id: self.id.as_ref() });
    }

    /// A frame that finds no room is counted by the outbox, one for a client that is gone has no reader.
    fn push(&self, outgoing: &Outgoing<'_>) {
        let _ = self.session.answer(outgoing, self.delivery());
    }

    fn delivery(&self) -> Delivery {
        if self.id.is_some() { Delivery::Answer } else { Delivery::Event }
    }
}

impl Drop for Responder<'_> {
    fn drop(&mut self) {
        if !self.answered && self.id.is_some() {
            self.tell(&Exception::framework("no_reply", "the request was dropped without an answer"));
        }
        if self.owed {
            self.session.settle();
        }
    }
}

/// What is left to do once a handler has returned.
#[derive(Debug)]
pub(crate) enum Finished {
    Done,
    Streaming(Streaming),
}

/// A stream that answers a request.
pub(crate) struct Streaming {
    items: Pin<Box<dyn Stream<Item = Reply> + Send>>,
    /// An item that has not found room yet.
    held: Option<Item>,
    responder: Responder<'static>,
}

/// One item of a stream, encoded.
struct Item {
    frame: Encoded,
    offset: Option<Offset>,
}

/// What became of a stream when it was polled.
#[derive(Debug)]
pub(crate) enum StreamStep {
    Sent,
    Ended,
    Failed(Exception),
}

impl Streaming {
    /// Sends the next item. Pending also while it does not fit: whoever makes room polls again.
    pub(crate) fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<StreamStep> {
        let Item { frame, offset } = match self.held.take() {
            Some(item) => item,
            None => match ready!(self.poll_next(context)) {
                Ok(item) => item,
                Err(step) => return Poll::Ready(step),
            },
        };
        match self.responder.session.offer(frame, self.responder.delivery(), offset) {
            Ok(()) => Poll::Ready(StreamStep::Sent),
            Err(frame) => {
                self.held = Some(Item { frame, offset });
                Poll::Pending
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Item, StreamStep>> {
        let Some(Reply(outcome)) = ready!(self.items.as_mut().poll_next(context)) else {
            return Poll::Ready(Err(StreamStep::Ended));
        };
        Poll::Ready(match outcome {
            Outcome::Empty => Ok(self.responder.item(None, "null".into())),
            Outcome::Value { event, content } => Ok(self.responder.item(event.as_deref(), content.lend())),
            Outcome::Failed(exception) => Err(StreamStep::Failed(exception)),
            Outcome::Stream(_) => {
                tracing::error!(event = &**self.responder.event, "an item of a stream is a stream itself");
                Err(StreamStep::Failed(Exception::framework("internal", super::INTERNAL)))
            }
        })
    }

    pub(crate) fn id(&self) -> Option<&RequestId> {
        self.responder.id()
    }

    pub(crate) fn end(self) {
        self.let_go().end();
    }

    pub(crate) fn fail(self, exception: &Exception) {
        self.let_go().fail(exception);
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

/// Who holds the responder of a handler: the framework alone, or also an [`Ack`](crate::Ack) the handler asked for.
#[derive(Debug)]
pub(crate) struct SharedResponder<'a>(RefCell<Holder<'a>>);

#[derive(Debug)]
enum Holder<'a> {
    Ours(Responder<'a>),
    WithAck(Arc<Mutex<Option<Responder<'static>>>>),
    Nobody,
}

impl<'a> SharedResponder<'a> {
    pub(crate) fn new(responder: Responder<'a>) -> Self {
        Self(RefCell::new(Holder::Ours(responder)))
    }

    /// The same, for a handler that has not returned yet.
    pub(crate) fn into_owned(self) -> SharedResponder<'static> {
        SharedResponder(RefCell::new(match self.0.into_inner() {
            Holder::Ours(responder) => Holder::Ours(responder.into_owned()),
            Holder::WithAck(shared) => Holder::WithAck(shared),
            Holder::Nobody => Holder::Nobody,
        }))
    }

    /// The handler returned.
    pub(crate) fn finish(self, reply: Reply) -> Finished {
        match (self.0.into_inner(), reply.0) {
            (Holder::Ours(responder), outcome) => return responder.finish(Reply(outcome)),
            // The handler answers by its `Ack`: of what it returns only a failure counts.
            (Holder::WithAck(shared), Outcome::Failed(exception)) => {
                if let Some(responder) = take(&shared) {
                    responder.fail(&exception);
                }
            }
            (Holder::WithAck(_) | Holder::Nobody, _) => {}
        }
        Finished::Done
    }

    pub(crate) fn fail(self, exception: Exception) {
        self.finish(Reply(Outcome::Failed(exception)));
    }

    pub(crate) fn has_id(&self, id: &RequestId) -> bool {
        match &*self.0.borrow() {
            Holder::Ours(responder) => responder.id() == Some(id),
            Holder::WithAck(shared) => {
                shared.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Responder::id) == Some(id)
            }
            Holder::Nobody => false,
        }
    }
}

/// What an [`Ack`](crate::Ack) is made from.
pub(crate) trait Share {
    /// Lets the handler answer by itself.
    fn share(&self) -> Arc<Mutex<Option<Responder<'static>>>>;
}

impl Share for SharedResponder<'_> {
    fn share(&self) -> Arc<Mutex<Option<Responder<'static>>>> {
        let shared = match self.0.replace(Holder::Nobody) {
            Holder::Ours(responder) => Arc::new(Mutex::new(Some(responder.into_owned()))),
            Holder::WithAck(shared) => shared,
            Holder::Nobody => Arc::default(),
        };
        self.0.replace(Holder::WithAck(Arc::clone(&shared)));
        shared
    }
}

/// Takes the right to answer; `None` where somebody already had it.
pub(crate) fn take(shared: &Mutex<Option<Responder<'static>>>) -> Option<Responder<'static>> {
    mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner))
}
