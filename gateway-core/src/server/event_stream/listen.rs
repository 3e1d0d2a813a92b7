//! A GET that listens: the connect hooks decide, and then the stream begins.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{Response, StatusCode, request};
use tokio::sync::oneshot;

use crate::connection::serve;
use crate::gateway::MatchedRoute;
use crate::metrics::{Rejected, RejectedHandshake};
use crate::protocol::event_stream::{StreamRefusal, encode_close, preamble, retry_after};
use crate::protocol::{CloseCode, Disconnect};
use crate::server::admit::{Admitted, ConnectionRequest, Destination, admit, note_rejected};
use crate::server::engine_io::Host;
use crate::server::event_stream::answer::{code_of, object, status_of};
use crate::server::event_stream::endpoint::EventStreamEndpoint;
use crate::server::event_stream::streams::StreamId;
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::body::Body;
use crate::server::http::manual_upgrade::{TakenStream, TakesStream};
use crate::transport::{
    EventStream, EventStreamPeer, Handshake, NewEventStream, StreamStart, StreamVerdict, body_channel,
};

/// A request of the client of a namespace.
pub(super) struct EventStreamRequest<'a> {
    pub(super) host: Host<'a>,
    pub(super) endpoint: &'a EventStreamEndpoint,
    pub(super) head: &'a request::Parts,
}

/// A client whose connect hooks have decided.
pub(super) enum Decided {
    Accepted(StreamStart, EventStreamPeer),
    Refused(Response<Body>),
}

/// Answers a GET. `taken` is the way to the stream below the request, if this server has it.
pub(super) async fn listen(
    visit: &EventStreamRequest<'_>,
    found: MatchedRoute,
    taken: Option<oneshot::Receiver<TakenStream>>,
) -> Result<Response<Body>, HandshakeRejection> {
    let start = match connect(visit, found, ConnectionUse::Listening).await? {
        Decided::Accepted(start, _) => start,
        Decided::Refused(response) => return Ok(response),
    };
    let Some(taken) = taken else {
        let (stream, body) = body_channel();
        start.attach(Box::new(stream));
        return Ok(event_stream(Body::new(body)));
    };
    let unacknowledged = visit.endpoint.options.heartbeat + visit.host.server.application.limits.ping_timeout;
    visit.host.server.shared.tasks.spawn(async move {
        // Without it the connection ends.
        if let Ok((stream, _)) = taken.await {
            stream.limit_unacknowledged(unacknowledged);
            start.attach(stream);
        }
    });
    let mut response = event_stream(Body::empty());
    // RFC 9112 §6.3: without a length and without chunks the body ends with the connection.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response.extensions_mut().insert(TakesStream);
    Ok(response)
}

/// Use of a new connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ConnectionUse {
    Listening,
    OneRequest,
}

/// Admits a client, and waits for its connect hooks.
pub(super) async fn connect(
    visit: &EventStreamRequest<'_>,
    found: MatchedRoute,
    for_what: ConnectionUse,
) -> Result<Decided, HandshakeRejection> {
    let EventStreamRequest { host, endpoint, head } = visit;
    let server = host.server;
    let namespace = found.name.clone();
    let request = ConnectionRequest {
        destination: Destination::Namespace(found),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        peer: host.peer,
        engine: None,
        cors: endpoint.options.cors.as_ref(),
    };
    let complete =
        |handshake: Handshake| handshake.with_encryption(host.is_encrypted).with_certificate(host.certificate.get());
    let Admitted { scope, handshake, permit } = admit(server, request, complete).await?;
    let id = StreamId::random();
    let how = match for_what {
        ConnectionUse::Listening => {
            NewEventStream::Listening(preamble(endpoint.options.retry.as_millis(), &id.to_text()))
        }
        ConnectionUse::OneRequest => NewEventStream::ForOneRequest,
    };
    let (transport, decided, peer) = EventStream::new(how);
    let entry = (for_what == ConnectionUse::Listening).then(|| endpoint.streams.enter(id, namespace, peer.clone()));
    let transport = transport.holding((permit, entry));
    let application = Arc::clone(&server.application);
    let config = endpoint.config(&application.limits);
    server.shared.tasks.spawn(serve(transport, application, scope, handshake, config));
    match decided.await {
        Ok(StreamVerdict::Accepted(start)) => Ok(Decided::Accepted(start, peer)),
        Ok(StreamVerdict::Refused(frames)) => match StreamRefusal::read(&frames) {
            Some(refusal) => Ok(Decided::Refused(refused(visit, &refusal, for_what))),
            // Only a server that stops ends a connection before its hooks have decided.
            None => Err(HandshakeRejection::stopping()),
        },
        Err(_) => Err(HandshakeRejection::stopping()),
    }
}

/// An `EventSource` that reads a status other than 200 never comes back, so one that should gets a stream that ends.
fn refused(visit: &EventStreamRequest<'_>, refusal: &StreamRefusal<'_>, for_what: ConnectionUse) -> Response<Body> {
    if for_what == ConnectionUse::Listening && refusal.is_passing() {
        return visit.ended(&refusal.events());
    }
    let code = code_of(refusal.exception);
    // A hook that refuses without a code of the framework's forbids.
    let status = match status_of(code.as_deref()) {
        StatusCode::BAD_REQUEST => StatusCode::FORBIDDEN,
        status => status,
    };
    object(status, refusal.exception.to_owned().into())
}

impl EventStreamRequest<'_> {
    /// Answers a client that was not admitted.
    pub(super) fn rejected(&self, refusal: &HandshakeRejection, for_what: ConnectionUse) -> Response<Body> {
        let rejected = RejectedHandshake {
            why: refusal.why(),
            status: refusal.status().as_u16(),
            text: refusal.text(),
            path: self.head.uri.path(),
            origin: self.head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()),
        };
        note_rejected(self.host.server, rejected);
        let is_passing = refusal.why().is_passing() || refusal.status() == StatusCode::SERVICE_UNAVAILABLE;
        if for_what == ConnectionUse::Listening && is_passing {
            let close = if refusal.why() == Rejected::Stopping {
                self.host.server.application.drain.disconnect()
            } else {
                Disconnect::new(CloseCode::new(1013), refusal.text().to_owned())
            };
            return self.ended(encode_close(Some(&close)).as_slice());
        }
        let mut response = Response::new(Body::from(format!("{}\n", refusal.text())));
        *response.status_mut() = refusal.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    /// Returns a stream that has ended with these events.
    fn ended(&self, events: &[u8]) -> Response<Body> {
        let retry = retry_after(self.endpoint.options.retry.as_millis());
        event_stream(Body::from([&retry, events].concat()))
    }
}

/// Returns the response of a stream. nginx buffers a response unless its header says that it may not; a cache would keep
/// the stream.
fn event_stream(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
