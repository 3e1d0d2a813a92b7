//! Answers as HTTP responses: the frames that plain WebSocket has, with a status for who reads nothing else.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use serde::Deserialize;

use crate::error::Exception;
use crate::server::http::body::Body;
use crate::transport::{AnswerFrame, AwaitedAnswer};

/// Returns the status of an exception with this code. An exception of the application is the client's to understand.
pub(super) fn status_of(code: Option<&str>) -> StatusCode {
    match code {
        Some("unauthorized") => StatusCode::UNAUTHORIZED,
        Some("forbidden" | "private_room") => StatusCode::FORBIDDEN,
        Some("unknown_event" | "unknown_stream") => StatusCode::NOT_FOUND,
        Some("duplicate_id") => StatusCode::CONFLICT,
        Some("gone") => StatusCode::GONE,
        Some("too_large") => StatusCode::PAYLOAD_TOO_LARGE,
        Some("too_slow") => StatusCode::REQUEST_TIMEOUT,
        Some("not_json") => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Some("unreadable" | "invalid") => StatusCode::UNPROCESSABLE_ENTITY,
        Some("rate_limited" | "too_many_posts") => StatusCode::TOO_MANY_REQUESTS,
        Some("internal" | "unserializable" | "no_reply") => StatusCode::INTERNAL_SERVER_ERROR,
        Some("overloaded" | "unavailable") => StatusCode::SERVICE_UNAVAILABLE,
        Some("timeout") => StatusCode::GATEWAY_TIMEOUT,
        Some(_) | None => StatusCode::BAD_REQUEST,
    }
}

/// Members of an answer that decide on its status.
#[derive(Deserialize)]
struct AnswerKind<'a> {
    #[serde(borrow)]
    event: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct ExceptionCode {
    #[serde(default)]
    code: Option<String>,
}

/// The code of an exception's object, if it has one.
pub(super) fn code_of(exception: &str) -> Option<String> {
    serde_json::from_str::<ExceptionCode>(exception).ok()?.code
}

/// Returns the response with an answer of one frame.
pub(super) fn single(json: Bytes) -> Response<Body> {
    let kind: Option<AnswerKind<'_>> = serde_json::from_slice(&json).ok();
    let failed = kind.filter(|kind| kind.event == "exception");
    let status =
        failed.map_or(StatusCode::OK, |failed| status_of(failed.data.and_then(|data| code_of(data.get())).as_deref()));
    object(status, json)
}

/// Returns the response with an exception that no handler has made.
pub(super) fn failure(exception: &Exception, id: Option<&str>, nestjs: bool) -> Response<Body> {
    let data = exception.render(None, None, nestjs);
    let id = id.map_or(String::new(), |id| format!(",\"id\":{id}"));
    object(status_of(exception.code()), format!("{{\"event\":\"exception\",\"data\":{data}{id}}}").into())
}

/// Returns a response with one JSON object.
pub(super) fn object(status: StatusCode, json: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the response with an answer of several frames, one a line. `kept` lives as long as the answer.
pub(super) fn lines<K: Send + Unpin + 'static>(first: AnswerFrame, rest: AwaitedAnswer, kept: K) -> Response<Body> {
    let mut response = Response::new(Body::new(AnswerLines { first: Some(first), rest: Some(rest), kept }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A body that ends with its answer. A client that leaves before cancels its request.
struct AnswerLines<K> {
    first: Option<AnswerFrame>,
    rest: Option<AwaitedAnswer>,
    #[allow(dead_code, reason = "held until the end")]
    kept: K,
}

impl<K: Unpin> HttpBody for AnswerLines<K> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match (self.first.take(), &mut self.rest) {
            (Some(first), _) => Some(first),
            (None, None) => None,
            (None, Some(rest)) => std::task::ready!(rest.poll_next(context)),
        };
        let Some(AnswerFrame { json, is_last }) = frame else {
            self.rest = None;
            return Poll::Ready(None);
        };
        if is_last {
            self.rest = None;
        }
        Poll::Ready(Some(Ok(Frame::data([&json[..], b"\n"].concat().into()))))
    }
}

impl<K> fmt::Debug for AnswerLines<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AnswerLines")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_who_is_at_fault() {
        let check = |json: &'static str, status: u16| {
            assert_eq!(single(Bytes::from_static(json.as_bytes())).status().as_u16(), status, "{json}");
        };
        check(r#"{"event":"a","data":{"code":"internal"},"id":1}"#, 200);
        check(r#"{"event":"exception","data":{"status":"error","code":"unauthorized"},"id":1}"#, 401);
        check(r#"{"event":"exception","data":{"status":"error","code":"unknown_event"},"id":1}"#, 404);
        check(r#"{"event":"exception","data":{"status":"error","code":"internal"},"id":1}"#, 500);
        check(r#"{"event":"exception","data":{"status":"error","code":"muted"},"id":1}"#, 400);
        check(r#"{"event":"exception","data":"an object of the application's own","id":1}"#, 400);
    }
}
