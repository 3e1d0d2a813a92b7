//! Bodies that a request was answered without. A connection that is closed with unread bytes in it may lose its answer, and
//! a proxy then takes the server for broken: so a body is read to its end before the answer goes out, within bounds, and
//! beyond them the answer announces the end of the connection, which lingers before it closes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;
use crate::server::http::body::Body;
use crate::sync::lock;

/// Bytes that are read behind an answer which ends its connection: more than a peer's buffers and ours hold together.
const LINGERING_BYTES: usize = 64 * 1024 * 1024;
/// One read of them.
const LINGERING_BUFFER: usize = 8 * 1024;

/// The place where a body goes whose reader has let go of it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnreadBody(Arc<BodySlot>);

#[derive(Debug, Default)]
struct BodySlot {
    body: Mutex<Option<Body>>,
    was_read: AtomicBool,
}

impl UnreadBody {
    /// Somebody asked for bytes of the body, so that a client which waits for `100 Continue` has got it.
    pub(crate) fn note_read(&self) {
        self.0.was_read.store(true, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, body: Body) {
        *self.lock() = Some(body);
    }

    fn take(&self) -> Option<Body> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Body>> {
        lock(&self.0.body)
    }
}

/// Bounds on what is read of a body that nobody wants.
#[derive(Clone, Debug)]
pub(crate) struct LingerBounds {
    bytes: usize,
    /// From the request's head on.
    within: Duration,
    /// Without a byte.
    pause: Duration,
    /// A server that stops waits no longer than this.
    stopping: Option<(CancellationToken, Duration)>,
}

impl LingerBounds {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { refused_body_bytes, refused_body_pause, assembly_timeout, .. } = limits;
        Self { bytes: *refused_body_bytes, within: *assembly_timeout, pause: *refused_body_pause, stopping: None }
    }

    pub(crate) fn until(self, stopping: &CancellationToken, patience: Duration) -> Self {
        Self { stopping: Some((stopping.clone(), patience)), ..self }
    }

    async fn stopped(stopping: Option<&(CancellationToken, Duration)>) {
        match stopping {
            Some((stopping, patience)) => {
                stopping.cancelled().await;
                tokio::time::sleep(*patience).await;
            }
            None => std::future::pending().await,
        }
    }
}

/// A request with a body, from its head to its answer.
#[derive(Debug)]
pub(crate) struct RequestBody {
    unread: UnreadBody,
    /// RFC 9110 §10.1.1: its client sends the body once it was told to.
    awaits_word: bool,
    version: Version,
    began: Instant,
}

impl RequestBody {
    /// Looks after the body of a request; `None` where it has none.
    pub(crate) fn watch(request: Request<Body>) -> (Request<Body>, Option<Self>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let unread = UnreadBody::default();
        let expected = request.headers().get(EXPECT).map(HeaderValue::as_bytes);
        let this = Self {
            awaits_word: expected.is_some_and(|expected| expected.eq_ignore_ascii_case(b"100-continue")),
            version: request.version(),
            began: Instant::now(),
            unread: unread.clone(),
        };
        (request.map(|body| body.returning(unread)), Some(this))
    }

    /// Reads what its answer left of the body. Where that is too much the answer ends the connection.
    pub(crate) async fn settle(self, response: &mut Response<Body>, bounds: LingerBounds) {
        // The answer may still read the body; an upgrade leaves none.
        let Some(body) = self.unread.take().filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS) else {
            return;
        };
        let was_read = self.unread.0.was_read.load(Ordering::Relaxed);
        let is_over = (was_read || !self.awaits_word) && discard(body, self.began, bounds).await;
        if !is_over && self.version <= Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Reads a body to its end, as far as its bounds let it. Says whether it came there.
async fn discard(mut body: Body, began: Instant, bounds: LingerBounds) -> bool {
    let LingerBounds { bytes, within, pause, stopping } = bounds;
    if body.size_hint().lower() > bytes as u64 {
        return false;
    }
    let reading = async {
        let mut left = bytes;
        loop {
            match timeout(pause, body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => {
                    let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return false };
                    left = rest;
                }
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
    };
    tokio::select! {
        read = timeout_at(began + within, reading) => read.unwrap_or(false),
        () = LingerBounds::stopped(stopping.as_ref()) => false,
    }
}

/// Ends a connection of which everything was answered (RFC 9112 §9.6): says that nothing more comes, and reads until its
/// peer has heard it.
pub(crate) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, within: Duration) {
    let lingering = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; LINGERING_BUFFER];
        let mut left = LINGERING_BYTES;
        loop {
            match stream.read(&mut buffer).await? {
                0 => return io::Result::Ok(()),
                read => match left.checked_sub(read) {
                    Some(rest) => left = rest,
                    None => return Ok(()),
                },
            }
        }
    };
    // A peer that has gone, or does not go, has had its time.
    let _ = timeout(within, lingering).await;
}
