//! Requests that are answered past the HTTP library. Where one says `Connection: close` beside `Upgrade`, the library would
//! write `close` into the 101 too, which is no upgrade to some clients (Tcl's `websocket`). And events are written straight
//! to the stream below a response.

use std::convert::Infallible;
use std::future::{Pending, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response, StatusCode, response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use crate::server::event_stream::wants_events;
use crate::server::http::body::Body;
use crate::server::http::date::http_date;
use crate::sync::lock;
#[cfg(feature = "tls")]
use crate::transport::Encrypted;
use crate::transport::{SharedStream, Stream, asks_to_close};

/// A stream that was taken from the library, and what it had read of it.
pub(crate) type TakenStream = (Box<dyn Stream>, Bytes);

/// A stream as a listener accepts it.
pub(crate) trait IntoStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Converts it for a connection that is served without the library.
    fn into_stream(self) -> Box<dyn Stream>;
}

impl IntoStream for TcpStream {
    fn into_stream(self) -> Box<dyn Stream> {
        Box::new(SharedStream::from(self))
    }
}

#[cfg(unix)]
impl IntoStream for UnixStream {
    fn into_stream(self) -> Box<dyn Stream> {
        Box::new(SharedStream::from(self))
    }
}

#[cfg(feature = "tls")]
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> IntoStream for Encrypted<S> {
    fn into_stream(self) -> Box<dyn Stream> {
        Box::new(self)
    }
}

/// Mark of a response whose body its maker writes to the stream below, which it has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakesStream;

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
pub(crate) struct ManualUpgrade {
    answer: Mutex<Option<UpgradeAnswer>>,
    /// Set once a request has come. What the library still has to write behind an earlier one cannot be told.
    had_request: AtomicBool,
}

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
        let is_first = !self.had_request.swap(true, Ordering::Relaxed);
        if !(asks_to_close(request.headers()) || (is_first && wants_events(&request))) {
            return answer(request).await;
        }
        let (waiting, taken) = oneshot::channel();
        request.extensions_mut().insert(StreamReceiver(Arc::new(Mutex::new(Some(taken)))));
        let response = answer(request).await?;
        // A fallback may upgrade in its own way.
        let is_taken = response.status() == StatusCode::SWITCHING_PROTOCOLS
            || response.extensions().get::<TakesStream>().is_some();
        if !is_taken || waiting.is_closed() {
            return Ok(response);
        }
        *lock(&self.answer) = Some(UpgradeAnswer { head: response.into_parts().0, waiting });
        let never: Pending<Infallible> = pending();
        match never.await {}
    }

    /// Serves a connection until it ends, or an answer is here.
    pub(crate) async fn serve<C: Future + Unpin>(&self, connection: &mut C) -> Result<C::Output, UpgradeAnswer> {
        poll_fn(|context| {
            if let Poll::Ready(served) = Pin::new(&mut *connection).poll(context) {
                return Poll::Ready(Ok(served));
            }
            let answer = lock(&self.answer).take();
            answer.map_or(Poll::Pending, |answer| Poll::Ready(Err(answer)))
        })
        .await
    }
}

impl UpgradeAnswer {
    /// Writes the answer and hands the stream over.
    pub(crate) async fn write<S: IntoStream>(self, mut stream: S, read_ahead: Bytes) {
        let Self { head, waiting } = self;
        match stream.write_all(&written(&head)).await {
            // Whoever waited may have been told to stop.
            Ok(()) => drop(waiting.send((stream.into_stream(), read_ahead))),
            Err(error) => tracing::debug!(%error, "a request could not be answered"),
        }
    }
}

/// In the letters of RFC 6455, as the clients that this is for compare them.
fn written(head: &response::Parts) -> Vec<u8> {
    let reason = head.status.canonical_reason().unwrap_or_default();
    let mut written = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        // RFC 9110 §6.6.1: an answer has its date.
        written.extend(format!("Date: {}\r\n", http_date(SystemTime::now())).as_bytes());
    }
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
