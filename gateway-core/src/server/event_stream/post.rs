//! A POST: one message of the plain protocol as its body, and its answer as the response.

use std::future::poll_fn;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Response, StatusCode};
use tokio::time::timeout;

use crate::error::Exception;
use crate::gateway::MatchedRoute;
use crate::metrics::Rejected;
use crate::metrics::{Counter, told};
use crate::protocol::event_stream::PostedKind;
use crate::server::event_stream::answer::{failure, lines, single};
use crate::server::event_stream::listen::{ConnectionUse, Decided, EventStreamRequest, connect};
use crate::server::handshake_check::{FOREIGN_ORIGIN, HandshakeRejection};
use crate::server::http::body::Body;
use crate::server::http::posted_body::{BodySize, PostError, read_text};
use crate::transport::{AwaitedAnswer, EventStreamPeer, UndeliveredPost, parse_query};

/// Header that names the stream of a POST. A page of another origin cannot set it without a preflight.
const STREAM: HeaderName = HeaderName::from_static("gateway-stream");

/// A failure of a POST, with the id of its request if it could be read.
struct PostFailure {
    exception: Exception,
    id: Option<String>,
}

impl PostFailure {
    fn new(code: &'static str, message: &'static str) -> Self {
        Self { exception: Exception::framework(code, message), id: None }
    }

    fn about(self, id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned), ..self }
    }
}

/// Answers a POST.
pub(super) async fn post(
    visit: &EventStreamRequest<'_>,
    found: MatchedRoute,
    body: Body,
) -> Result<Response<Body>, HandshakeRejection> {
    if !visit.endpoint.sharing(visit.host.server).admits(&visit.head.headers) {
        return Err(HandshakeRejection::new(StatusCode::FORBIDDEN, FOREIGN_ORIGIN).because(Rejected::Origin));
    }
    let answered = match stream_named(visit) {
        Some(stream) => match visit.endpoint.streams.find(&stream, &found.name) {
            Some(peer) => post_to(visit, &peer, body).await,
            None => Err(PostFailure::new("unknown_stream", "the stream has ended, or never was")),
        },
        None if !visit.endpoint.options.single_requests => Err(PostFailure::new(
            "no_stream",
            "`Gateway-Stream` names no stream: a GET for `text/event-stream` opens one",
        )),
        None => return post_alone(visit, found, body).await,
    };
    Ok(answered.unwrap_or_else(|failed| fail(visit, &failed)))
}

/// The id of the stream that a POST belongs to, from its header or its query.
fn stream_named(visit: &EventStreamRequest<'_>) -> Option<String> {
    if let Some(header) = visit.head.headers.get(STREAM) {
        return Some(header.to_str().unwrap_or_default().to_owned());
    }
    let mut query = parse_query(visit.head.uri.query().unwrap_or_default());
    query.find(|(name, _)| name == "stream").map(|(_, stream)| stream.into_owned())
}

/// Answers a POST of a client that listens.
async fn post_to(
    visit: &EventStreamRequest<'_>,
    peer: &EventStreamPeer,
    body: Body,
) -> Result<Response<Body>, PostFailure> {
    let too_many = || PostFailure::new("too_many_posts", "too many posts of this stream wait");
    let place = peer.begin_post(visit.endpoint.options.posts).ok_or_else(too_many)?;
    let text = read(visit, body).await?;
    match kind(&text)? {
        PostedKind::Request(id) => {
            let id = id.to_string();
            let awaited = peer.expect(&id).map_err(|error| undelivered(error, &id))?;
            // Nobody waits for room: an answer comes when the request was taken, or it was refused.
            deliver(visit, peer, text).await.map_err(|failed| failed.about(Some(&id)))?;
            answer(awaited, &id, place).await
        }
        PostedKind::Message => {
            deliver(visit, peer, text).await?;
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(response)
        }
    }
}

