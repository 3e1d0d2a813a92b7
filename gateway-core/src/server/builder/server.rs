//! The [`Server`] builder: the description of a server before it starts.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::connection::Application;
use crate::gateway::{
    Assembled, Assembly, AssemblyInputs, BuiltLayers, Factories, Gateway, GatewaySelection, Handlers, KnownNamespaces,
    Problem, Registered, SocketFactory, StartError,
};
use crate::handler::{Compat, Filter, Interceptor, IntoGuard, ServiceMap};
use crate::limits::{Limits, Overflow};
use crate::metrics::{EventInfo, Listeners};
#[cfg(doc)]
use crate::pipeline::Guard;
use crate::protocol::MessageFormat;
#[cfg(feature = "admin")]
use crate::server::admin;
#[cfg(feature = "config")]
use crate::server::builder::config::ServerConfig;
use crate::server::builder::settings::{Operations, join_cluster, written_here};
use crate::server::builder::socket_io_options::{EngineIo, SocketIo};
use crate::server::endpoint::{Endpoint, IntoEndpoint, LocalAddr, Opened};
use crate::server::engine_io::{EngineIoEndpoint, Serves};
use crate::server::event_stream::EventStreamEndpoint;
use crate::server::handle::ServerHandle;
use crate::server::handshake_check::{HandshakeCheck, HandshakeRejection};
use crate::server::http::body::Body;
use crate::server::http::fallback::Fallback;
use crate::server::http::service::GatewayService;
use crate::server::metrics::meters;
use crate::server::running_server::{self, RunningServer};
use crate::server::signals::Signals;
use crate::server::state::{ServerState, StartedServer};
use crate::session::Recovery;
use crate::transport::{ConnectionLimiter, Deflate, Handshake, OriginPolicy};

type OnListening = Box<dyn FnOnce(&LocalAddr) + Send>;

/// A server that has not started: its gateways, their services, and its settings.
///
/// ```no_run
/// # use gateway_core::prelude::*;
/// #[tokio::main]
/// async fn main() -> Result<(), StartError> {
///     Server::new().provide(String::from("a service")).serve("127.0.0.1:3000").await
/// }
/// ```
#[must_use = "a server does nothing before it is started"]
pub struct Server {
    pub(in crate::server) selection: GatewaySelection,
    pub(in crate::server) services: ServiceMap,
    pub(in crate::server) factories: Factories,
    pub(in crate::server) per_socket: Vec<Arc<SocketFactory>>,
    pub(in crate::server) around: BuiltLayers,
    limits: Limits,
    shared: Arc<ServerState>,
    compat: Compat,
    recovery: Option<Recovery>,
    origins: OriginPolicy,
    subprotocols: Vec<String>,
    custom_format: Option<&'static dyn MessageFormat>,
    deflate: Option<Deflate>,
    expected: Vec<String>,
    allow_request: Option<HandshakeCheck>,
    fallback: Option<Fallback>,
    pub(in crate::server) socket_io: Option<EngineIoEndpoint>,
    engines: Vec<EngineIoEndpoint>,
    also: Vec<Endpoint>,
    on_listening: Option<OnListening>,
    pub(in crate::server) listeners: Listeners,
    pub(in crate::server) operations: Operations,
    banner: bool,
}

impl Server {
    /// Creates a server with every gateway that is linked into this binary.
    pub fn new() -> Self {
        Self::from_selection(GatewaySelection::everything())
    }

    /// Creates a server without gateways; add them with [`Server::gateway`].
    pub fn empty() -> Self {
        Self::from_selection(GatewaySelection::default())
    }

    fn from_selection(selection: GatewaySelection) -> Self {
        Self {
            selection,
            services: ServiceMap::default(),
            factories: Factories::default(),
            per_socket: Vec::new(),
            around: BuiltLayers::default(),
            limits: Limits::default(),
            shared: ServerState::new(),
            compat: Compat::default(),
            recovery: None,
            origins: OriginPolicy::default(),
            subprotocols: Vec::new(),
            custom_format: None,
            deflate: None,
            expected: Vec::new(),
            allow_request: None,
            fallback: None,
            socket_io: Some(socket_io(SocketIo::new())),
            engines: Vec::new(),
            also: Vec::new(),
            on_listening: None,
            listeners: Listeners::default(),
            operations: Operations::default(),
            banner: true,
        }
    }

