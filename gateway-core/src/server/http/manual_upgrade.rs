//! Upgrades that are answered past the HTTP library. Where a request says `Connection: close` beside `Upgrade`, the library
//! would write `close` into the 101 too, which is no upgrade to some clients (Tcl's `websocket`).

use std::convert::Infallible;
use std::fmt;
use std::future::{Pending, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response, StatusCode, response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use crate::server::http::body::Body;
use crate::sync::lock;
use crate::transport::{Stream, asks_to_close};

/// A stream of any kind that was taken from the library, and what it had read of it.
pub(crate) type TakenStream = (Box<dyn ErasedStream>, Bytes);

pub(crate) trait ErasedStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ErasedStream for S {}

impl Stream for Box<dyn ErasedStream> {}

impl fmt::Debug for dyn ErasedStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ErasedStream")
    }
}

/// Where a request that is answered by hand is given its stream; among its extensions.
#[derive(Clone, Debug)]
pub(crate) struct StreamReceiver(Arc<Mutex<Option<oneshot::Receiver<TakenStream>>>>);

impl StreamReceiver {
    pub(crate) fn claim(&self) -> Option<oneshot::Receiver<TakenStream>> {
        lock(&self.0).take()
    }
}

/// The answer that one connection waits for, if it comes to that.
#[derive(Debug, Default)]
pub(crate) struct ManualUpgrade(Mutex<Option<UpgradeAnswer>>);

/// An answer, and who waits for the stream behind it.
#[derive(Debug)]
pub(crate) struct UpgradeAnswer {
    head: response::Parts,
    waiting: oneshot::Sender<TakenStream>,
}

impl ManualUpgrade {
    /// Answers a request by `answer`, or never: then the answer is here.
    pub(crate) async fn respond<A>(
        &self,
        request: Request<Incoming>,
        answer: impl FnOnce(Request<Body>) -> A,
    ) -> Result<Response<Body>, Infallible>
    where
        A: Future<Output = Result<Response<Body>, Infallible>>,
    {
        let mut request = request.map(Body::new);
        if !asks_to_close(request.headers()) {
            return answer(request).await;
        }
        let (waiting, taken) = oneshot::channel();
        request.extensions_mut().insert(StreamReceiver(Arc::new(Mutex::new(Some(taken)))));
        let response = answer(request).await?;
        // A fallback may upgrade in its own way.
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || waiting.is_closed() {
            return Ok(response);
        }
        *lock(&self.0) = Some(UpgradeAnswer { head: response.into_parts().0, waiting });
        let never: Pending<Infallible> = pending();
        match never.await {}
    }

    /// Serves a connection until it ends, or an answer is here.
    pub(crate) async fn serve<C: Future + Unpin>(&self, connection: &mut C) -> Result<C::Output, UpgradeAnswer> {
        poll_fn(|context| {
            if let Poll::Ready(served) = Pin::new(&mut *connection).poll(context) {
                return Poll::Ready(Ok(served));
            }
            let answer = lock(&self.0).take();
            answer.map_or(Poll::Pending, |answer| Poll::Ready(Err(answer)))
        })
        .await
    }
}

impl UpgradeAnswer {
    /// Writes the answer and hands the stream over.
    pub(crate) async fn write<S: ErasedStream>(self, mut stream: S, read_ahead: Bytes) {
        let Self { head, waiting } = self;
        match stream.write_all(&written(&head)).await {
            // Whoever waited may have been told to stop.
            Ok(()) => drop(waiting.send((Box::new(stream), read_ahead))),
            Err(error) => tracing::debug!(%error, "an upgrade could not be answered"),
        }
    }
}

/// In the letters of RFC 6455, as the clients that this is for compare them.
fn written(head: &response::Parts) -> Vec<u8> {
    let mut written = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
    for (name, value) in &head.headers {
        let words: Vec<_> = name.as_str().split('-').map(capitalized).collect();
        let name = words.join("-").replace("Websocket", "WebSocket");
        written.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    written.extend(b"\r\n");
    written
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}
