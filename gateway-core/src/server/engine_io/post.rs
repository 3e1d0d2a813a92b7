//! A request that brings packets.

use std::pin::pin;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode, request};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::server::body::Body;
use crate::server::engine_io::refused::{Code, Refused};
use crate::server::engine_io::visit::{Visit, empty};
use crate::transport::{PollingPeer, Posting};

/// Bytes of a body that is too large which are read nevertheless, so that its client is still there for the answer.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Room made for a body on the word of its client.
const EXPECTED_BYTES: usize = 16 * 1024;

/// Why the body of a request was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unread {
    TooLarge,
    /// It broke off, took too long, or came while the session ended.
    Lost,
    NotText,
}

/// Answers once the packets were taken, or could wait no longer.
pub(super) async fn post(
    peer: &PollingPeer,
    head: &request::Parts,
    body: Body,
    visit: &Visit<'_>,
) -> Result<Response<Body>, Refused> {
    let limits = &visit.host.application.limits;
    let posting = peer.post()?;
    // GHSA-r635-g3xr-vw7x: binary messages are base64 in Engine.IO 4.
    if head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream") {
        peer.violate("a body that is no text");
        return Err(Code::BadRequest.into());
    }
    posting.turn().await?;
    let reading = timeout(limits.assembly_timeout, read(&posting, &head.headers, body, visit));
    match reading.await.unwrap_or(Err(Unread::Lost)) {
        Ok(packets) => {
            let delivering = timeout(limits.post_timeout, posting.deliver(packets));
            // What was not taken in time is taken later; the next request waits for it.
            if delivering.await.unwrap_or(true) { Ok(taken()) } else { Err(Code::BadRequest.into()) }
        }
        Err(Unread::TooLarge) => {
            posting.skip();
            Ok(empty(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(Unread::NotText) => {
            peer.violate("a body that is no text");
            Err(Code::BadRequest.into())
        }
        Err(Unread::Lost) => Err(Code::BadRequest.into()),
    }
}

/// The whole body, within the limit of bytes and while the session lasts.
async fn read(posting: &Posting, headers: &HeaderMap, body: Body, visit: &Visit<'_>) -> Result<String, Unread> {
    let limit = visit.engine.options.max_http_buffer_size;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|announced: usize| announced > limit + DISCARDED_BYTES) {
        return Err(Unread::TooLarge);
    }
    let mut ended = pin!(posting.ended());
    let mut body = pin!(body);
    let (mut read, mut discarded) = (Vec::with_capacity(announced.unwrap_or_default().min(EXPECTED_BYTES)), 0);
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = &mut ended => return Err(Unread::Lost),
        };
        let data = match frame {
            None if discarded > 0 => return Err(Unread::TooLarge),
            None => return String::from_utf8(read).map_err(|_| Unread::NotText),
            Some(Err(_)) => return Err(Unread::Lost),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if discarded > 0 || read.len() + data.len() > limit {
            read = Vec::new();
            discarded += data.len();
            if discarded > DISCARDED_BYTES {
                return Err(Unread::TooLarge);
            }
        } else {
            read.extend_from_slice(&data);
        }
    }
}

/// `text/html`, as some browsers offer to save anything else.
fn taken() -> Response<Body> {
    let mut response = Response::new(Body::from("ok"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
