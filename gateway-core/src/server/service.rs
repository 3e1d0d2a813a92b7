//! A server as a tower `Service`: upgrades to its namespaces, and what to do with every other request.

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

use crate::gateway::Found;
use crate::server::application::Application;
use crate::server::before::{BeforeUpgrade, FOREIGN_ORIGIN, UpgradeRefusal};
use crate::server::body::Body;
use crate::server::connection::{self, Entry, Manner};
use crate::server::doors::ask_at_upgrade;
use crate::server::engine_io;
use crate::server::fallback::Fallback;
use crate::server::peer::PeerAddr;
use crate::server::unread::{Bounds, WithBody};
use crate::server::upgraded::{Below, Offered, Start, when_upgraded};
use crate::telemetry::{self, Rejected, RejectedHandshake};
use crate::transport::{Agreed, Asks, Handshake, Present, Query, Stream, Upgrade, UpgradeError, WebSocket};

/// A started server as a `tower` service, to be mounted in another HTTP application. Cheap to clone.
#[derive(Clone)]
pub struct GatewayService {
    pub(crate) application: Arc<Application>,
    pub(crate) before: Option<BeforeUpgrade>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) peer: Option<SocketAddr>,
}

type Respond = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for GatewayService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Respond;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Respond {
        self.clone().answer(request.map(Body::new))
    }
}

impl GatewayService {
    /// Answers a request, and looks after what the answer leaves of it.
    pub(crate) fn answer(mut self, request: Request<Body>) -> Respond {
        self.peer = self.peer.or_else(|| PeerAddr::among(request.extensions()));
        let (request, with_body) = WithBody::watch(request);
        let offered = Offered::take_note(&request);
        if with_body.is_none() && offered.is_none() {
            return Box::pin(async move { Ok(self.respond(request).await) });
        }
        let application = Arc::clone(&self.application);
        Box::pin(async move {
            let mut response = self.respond(request).await;
            let Application { limits, shared, .. } = &*application;
            if let Some(with_body) = with_body {
                let bounds = Bounds::new(limits).until(&shared.stopping, limits.close_timeout);
                with_body.settle(&mut response, bounds).await;
            }
            if let Some(offered) = offered {
                offered.settle(&response, shared, limits.close_timeout);
            }
            Ok(response)
        })
    }

    async fn respond(self, request: Request<Body>) -> Response<Body> {
        if let Some(engine) = self.application.engines.iter().find(|engine| engine.owns(request.uri().path())) {
            let host =
                engine_io::Host { application: &self.application, before: self.before.as_ref(), peer: self.peer };
            return engine_io::respond(host, engine, request).await;
        }
        let asks = Asks::of(request.headers());
        let asked = Asked::of(&request);
        let refused = match (self.application.routes.find(request.uri().path()), &self.fallback) {
            (Some(found), fallback) if asks != Asks::ForNone || fallback.is_none() => {
                match self.upgrade(request, asks, found).await {
                    Ok(response) => return response,
                    Err(refused) => refused,
                }
            }
            (_, Some(fallback)) => return fallback.respond(request).await,
            (_, None) => self.not_found(),
        };
        let mut response = self.rejected(&asked, &refused);
        if asks != Asks::ForNone {
            // Some clients wait for the end of the connection before they say that they were refused.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn upgrade(
        &self,
        mut request: Request<Body>,
        asks: Asks,
        mut found: Found,
    ) -> Result<Response<Body>, UpgradeRefusal> {
        let below = Below::of(&mut request);
        let (head, _) = request.into_parts();
        let checked = Upgrade::check(&head, asks, &self.application.subprotocols);
        let mut upgrade =
            checked.inspect_err(|error| self.application.shared.hints.about(*error)).map_err(malformed)?;
        if self.application.compat.nestjs {
            upgrade = upgrade.or_first_offer(&head.headers);
        }
        let upgrade = upgrade.with_deflate(&head.headers, self.application.deflate.as_ref());
        if !self.application.origins.admits(&head.headers) {
            return Err(UpgradeRefusal::new(StatusCode::FORBIDDEN, FOREIGN_ORIGIN).because(Rejected::Origin));
        }
        if self.application.shared.is_stopping() {
            return Err(
                UpgradeRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops").because(Rejected::Stopping)
            );
        }
        let query = head.uri.query().unwrap_or_default();
        Query::check(query, &self.application.limits)?;
        let address = self.application.address(self.peer, &head.headers);
        let present = self.application.crowd.enter(address)?;
        let handshake = Handshake::new(found.name.clone(), query, &head.headers, self.peer)
            .with_protocol(upgrade.protocol())
            .with_address(address)
            .with_parameters(std::mem::take(&mut found.parameters));
        if let Some(before) = &self.before {
            before.ask(handshake.clone()).await?;
        }
        found.passes = ask_at_upgrade(&self.application, &found.route, &handshake).await?;
        let application = Arc::clone(&self.application);
        let begin = Begin { application, found, handshake, agreed: upgrade.agreed(), present };
        when_upgraded(below, &self.application.shared.tasks, begin);
        Ok(upgrade.response())
    }

    fn not_found(&self) -> UpgradeRefusal {
        let mut text = "there is no gateway at this path".to_owned();
        if cfg!(debug_assertions) {
            let names: Vec<_> = self.application.routes.iter().map(|route| route.namespace).collect();
            text = format!("{text}; the namespaces are {}", names.join(", "));
        }
        UpgradeRefusal::new(StatusCode::NOT_FOUND, text).because(Rejected::NotFound)
    }

    fn rejected(&self, asked: &Asked, refusal: &UpgradeRefusal) -> Response<Body> {
        self.application.shared.counters.reject(refusal.why());
        telemetry::rejected(RejectedHandshake {
            why: refusal.why(),
            status: refusal.status().as_u16(),
            text: refusal.text(),
            path: asked.uri.path(),
            origin: asked.origin.as_ref().and_then(|origin| origin.to_str().ok()),
        });
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

/// What the log says of a request that is turned away, once the request itself is used up.
struct Asked {
    uri: Uri,
    origin: Option<HeaderValue>,
}

impl Asked {
    fn of(request: &Request<Body>) -> Self {
        Self { uri: request.uri().clone(), origin: request.headers().get(ORIGIN).cloned() }
    }
}

impl fmt::Debug for GatewayService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayService").field("routes", &self.application.routes).finish_non_exhaustive()
    }
}

fn malformed(error: UpgradeError) -> UpgradeRefusal {
    let status = match error {
        UpgradeError::NotAnUpgrade | UpgradeError::Stripped | UpgradeError::Version => StatusCode::UPGRADE_REQUIRED,
        UpgradeError::Method | UpgradeError::HttpVersion | UpgradeError::Connection | UpgradeError::Key => {
            StatusCode::BAD_REQUEST
        }
    };
    UpgradeRefusal::new(status, error.to_string()).because(Rejected::Malformed)
}

/// A connection by plain WebSocket. It gets a task of its own, which holds nothing of its handshake.
struct Begin {
    application: Arc<Application>,
    found: Found,
    handshake: Handshake,
    agreed: Option<Agreed>,
    present: Option<Box<Present>>,
}

impl Start for Begin {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { application, found, handshake, agreed, present } = self;
        let transport = WebSocket::new(stream, &read_ahead, application.limits.message_bytes);
        let transport = transport.with_deflate(agreed).holding(present);
        let tasks = application.shared.tasks.clone();
        let manner = Manner::plain(&application, &found.route, &handshake);
        tasks.spawn(connection::serve(transport, application, Entry::Namespace(found), handshake, manner));
    }
}
