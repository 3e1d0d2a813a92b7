//! A server as a tower `Service`: upgrades to its namespaces, and the fallback for all other requests.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Request, Response, StatusCode, Uri};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::connection::{ConnectionConfig, serve};
use crate::gateway::MatchedRoute;
use crate::metrics::{Rejected, RejectedHandshake};
use crate::server::admit::{Admitted, ConnectionRequest, Destination, admit, no_such_namespace, note_rejected};
use crate::server::engine_io;
use crate::server::event_stream::{self, EventStreamIntent};
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::body::Body;
use crate::server::http::fallback::Fallback;
use crate::server::http::lingering::{LingerBounds, RequestBody};
use crate::server::http::normal_form::normal_form;
use crate::server::http::upgrade::{OfferedUpgrade, StreamHandler, UpgradedStream, when_upgraded};
#[cfg(feature = "http2")]
use crate::server::http2;
use crate::server::peer::PeerAddr;
use crate::server::state::StartedServer;
use crate::transport::{Agreed, CertificateSlot, Handshake, Stream, Upgrade, UpgradeError, UpgradeIntent, WebSocket};

/// A started server as a `tower` service to mount in another HTTP application. Cheap to clone.
#[derive(Clone)]
pub struct GatewayService {
    pub(crate) server: Arc<StartedServer>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) certificate: CertificateSlot,
    /// The connection came over TLS, by a listener of the server.
    pub(crate) is_encrypted: bool,
}

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for GatewayService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.clone().answer(request.map(Body::new))
    }
}

impl GatewayService {
    /// Creates the service of connections that others accept: their peers are not known.
    pub(crate) fn new(server: Arc<StartedServer>, fallback: Option<Fallback>) -> Self {
        Self { server, fallback, peer: None, is_encrypted: false, certificate: CertificateSlot::default() }
    }

    /// Answers a request, and handles the unread rest of its body.
    pub(crate) fn answer(mut self, request: Request<Body>) -> ResponseFuture {
        self.peer = self.peer.or_else(|| PeerAddr::among(request.extensions()));
        let (request, with_body) = RequestBody::watch(request);
        let offered = OfferedUpgrade::from_request(&request);
        let request = normal_form(request);
        if with_body.is_none() && offered.is_none() {
            return Box::pin(async move { Ok(self.respond(request).await) });
        }
        let server = Arc::clone(&self.server);
        Box::pin(async move {
            let mut response = self.respond(request).await;
            let StartedServer { application, shared, .. } = &*server;
            let limits = &application.limits;
            if let Some(with_body) = with_body {
                let bounds = LingerBounds::new(limits).until(&shared.stopping, limits.close_timeout);
                with_body.settle(&mut response, bounds).await;
            }
            if let Some(offered) = offered {
                offered.settle(&response, shared, limits.close_timeout);
            }
            Ok(response)
        })
    }

