//! A POST request, which brings packets.

use std::pin::pin;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode, request};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::server::engine_io::engine_request::{EngineRequest, empty};
use crate::server::engine_io::rejection::{EngineRejection, RejectionCode};
use crate::server::http::body::Body;
use crate::transport::{PollingPeer, Posting};

/// Maximum capacity that is reserved because of an announced length.
const EXPECTED_BYTES: usize = 16 * 1024;
/// Maximum number of pieces of a body, as in the reference server: each costs a turn, however small.
const BODY_PIECES: usize = 10_000;

/// Reason why the body of a request was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PostError {
    TooLarge,
    TooManyPieces,
    TooSlow,
    /// The body was interrupted, or the session ended meanwhile.
    Lost,
    NotText,
}

/// Reads a POST. Responds when the session has handled the packets, or after the time limit.
pub(super) async fn post(
    peer: &PollingPeer,
    head: &request::Parts,
    mut body: Body,
    visit: &EngineRequest<'_>,
) -> Result<Response<Body>, EngineRejection> {
    let limits = &visit.host.server.application.limits;
    let posting = peer.post()?;
    // GHSA-r635-g3xr-vw7x: binary messages are base64 in Engine.IO 4.
    if head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream") {
        peer.violate("a body that is no text");
        return Err(RejectionCode::BadRequest.into());
    }
    posting.turn().await?;
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size = BodySize { announced, most: visit.engine.options.max_http_buffer_size };
    let reading = timeout(limits.assembly_timeout, read(&posting, &mut body, size));
    match reading.await.unwrap_or(Err(PostError::TooSlow)) {
        Ok(packets) => {
            let delivering = timeout(limits.post_timeout, posting.deliver(packets));
            // The session handles the packets later; the next POST waits for it.
            if delivering.await.unwrap_or(true) { Ok(taken()) } else { Err(RejectionCode::BadRequest.into()) }
        }
        Err(PostError::TooLarge) => {
            peer.violate("a body that is too large");
            Ok(empty(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(PostError::TooManyPieces) => {
            peer.violate("a body in too many pieces");
            Ok(empty(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(PostError::TooSlow) => {
            peer.violate("a body that took too long");
            Ok(empty(StatusCode::REQUEST_TIMEOUT))
        }
        Err(PostError::NotText) => {
            peer.violate("a body that is no text");
            Err(RejectionCode::BadRequest.into())
        }
        Err(PostError::Lost) => Err(RejectionCode::BadRequest.into()),
    }
}

/// The announced size of a body, and its limit.
#[derive(Clone, Copy, Debug)]
struct BodySize {
    announced: Option<usize>,
    most: usize,
}

/// Reads the whole body, within the size limit and while the session lives.
async fn read(posting: &Posting, body: &mut Body, size: BodySize) -> Result<String, PostError> {
    if size.announced.is_some_and(|announced| announced > size.most) {
        return Err(PostError::TooLarge);
    }
    let mut ended = pin!(posting.ended());
    let mut read = Vec::with_capacity(size.announced.unwrap_or_default().min(EXPECTED_BYTES));
    let mut pieces = 0;
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = &mut ended => return Err(PostError::Lost),
        };
        match frame {
            None => return String::from_utf8(read).map_err(|_| PostError::NotText),
            Some(Err(_)) => return Err(PostError::Lost),
            Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().map_or(&[][..], AsRef::as_ref)),
        }
        if read.len() > size.most {
            return Err(PostError::TooLarge);
        }
        pieces += 1;
        if pieces > BODY_PIECES {
            return Err(PostError::TooManyPieces);
        }
    }
}

/// Returns the response `ok`. Its type is `text/html`, because some browsers offer to save anything else.
fn taken() -> Response<Body> {
    let mut response = Response::new(Body::from("ok"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