    /// Adds a gateway, with all its `#[gateway]` impl blocks.
    pub fn gateway<G: Gateway + Registered>(mut self) -> Self {
        self.selection.add::<G>();
        self
    }

    /// Adds a gateway written without macros; `add` registers its handlers.
    pub fn gateway_with<G: Gateway>(mut self, add: fn(&mut Handlers<G>)) -> Self {
        self.selection.add::<G>();
        self.selection.add_block(add);
        self
    }

    /// Adds a guard to every namespace of the application, event and room. It runs before all other guards.
    #[track_caller]
    pub fn guard<Kind, G: IntoGuard<Kind>>(mut self, guard: G) -> Self {
        self.around.guard(written_here::<G>(), Some(Arc::new(guard)));
        self
    }

    /// Adds an interceptor around the handlers of all events. It is the outermost one.
    #[track_caller]
    pub fn intercept<I: Interceptor>(mut self, interceptor: I) -> Self {
        self.around.intercept(written_here::<I>(), Some(Arc::new(interceptor)));
        self
    }

    /// Adds a filter for failures of all handlers that no other filter has caught.
    #[track_caller]
    pub fn filter<F: Filter>(mut self, filter: F) -> Self {
        self.around.filter(written_here::<F>(), Some(Arc::new(filter)));
        self
    }

    /// Fails the start unless each of these namespaces has a linked gateway. The linker drops a crate that nothing refers
    /// to, together with its gateways.
    pub fn require_namespaces<N: Into<String>>(mut self, namespaces: impl IntoIterator<Item = N>) -> Self {
        self.expected.extend(namespaces.into_iter().map(Into::into));
        self
    }

    /// Replaces the limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the options read from a configuration file. Setters called afterwards override them.
    #[cfg(feature = "config")]
    pub fn config(self, config: ServerConfig) -> Self {
        config.apply(self)
    }

    /// Enables behaviour that clients of NestJS may depend on, listed in `docs/protocol.md`. Default off.
    pub fn nestjs_compat(mut self, on: bool) -> Self {
        self.compat.nestjs = on;
        self
    }

