//! Streams as replies. A handler's stream may borrow from its gateway, so it stays inside the future that owns the
//! gateway and passes its items out one by one through a slot.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::handler::{ErrorTypes, IntoReply, Reply, reply::Outcome};
use crate::sync::lock;

/// The sink of a handler's stream.
#[derive(Debug)]
pub struct Items(Arc<Mutex<ItemSlot>>);

#[derive(Debug, Default)]
struct ItemSlot {
    /// Set once the handler has returned its stream.
    started: bool,
    item: Option<Reply>,
}

/// A stream that a handler may return as `impl …`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of replies",
    label = "a handler that returns `impl …` returns `impl Stream<Item = …>`, with items that can be sent",
    note = "an item of a type of your own is wrapped in `Data`: `impl Stream<Item = Data<Post>>`, where `Post` derives `Serialize`",
    note = "a single reply has a type by name, as in `Data<Receipt>`"
)]
pub trait ReplyStream: Stream<Item: IntoReply> {}

#[diagnostic::do_not_recommend]
impl<S: Stream<Item: IntoReply>> ReplyStream for S {}

impl Items {
    /// Forwards every item of `stream`, each after the one before was taken.
    pub async fn forward<S: ReplyStream>(self, stream: S) {
        lock(&self.0).started = true;
        let mut stream = pin!(stream);
        while let Some(item) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
            lock(&self.0).item = Some(item.into_reply());
            // The taker of the item polls this future again, so no waker is needed.
            poll_fn(|_| if lock(&self.0).item.is_some() { Poll::Pending } else { Poll::Ready(()) }).await;
        }
    }
}

/// Runs `drive` until its stream exists, and returns the stream as a reply.
pub(crate) fn start<F, D>(drive: D) -> impl Future<Output = Reply> + Send + 'static
where
    D: FnOnce(Items) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let slot = Arc::<Mutex<ItemSlot>>::default();
    let mut future = Box::pin(drive(Items(Arc::clone(&slot))));
    async move {
        let mut ended = false;
        poll_fn(|context| {
            ended = future.as_mut().poll(context).is_ready();
            if ended || lock(&slot).started { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let future: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = if ended { None } else { Some(future) };
        Reply(Outcome::Stream(Box::pin(Forwarded { future, slot })))
    }
}

struct Forwarded {
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    slot: Arc<Mutex<ItemSlot>>,
}

impl Stream for Forwarded {
    type Item = Reply;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Reply>> {
        if let Some(item) = lock(&self.slot).item.take() {
            return Poll::Ready(Some(item));
        }
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.future = None;
        }
        if let Some(item) = lock(&self.slot).item.take() {
            return Poll::Ready(Some(item));
        }
        ready!(polled);
        Poll::Ready(None)
    }
}

/// A stream as a reply where `-> impl Stream` is not possible, as in `-> Result<Streamed<BoxStream<'static, T>>, E>`.
#[derive(Clone, Debug)]
pub struct Streamed<S>(pub S);

impl<S> IntoReply for Streamed<S>
where
    S: Stream + Send + 'static,
    S::Item: IntoReply,
{
    fn into_reply(self) -> Reply {
        Reply::stream(self.0)
    }

    fn error_types(types: &mut ErrorTypes) {
        S::Item::error_types(types);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_stream_may_borrow_from_what_its_future_owns() {
        let owned = [1_u32, 2, 3];
        let reply = start(move |items| async move { items.forward(stream::iter(&owned).map(u32::clone)).await }).await;
        let Outcome::Stream(stream) = reply.0 else { panic!("no stream") };
        let items: Vec<_> = stream
            .map(
                |Reply(outcome)| {
                    if let Outcome::Value { content, .. } = outcome { content.json } else { String::new() }
                },
            )
            .collect()
            .await;
        assert_eq!(items, ["1", "2", "3"]);
    }

    #[tokio::test]
    async fn an_empty_stream_ends_at_once() {
        let reply = start(|items| async move { items.forward(stream::empty::<()>()).await }).await;
        let Outcome::Stream(mut stream) = reply.0 else { panic!("no stream") };
        assert!(stream.next().await.is_none());
    }
}
