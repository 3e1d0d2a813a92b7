//! A POST request, which brings packets.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode, request};
use tokio::time::timeout;

use crate::server::engine_io::engine_request::{EngineRequest, empty};
use crate::server::engine_io::rejection::{EngineRejection, RejectionCode};
use crate::server::http::body::Body;
use crate::server::http::posted_body::{BodySize, PostError, read_text};
use crate::transport::PollingPeer;

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
    let size = BodySize::new(&head.headers, visit.engine.options.max_http_buffer_size);
    let reading = timeout(limits.assembly_timeout, read_text(&mut body, size, posting.ended()));
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

/// Returns the response `ok`. Its type is `text/html`, because some browsers offer to save anything else.
fn taken() -> Response<Body> {
    let mut response = Response::new(Body::from("ok"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