    /// Lets a client that lost its connection resume its socket, with its rooms, its state and the events it missed. Clients
    /// of Socket.IO resume by themselves, clients of the plain protocol must request it. Default off.
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// Allows pages of another origin, such as `https://app.example.com`, to connect. Pages of the server's own host are
    /// always allowed, and so are clients that send no origin, as most programs that are not browsers.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.allow(origin);
        self
    }

    /// Allows pages of every origin to connect, with their visitors' cookies. Only for servers that read no cookies.
    pub fn allow_any_origin(mut self) -> Self {
        self.origins.allow_any();
        self
    }

    /// Sets the application's subprotocols, the preferred one first; `gateway.v1` precedes them.
    pub fn subprotocols<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.subprotocols.extend(names.into_iter().map(Into::into));
        self
    }

    /// Replaces the message format of plain WebSocket: `message_format(&Pairs)`. Clients that offer `gateway.v1` or
    /// `gateway.v1.msgpack` as their subprotocol still get these.
    pub fn message_format(mut self, format: &'static dyn MessageFormat) -> Self {
        self.custom_format = Some(format);
        self
    }

    /// Compresses WebSocket messages for clients that offer it, both plain and Socket.IO. Default off: compression costs
    /// time, and the compressed length leaks information about secrets next to text that an attacker controls.
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.deflate = Some(deflate);
        self
    }

    /// Runs `check` for each connection request, before any guard. `check` may refuse with a status.
    ///
    /// `check` sees the request only and runs once per connection. A handshake of Engine.IO is checked too, although it
    /// belongs to no namespace yet. Access to a gateway is decided by a [`Guard`].
    pub fn allow_request<F, A>(mut self, check: F) -> Self
    where
        F: Fn(Handshake) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), HandshakeRejection>> + Send + 'static,
    {
        self.allow_request = Some(HandshakeCheck::new(check));
        self
    }

    /// Answers all other HTTP requests with a service, such as an axum router.
    pub fn fallback<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.fallback = Some(Fallback::service(service));
        self
    }

    /// Answers all other HTTP requests with a function, such as one that serves a page.
    pub fn fallback_fn<F>(mut self, respond: F) -> Self
    where
        F: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
    {
        self.fallback = Some(Fallback::function(respond));
        self
    }

    /// Sets the options of Socket.IO. By default Socket.IO is served at `/socket.io/`.
    pub fn socket_io(mut self, options: SocketIo) -> Self {
        self.socket_io = Some(socket_io(options));
        self
    }

    /// Disables Socket.IO. Its path is then an ordinary path.
    pub fn without_socket_io(mut self) -> Self {
        self.socket_io = None;
        self
    }

    /// Serves the raw gateway of `namespace` over Engine.IO at `path`. Plain WebSocket at its namespace still works.
    pub fn engine_io(mut self, path: &str, namespace: &str, options: EngineIo) -> Self {
        self.engines.push(EngineIoEndpoint::new(path, Serves::Raw(namespace.to_owned()), options.engine));
        self
    }

    /// Listens at a further endpoint, such as the second address of `localhost` or a Unix socket.
    pub fn also_listen(mut self, endpoint: impl IntoEndpoint) -> Self {
        self.also.push(endpoint.into_endpoint());
        self
    }

    /// Calls `run` once the server listens, with the actual address of the endpoint given to [`Server::serve`].
    pub fn on_listening(mut self, run: impl FnOnce(&LocalAddr) + Send + 'static) -> Self {
        self.on_listening = Some(Box::new(run));
        self
    }

    /// Calls `listener` for every incoming event before its handler runs, for tracing. The listener runs in the connection's
    /// task and must not block. Without a listener there is no cost.
    pub fn on_incoming(mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_incoming(listener);
        self
    }

    /// Calls `listener` for every outgoing event, once per recipient: events sent by `emit`, `send` and `emit_with_ack`, not
    /// replies. The listener runs on the sender's task.
    pub fn on_outgoing(mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_outgoing(listener);
        self
    }

    /// Prints a banner when [`Server::serve`] starts. Default on.
    pub fn banner(mut self, on: bool) -> Self {
        self.banner = on;
        self
    }

    /// Returns a handle to the server for background tasks; available before the start.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(&self.shared))
    }

    /// Serves until Ctrl-C or SIGTERM, then stops gracefully; a second signal ends the wait at once. With TLS, SIGHUP
    /// reloads the certificates.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the program is wrong, an init hook fails, or binding the address fails.
    // The future does not depend on the endpoint's type, so that an invalid type is one compiler error.
    pub fn serve(self, endpoint: impl IntoEndpoint) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>> {
        Box::pin(self.serve_at(endpoint.into_endpoint()))
    }

    async fn serve_at(self, endpoint: Endpoint) -> Result<(), StartError> {
        let banner = self.banner;
        // Created before `on_listening` runs: a process that sees the server listen may signal it at once.
        let mut signals = Signals::new().map_err(StartError::Signals)?;
        let server = tokio::select! {
            started = self.start_with(endpoint, banner) => started?,
            () = signals.stop() => return Ok(()),
        };
        if server.is_encrypted() {
            signals.hear_hangups().map_err(StartError::Signals)?;
        }
        running_server::until_signal(server, &mut signals).await;
        Ok(())
    }

    /// Starts in the background and returns. Prints nothing and handles no signals.
    ///
    /// # Errors
    ///
    /// As [`Server::serve`].
    pub fn start(
        self,
        endpoint: impl IntoEndpoint,
    ) -> Pin<Box<dyn Future<Output = Result<RunningServer, StartError>> + Send>> {
        Box::pin(self.start_with(endpoint.into_endpoint(), false))
    }

    async fn start_with(mut self, endpoint: Endpoint, banner: bool) -> Result<RunningServer, StartError> {
        let (on_listening, also) = (self.on_listening.take(), std::mem::take(&mut self.also));
        let endpoints = self.operations.take_endpoints(endpoint, also);
        // All problems are reported before the port opens.
        let (service, handle) = self.into_service().await?;
        let opened = Opened::listen(endpoints).await.inspect_err(|_| handle.shutdown())?;
        let server = RunningServer::begin(opened, service, handle);
        if banner {
            server.print_banner();
        }
        if let Some(run) = on_listening {
            run(server.local_addr());
        }
        Ok(server)
    }

    /// Starts as a tower service to mount in another HTTP application. Call [`ServerHandle::shutdown`] when that
    /// application stops.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] when the program is wrong or an init hook fails.
    pub async fn into_service(self) -> Result<(GatewayService, ServerHandle), StartError> {
        let Self { fallback, shared, .. } = &self;
        let (fallback, handle) = (fallback.clone(), ServerHandle::new(Arc::clone(shared)));
        let server = self.assemble().await?;
        Ok((GatewayService::new(server, fallback), handle))
    }

    /// Checks for problems that would fail the start, without starting. Meant for a test of the application.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] with all problems. Factories and init hooks do not run.
    pub fn check(mut self) -> Result<(), StartError> {
        self.services.provide(self.handle());
        self.plan().map(drop)
    }

    /// Assembles the gateways, or returns all problems.
    fn plan(&self) -> Result<Assembled, StartError> {
        let loses = self.recovery.is_some() && self.limits.overflow != Overflow::Close;
        let lossy = loses.then(|| Problem::recovery_with_loss(self.limits.overflow));
        let mut problems: Vec<_> = lossy.into_iter().collect();
        problems.extend(self.operations.problems.iter().cloned());
        problems.extend(self.operations.event_streams.iter().flat_map(EventStreamEndpoint::problems).cloned());
        let given = AssemblyInputs { services: &self.services, per_socket: &self.per_socket, around: &self.around };
        match Assembly::assemble(&self.selection, given, &self.expected, &self.limits) {
            Ok(assembled) => {
                problems
                    .extend(EngineIoEndpoint::problems(self.engines.iter().chain(&self.socket_io), &assembled.routes));
                if problems.is_empty() { Ok(assembled) } else { Err(StartError::Problems(problems)) }
            }
            Err(others) => Err(StartError::Problems(others.into_iter().chain(problems).collect())),
        }
    }

    pub(crate) async fn assemble(mut self) -> Result<Arc<StartedServer>, StartError> {
        self.services.provide(self.handle());
        if self.compat.nestjs {
            self.services.provide(self.compat);
        }
        #[cfg(feature = "explorer")]
        let explorer = self.prepare_explorer()?;
        let failed = std::mem::take(&mut self.factories).make(&mut self.services).await;
        self.around.is_measured = self.operations.measured.is_some();
        let assembled = StartError::with(failed, self.plan())?;
        self.shared.know(KnownNamespaces::new(&assembled.routes)).map_err(StartError::Problems)?;
        #[cfg(feature = "contract")]
        if cfg!(debug_assertions) {
            crate::server::builder::contract::look_at_events(&self.shared, &self.selection);
        }
        if self.recovery.is_some() {
            self.shared.hub.offsets.turn_on();
        }
        if let Some(form) = self.custom_format {
            self.shared.hub.custom_format.set(form);
        }
        assembled.warn();
        let services = Arc::new(self.services);
        let routes = assembled.init(&services).await.map_err(StartError::Problems)?;
        #[cfg(feature = "admin")]
        let pages = self.operations.admin.take();
        let Operations { measured, drain, proxies, engine, cluster, event_streams, .. } = self.operations;
        if let Some(sent) = measured {
            self.listeners.measure(meters(&self.shared, &routes, &sent));
        }
        self.shared.telemetry.listen(self.listeners);
        let limiter = ConnectionLimiter::new(&self.limits);
        let application = Application {
            hub: Arc::clone(&self.shared.hub),
            telemetry: Arc::clone(&self.shared.telemetry),
            routes,
            services,
            limits: self.limits,
            compat: self.compat,
            recovery: self.recovery,
            stopping: self.shared.stopping.clone(),
            drain,
        };
        let server = Arc::new(StartedServer {
            shared: self.shared,
            application: Arc::new(application),
            engines: self.engines.into_iter().chain(self.socket_io).collect(),
            event_streams: event_streams.map(EventStreamEndpoint::new),
            origins: self.origins,
            proxies,
            limiter,
            allow_request: self.allow_request,
            subprotocols: self.subprotocols,
            #[cfg(feature = "explorer")]
            explorer,
            deflate: self.deflate,
            #[cfg(feature = "http2")]
            http2: self.operations.http2,
        });
        server.shared.start(&server);
        if let Some(engine) = engine {
            join_cluster(&server, engine, cluster).await?;
        }
        #[cfg(feature = "admin")]
        if let Some(pages) = pages {
            admin::start(pages, &server);
        }
        Ok(server)
    }
}

fn socket_io(SocketIo { engine }: SocketIo) -> EngineIoEndpoint {
    EngineIoEndpoint::new(&engine.path.clone(), Serves::SocketIo, engine)
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("selection", &self.selection)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
