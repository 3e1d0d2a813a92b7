//! One connection of HTTP/2: each request gets a task, and the connection's own reads and writes for all of them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::metrics::{Counter, RejectedHandshake};
use crate::server::admit::note_rejected;
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::body::Body;
use crate::server::http::service::GatewayService;
use crate::server::http2::options::Http2;
use crate::server::http2::request::{Tunnel, read};
use crate::server::http2::resets::ResetLimit;
use crate::server::http2::response;
use crate::server::state::StartedServer;
use crate::transport::Http2Stream;

/// Serves a connection until its peer leaves, its streams are over and the server stops, or it is idle for too long. The
/// first request has to come until `deadline`.
pub(super) async fn serve<S>(stream: S, options: Http2, service: GatewayService, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let server = Arc::clone(&service.server);
    let limits = &server.application.limits;
    let connection = match timeout_at(deadline, options.builder(limits).handshake(stream)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%error, "a handshake of HTTP/2 failed"),
        Err(_) => return tracing::debug!("a client did not begin with HTTP/2 in time"),
    };
    let counters = &server.shared.telemetry.counters;
    counters.add(Counter::Http2Connections);
    let _open = OpenConnection(&server);
    let resets = Arc::new(ResetLimit::new(options.resets_per_second));
    let mut serving = Serving {
        connection,
        stage: Http2Stage::Fresh,
        idle_timeout: options.idle_timeout,
        patience: limits.close_timeout,
    };
    let mut clock = pin!(sleep_until(deadline));
    loop {
        let told = &server.shared.told;
        tokio::select! {
            accepted = poll_fn(|context| serving.connection.poll_accept(context)) => match accepted {
                Some(Ok((request, respond))) => {
                    serving.note_request(clock.as_mut());
                    let request = Http2Request { request, respond, resets: Arc::clone(&resets) };
                    server.shared.tasks.spawn(request.answer(service.clone()));
                }
                Some(Err(error)) => {
                    if error.is_library() {
                        counters.add(Counter::ProtocolErrors);
                    }
                    return tracing::debug!(%error, "a connection of HTTP/2 failed");
                }
                None => return,
            },
            () = told.cancelled(), if serving.may_go_away() => serving.go_away(clock.as_mut()),
            () = resets.exceeded(), if serving.stage != Http2Stage::Aborted => {
                counters.add(Counter::ProtocolErrors);
                tracing::debug!("a connection of HTTP/2 was ended: too many requests were reset");
                serving.abort(clock.as_mut());
            }
            () = clock.as_mut() => if !serving.look(clock.as_mut()) { return },
        }
    }
}

/// Counts the end of a connection, also of one whose task is dropped.
struct OpenConnection<'a>(&'a StartedServer);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.shared.telemetry.counters.add(Counter::Http2Disconnections);
    }
}

/// A connection, and how far it is.
struct Serving<S> {
    connection: Connection<S, Bytes>,
    stage: Http2Stage,
    idle_timeout: Duration,
    /// Time that the peer has for its side of the end.
    patience: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Http2Stage {
    /// No request has come.
    Fresh,
    /// A request came since the clock last rang.
    Active,
    /// None came, and no stream was open when it rang.
    Idle,
    /// The peer was told to open no more streams; those that are open go on.
    GoingAway,
    /// All streams were ended.
    Aborted,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Serving<S> {
    fn note_request(&mut self, clock: Pin<&mut Sleep>) {
        match self.stage {
            Http2Stage::Fresh => {
                clock.reset(Instant::now() + self.idle_timeout);
                self.stage = Http2Stage::Active;
            }
            Http2Stage::Idle => self.stage = Http2Stage::Active,
            Http2Stage::Active | Http2Stage::GoingAway | Http2Stage::Aborted => {}
        }
    }

    fn may_go_away(&self) -> bool {
        !matches!(self.stage, Http2Stage::GoingAway | Http2Stage::Aborted)
    }

    /// RFC 9113 §6.8: the peer is told to open no more streams.
    fn go_away(&mut self, clock: Pin<&mut Sleep>) {
        self.connection.graceful_shutdown();
        self.stage = Http2Stage::GoingAway;
        clock.reset(Instant::now() + self.patience);
    }

    fn abort(&mut self, clock: Pin<&mut Sleep>) {
        self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        self.stage = Http2Stage::Aborted;
        clock.reset(Instant::now() + self.patience);
    }

    /// Looks whether anything goes on; `false` once nothing has to be waited for.
    fn look(&mut self, mut clock: Pin<&mut Sleep>) -> bool {
        match self.stage {
            Http2Stage::GoingAway if self.connection.has_streams() => clock.reset(Instant::now() + self.patience),
            Http2Stage::Fresh | Http2Stage::GoingAway | Http2Stage::Aborted => return false,
            Http2Stage::Idle if !self.connection.has_streams() => self.go_away(clock.as_mut()),
            Http2Stage::Active | Http2Stage::Idle => {
                self.stage = if self.connection.has_streams() { Http2Stage::Active } else { Http2Stage::Idle };
                clock.reset(Instant::now() + self.idle_timeout);
            }
        }
        true
    }
}

/// A request and the way to answer it.
struct Http2Request {
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    resets: Arc<ResetLimit>,
}

impl Http2Request {
    async fn answer(self, service: GatewayService) {
        let Self { request, mut respond, resets } = self;
        let server = Arc::clone(&service.server);
        let limits = &server.application.limits;
        let (is_head, uri) = (request.method() == Method::HEAD, request.uri().clone());
        let (request, tunnel) = match read(request, limits) {
            Ok(read) => read,
            Err(refusal) => {
                let rejected = RejectedHandshake {
                    why: refusal.why(),
                    status: refusal.status().as_u16(),
                    text: refusal.text(),
                    path: uri.path(),
                    origin: None,
                };
                note_rejected(&server, rejected);
                return response::send(&mut respond, plain(&refusal), is_head, limits.transfer_timeout).await;
            }
        };
        let answered = tokio::select! {
            answered = service.answer(request) => answered,
            // The client wants no answer any more.
            _ = poll_fn(|context| respond.poll_reset(context)) => {
                server.shared.telemetry.counters.add(Counter::ResetRequests);
                return resets.count();
            }
        };
        let Ok(response) = answered;
        match tunnel {
            Some(tunnel) if response.status() == StatusCode::OK && !tunnel.waiting.is_closed() => {
                open(tunnel, &mut respond, response);
            }
            Some(_) | None => response::send(&mut respond, response, is_head, limits.transfer_timeout).await,
        }
    }
}

/// RFC 8441 §5: an answer with a status of success opens the stream.
fn open(Tunnel { receiving, waiting }: Tunnel, respond: &mut SendResponse<Bytes>, response: Response<Body>) {
    if let Some(sending) = response::send_head(respond, response.into_parts().0, false) {
        // Whoever waited may have been told to stop: then the stream is reset.
        drop(waiting.send(Http2Stream::new(sending, receiving)));
    }
}

fn plain(refusal: &HandshakeRejection) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{}\n", refusal.text())));
    *response.status_mut() = refusal.status();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
