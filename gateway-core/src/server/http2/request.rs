//! Requests of a connection, and their bodies.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::limits::Limits;
use crate::metrics::Rejected;
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::body::Body;
use crate::sync::lock;
use crate::transport::Http2Stream;

/// The place where a request for a WebSocket gets its stream once it is answered; among its extensions.
#[derive(Clone, Debug)]
pub(crate) struct Http2StreamReceiver(Arc<Mutex<Option<oneshot::Receiver<Http2Stream>>>>);

impl Http2StreamReceiver {
    pub(crate) fn claim(&self) -> Option<oneshot::Receiver<Http2Stream>> {
        lock(&self.0).take()
    }
}

/// A request for a WebSocket in its stream.
pub(super) struct Tunnel {
    pub(super) receiving: RecvStream,
    /// Receiver of the stream; closed if the answer is no WebSocket.
    pub(super) waiting: oneshot::Sender<Http2Stream>,
}

/// Reads a request. Its body is streamed; that of a WebSocket's request stays in the tunnel.
///
/// # Errors
///
/// The answer to a request that no route sees.
pub(super) fn read(
    request: Request<RecvStream>,
    limits: &Limits,
) -> Result<(Request<Body>, Option<Tunnel>), HandshakeRejection> {
    let (mut head, receiving) = request.into_parts();
    if head.headers.len() > limits.headers {
        return Err(malformed(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many headers"));
    }
    if head.method != Method::CONNECT {
        let length = content_length(&head.headers);
        let body = Body::new(Http2Body { receiving, left: length, is_over: false });
        return Ok((Request::from_parts(head, body), None));
    }
    match head.extensions.get::<Protocol>().map(Protocol::as_str) {
        Some(name) if name.eq_ignore_ascii_case("websocket") => {}
        // RFC 9220 §3 says it for HTTP/3; RFC 8441 names no status.
        Some(_) => {
            return Err(malformed(StatusCode::NOT_IMPLEMENTED, "an extended CONNECT is for `websocket` alone"));
        }
        None => {
            let text = "this server is no proxy: CONNECT needs a `:protocol`";
            return Err(malformed(StatusCode::METHOD_NOT_ALLOWED, text));
        }
    }
    let (waiting, opened) = oneshot::channel();
    head.extensions.insert(Http2StreamReceiver(Arc::new(Mutex::new(Some(opened)))));
    Ok((Request::from_parts(head, Body::empty()), Some(Tunnel { receiving, waiting })))
}

fn malformed(status: StatusCode, text: &'static str) -> HandshakeRejection {
    HandshakeRejection::new(status, text).because(Rejected::Malformed)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body of a request. Its room in the flow control is given back as it is read.
struct Http2Body {
    receiving: RecvStream,
    /// Bytes that are still to come, if the request says so.
    left: Option<u64>,
    is_over: bool,
}

impl HttpBody for Http2Body {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.is_over {
            match ready!(self.receiving.poll_data(context)) {
                Some(Ok(bytes)) => {
                    // Fails for more than was received only.
                    let _ = self.receiving.flow_control().release_capacity(bytes.len());
                    self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.is_over = true,
            }
        }
        let trailers = ready!(self.receiving.poll_trailers(context)).transpose();
        Poll::Ready(trailers.map(|trailers| trailers.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.receiving.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tunnel").field(&self.receiving.stream_id()).finish()
    }
}
