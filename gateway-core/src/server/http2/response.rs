//! Answers to requests: their heads without what belongs to connections of HTTP/1.1, and their bodies under flow control.

use std::future::poll_fn;
use std::time::{Duration, SystemTime};

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Response, StatusCode, response};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::server::http::body::Body;

/// RFC 9113 §8.2.2: an answer with one of these is malformed.
const OF_CONNECTIONS: [HeaderName; 5] = [
    CONNECTION,
    UPGRADE,
    TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Sends an answer with its body, whose pieces wait for the peer's window no longer than `patience` each.
pub(super) async fn send(
    respond: &mut SendResponse<Bytes>,
    response: Response<Body>,
    is_head: bool,
    patience: Duration,
) {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0 || !is_head) {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    let is_over = is_head || body.is_end_stream();
    let Some(mut sending) = send_head(respond, head, is_over) else { return };
    if is_over {
        return;
    }
    if let Err(reason) = send_body(&mut sending, body, patience).await {
        sending.send_reset(reason);
    }
}

/// Sends the head of an answer. `None` if the stream is over, or the head is none of HTTP/2.
pub(super) fn send_head(
    respond: &mut SendResponse<Bytes>,
    mut head: response::Parts,
    is_over: bool,
) -> Option<SendStream<Bytes>> {
    for name in &OF_CONNECTIONS {
        head.headers.remove(name);
    }
    if head.status.is_informational() {
        tracing::error!(status = head.status.as_u16(), "an upgrade of HTTP/1.1 cannot answer a request of HTTP/2");
        head.status = StatusCode::INTERNAL_SERVER_ERROR;
    }
    // RFC 9110 §6.6.1.
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
        head.headers.entry(DATE).or_insert(date);
    }
    let sent = respond.send_response(Response::from_parts(head, ()), is_over);
    sent.inspect_err(|error| {
        tracing::debug!(%error, "a request of HTTP/2 could not be answered");
        respond.send_reset(Reason::INTERNAL_ERROR);
    })
    .ok()
}

async fn send_body(sending: &mut SendStream<Bytes>, mut body: Body, patience: Duration) -> Result<(), Reason> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            // Whoever asked is no longer interested.
            _ = poll_fn(|context| sending.poll_reset(context)) => return Err(Reason::CANCEL),
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tracing::debug!(error, "the body of an answer failed");
                return Err(Reason::INTERNAL_ERROR);
            }
            None => return sending.send_data(Bytes::new(), true).map_err(|_| Reason::CANCEL),
        };
        match frame.into_data() {
            Ok(bytes) => {
                let is_last = body.is_end_stream();
                send_bytes(sending, bytes, is_last, patience).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return sending.send_trailers(trailers).map_err(|_| Reason::CANCEL);
                }
            }
        }
    }
}

/// Sends bytes as the peer's window lets them.
async fn send_bytes(
    sending: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    is_last: bool,
    patience: Duration,
) -> Result<(), Reason> {
    while bytes.has_remaining() {
        sending.reserve_capacity(bytes.len());
        while sending.capacity() == 0 {
            match timeout(patience, poll_fn(|context| sending.poll_capacity(context))).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) | Err(_) => return Err(Reason::CANCEL),
            }
        }
        let piece = bytes.split_to(sending.capacity().min(bytes.len()));
        let is_last = is_last && bytes.is_empty();
        sending.send_data(piece, is_last).map_err(|_| Reason::CANCEL)?;
        if is_last {
            return Ok(());
        }
    }
    if is_last { sending.send_data(Bytes::new(), true).map_err(|_| Reason::CANCEL) } else { Ok(()) }
}