    fn host(&self) -> engine_io::Host<'_> {
        let Self { server, fallback: _, peer, is_encrypted, certificate } = self;
        engine_io::Host { server, peer: *peer, is_encrypted: *is_encrypted, certificate }
    }

    async fn respond(self, request: Request<Body>) -> Response<Body> {
        if let Some(engine) = self.server.engines.iter().find(|engine| engine.owns(request.uri().path())) {
            return engine_io::respond(self.host(), engine, request).await;
        }
        let asks = UpgradeIntent::from_head(request.version(), request.headers(), request.extensions());
        if asks == UpgradeIntent::ForNone
            && let Some(endpoint) = &self.server.event_streams
            && let Some(intent) = EventStreamIntent::from_request(&request)
            && let Some(found) = self.server.application.routes.find(request.uri().path())
            && found.route.router.raw().is_none()
        {
            return event_stream::respond(self.host(), endpoint, request, found, intent).await;
        }
        #[cfg(feature = "explorer")]
        if let (UpgradeIntent::ForNone, Some(explorer)) = (asks, &self.server.explorer)
            && let Some(response) = explorer.respond(&request)
        {
            return response;
        }
        let asked = RejectedRequest::new(&request);
        let refused = match (self.server.application.routes.find(request.uri().path()), &self.fallback) {
            (Some(found), fallback) if asks != UpgradeIntent::ForNone || fallback.is_none() => {
                match self.upgrade(request, asks, found).await {
                    Ok(response) => return response,
                    Err(refused) => refused,
                }
            }
            #[cfg(feature = "http2")]
            (_, Some(fallback)) if asks == UpgradeIntent::ByConnect => {
                return http2::respond_by_upgrade(fallback, request, &self.server.shared.tasks).await;
            }
            (_, Some(fallback)) => return fallback.respond(request).await,
            (_, None) => no_such_namespace(&self.server),
        };
        let mut response = self.rejected(&asked, &refused);
        if !matches!(asks, UpgradeIntent::ForNone | UpgradeIntent::ByConnect) {
            // Some clients report a refusal only after the connection has ended.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn upgrade(
        &self,
        mut request: Request<Body>,
        asks: UpgradeIntent,
        found: MatchedRoute,
    ) -> Result<Response<Body>, HandshakeRejection> {
        let below = UpgradedStream::from_request(&mut request);
        let (head, _) = request.into_parts();
        let checked = Upgrade::check(&head, asks, &self.server.subprotocols);
        let mut upgrade = checked.inspect_err(|error| self.server.shared.hints.about(*error)).map_err(malformed)?;
        if self.server.application.compat.nestjs {
            upgrade = upgrade.or_first_offer(&head.headers);
        }
        let upgrade = upgrade.with_deflate(&head.headers, self.server.deflate.as_ref());
        let complete =
            |handshake: Handshake| handshake.with_protocol(upgrade.protocol()).with_certificate(self.certificate.get());
        let request = ConnectionRequest {
            destination: Destination::Namespace(found),
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            peer: self.peer,
            engine: None,
            cors: None,
        };
        let admitted =
            admit(&self.server, request, |handshake| complete(handshake.with_encryption(self.is_encrypted))).await?;
        let begin = PlainConnection { server: Arc::clone(&self.server), admitted, agreed: upgrade.agreed() };
        when_upgraded(below, &self.server.shared.tasks, begin);
        Ok(upgrade.response())
    }

    fn rejected(&self, asked: &RejectedRequest, refusal: &HandshakeRejection) -> Response<Body> {
        let rejected = RejectedHandshake {
            why: refusal.why(),
            status: refusal.status().as_u16(),
            text: refusal.text(),
            path: asked.uri.path(),
            origin: asked.origin.as_ref().and_then(|origin| origin.to_str().ok()),
        };
        note_rejected(&self.server, rejected);
        let mut response = Response::new(Body::from(format!("{}\n", refusal.text())));
        *response.status_mut() = refusal.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if refusal.status() == StatusCode::UPGRADE_REQUIRED {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        if refusal.why().is_passing() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// Data for the log about a rejected request, kept after the request is consumed.
struct RejectedRequest {
    uri: Uri,
    origin: Option<HeaderValue>,
}

impl RejectedRequest {
    fn new(request: &Request<Body>) -> Self {
        Self { uri: request.uri().clone(), origin: request.headers().get(ORIGIN).cloned() }
    }
}

impl fmt::Debug for GatewayService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GatewayService")
            .field("routes", &self.server.application.routes)
            .finish_non_exhaustive()
    }
}

fn malformed(error: UpgradeError) -> HandshakeRejection {
    let status = match error {
        UpgradeError::NotAnUpgrade | UpgradeError::Stripped | UpgradeError::Version => StatusCode::UPGRADE_REQUIRED,
        UpgradeError::Method | UpgradeError::HttpVersion | UpgradeError::Connection | UpgradeError::Key => {
            StatusCode::BAD_REQUEST
        }
    };
    HandshakeRejection::new(status, error.to_string()).because(Rejected::Malformed)
}

/// A plain WebSocket connection. Runs in its own task, which holds nothing of the handshake.
struct PlainConnection {
    server: Arc<StartedServer>,
    admitted: Admitted,
    agreed: Option<Agreed>,
}

impl StreamHandler for PlainConnection {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { server, admitted: Admitted { scope, handshake, permit }, agreed } = self;
        let application = Arc::clone(&server.application);
        let transport = WebSocket::new(stream, &read_ahead, application.limits.message_bytes);
        let transport = transport.with_deflate(agreed).holding(permit);
        let config = ConnectionConfig::plain(&application, &scope, &handshake);
        server.shared.tasks.spawn(serve(transport, application, scope, handshake, config));
    }
}