/// Answers a request of a client that is there for its answer alone. A page of another origin sends JSON only after a
/// preflight, so that no form reaches a gateway with its visitor's cookies.
async fn post_alone(
    visit: &EventStreamRequest<'_>,
    found: MatchedRoute,
    body: Body,
) -> Result<Response<Body>, HandshakeRejection> {
    let prepared = async {
        if !is_json(&visit.head.headers) {
            return Err(PostFailure::new("not_json", "`Content-Type` must be `application/json`"));
        }
        let text = read(visit, body).await?;
        match kind(&text)? {
            PostedKind::Request(id) => Ok((text, id.to_string())),
            PostedKind::Message => {
                Err(PostFailure::new("no_stream", "without a stream only a request with an `id` is answered"))
            }
        }
    };
    let (text, id) = match prepared.await {
        Ok(request) => request,
        Err(failed) => return Ok(fail(visit, &failed)),
    };
    let (start, peer) = match connect(visit, found, ConnectionUse::OneRequest).await? {
        Decided::Accepted(start, peer) => (start, peer),
        Decided::Refused(response) => return Ok(response),
    };
    let answered = async {
        let awaited = peer.expect(&id).map_err(|error| undelivered(error, &id))?;
        deliver(visit, &peer, text).await.map_err(|failed| failed.about(Some(&id)))?;
        // The client leaves with the last handle.
        answer(awaited, &id, (start, peer)).await
    };
    Ok(answered.await.unwrap_or_else(|failed| fail(visit, &failed)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

async fn read(visit: &EventStreamRequest<'_>, mut body: Body) -> Result<String, PostFailure> {
    let limits = &visit.host.server.application.limits;
    let size = BodySize::new(&visit.head.headers, limits.message_bytes);
    let reading = timeout(limits.assembly_timeout, read_text(&mut body, size, std::future::pending()));
    reading.await.unwrap_or(Err(PostError::TooSlow)).map_err(|error| match error {
        PostError::TooLarge => PostFailure::new("too_large", "the message is too large"),
        PostError::TooManyPieces => PostFailure::new("too_large", "the body came in too many pieces"),
        PostError::TooSlow => PostFailure::new("too_slow", "the body took too long"),
        PostError::Lost => PostFailure::new("malformed", "the body was interrupted"),
        PostError::NotText => PostFailure::new("malformed", "the body is not UTF-8"),
    })
}

fn kind(text: &str) -> Result<PostedKind, PostFailure> {
    PostedKind::read(text).map_err(|malformed| PostFailure {
        id: malformed.id.map(|id| id.to_string()),
        exception: Exception::framework("malformed", malformed.why),
    })
}

fn undelivered(error: UndeliveredPost, id: &str) -> PostFailure {
    match error {
        UndeliveredPost::Gone => PostFailure::new("gone", "the stream has ended").about(Some(id)),
        UndeliveredPost::Duplicate => {
            PostFailure::new("duplicate_id", "another request with this id waits for its answer").about(Some(id))
        }
    }
}

/// Hands a message to its socket. Its queue may be full for as long as a handler runs.
async fn deliver(visit: &EventStreamRequest<'_>, peer: &EventStreamPeer, text: String) -> Result<(), PostFailure> {
    let within = visit.host.server.application.limits.handler_timeout;
    match timeout(within, peer.post(text)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(PostFailure::new("gone", "the stream has ended")),
        Err(_) => {
            visit.host.server.shared.telemetry.counters.add(Counter::Overloads);
            Err(PostFailure::new("overloaded", "too many events wait for their turn"))
        }
    }
}

/// Waits for the answer. `kept` lives until its end.
async fn answer<K: Send + Unpin + 'static>(
    mut awaited: AwaitedAnswer,
    id: &str,
    kept: K,
) -> Result<Response<Body>, PostFailure> {
    let first = poll_fn(|context| awaited.poll_next(context)).await;
    match first {
        Some(first) if first.is_last => Ok(single(first.json)),
        Some(first) => Ok(lines(first, awaited, kept)),
        None => Err(PostFailure::new("gone", "the connection ended before the answer").about(Some(id))),
    }
}

fn fail(visit: &EventStreamRequest<'_>, failed: &PostFailure) -> Response<Body> {
    let server = visit.host.server;
    server.shared.telemetry.counters.add(Counter::Exceptions);
    told(&"-", "", failed.exception.notice());
    failure(&failed.exception, failed.id.as_deref(), server.application.compat.nestjs)
}
