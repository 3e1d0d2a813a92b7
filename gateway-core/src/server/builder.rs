//! Describing a server before it starts.

use std::any::type_name;
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
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
use crate::handler::{Compat, Filter, Interceptor, IntoGuard, ServiceMap, Written};
use crate::limits::{Limits, Overflow};
use crate::metrics::{EventInfo, Listeners};
#[cfg(doc)]
use crate::pipeline::Guard;
use crate::protocol::MessageFormat;
use crate::server::body::Body;
#[cfg(feature = "config")]
use crate::server::config::ServerConfig;
use crate::server::endpoint::{Endpoint, IntoEndpoint, LocalAddr};
use crate::server::engine_io::{Engine, Serves};
use crate::server::fallback::Fallback;
use crate::server::handle::ServerHandle;
use crate::server::handshake_check::{HandshakeCheck, HandshakeRejection};
use crate::server::metrics::meters;
use crate::server::running_server::{self, RunningServer};
use crate::server::service::GatewayService;
use crate::server::settings::Operations;
use crate::server::signals::Signals;
use crate::server::socket_io_options::{EngineIo, SocketIo};
use crate::server::state::{ServerState, StartedServer};
use crate::session::Recovery;
use crate::transport::{ConnectionLimiter, Deflate, Handshake, OriginPolicy};

type OnListening = Box<dyn FnOnce(&LocalAddr) + Send>;

/// A server that has not started: which gateways it serves, what they are given, and its settings.
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
    selection: GatewaySelection,
    pub(super) services: ServiceMap,
    pub(super) factories: Factories,
    pub(super) per_socket: Vec<Arc<SocketFactory>>,
    around: BuiltLayers,
    limits: Limits,
    shared: Arc<ServerState>,
    compat: Compat,
    recovery: Option<Recovery>,
    origins: OriginPolicy,
    subprotocols: Vec<String>,
    custom_format: Option<&'static dyn MessageFormat>,
    deflate: Option<Deflate>,
    expected: Vec<String>,
    before: Option<HandshakeCheck>,
    fallback: Option<Fallback>,
    socket_io: Option<Engine>,
    engines: Vec<Engine>,
    also: Vec<Endpoint>,
    on_listening: Option<OnListening>,
    listeners: Listeners,
    pub(super) operations: Operations,
    banner: bool,
}

impl Server {
    /// A server of every gateway that is linked into this binary.
    pub fn new() -> Self {
        Self::of(GatewaySelection::everything())
    }

    /// A server of no gateway: name them with [`Server::gateway`].
    pub fn empty() -> Self {
        Self::of(GatewaySelection::default())
    }

    fn of(selection: GatewaySelection) -> Self {
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
            before: None,
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

    /// Adds a gateway that was written by hand; `add` takes its methods up.
    pub fn gateway_with<G: Gateway>(mut self, add: fn(&mut Handlers<G>)) -> Self {
        self.selection.add::<G>();
        self.selection.add_block(add);
        self
    }

    /// Puts a guard before everything: every namespace, event and room. It is asked first.
    #[track_caller]
    pub fn guard<Kind, G: IntoGuard<Kind>>(mut self, guard: G) -> Self {
        self.around.guard(written_here::<G>(), Some(Arc::new(guard)));
        self
    }

    /// Puts an interceptor around the handlers of all events. It is the outermost.
    #[track_caller]
    pub fn intercept<I: Interceptor>(mut self, interceptor: I) -> Self {
        self.around.intercept(written_here::<I>(), Some(Arc::new(interceptor)));
        self
    }

    /// Answers failures of all handlers that no nearer filter has caught.
    #[track_caller]
    pub fn filter<F: Filter>(mut self, filter: F) -> Self {
        self.around.filter(written_here::<F>(), Some(Arc::new(filter)));
        self
    }

    /// Stops the start unless a gateway of each of these namespaces is linked in. A crate that nothing names is dropped
    /// by the linker with its gateways.
    pub fn require_namespaces<N: Into<String>>(mut self, namespaces: impl IntoIterator<Item = N>) -> Self {
        self.expected.extend(namespaces.into_iter().map(Into::into));
        self
    }

    /// Replaces the limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the options that stand in a configuration file. Setters called afterwards win.
    #[cfg(feature = "config")]
    pub fn config(self, config: ServerConfig) -> Self {
        config.apply(self)
    }

    /// Restores what clients of NestJS may depend on; `docs/protocol.md` lists it. Default off.
    pub fn nestjs_compat(mut self, on: bool) -> Self {
        self.compat.nestjs = on;
        self
    }

    /// Lets a client that lost its connection come back as the same socket: with its rooms, its state and the events it
    /// has missed. Clients of Socket.IO do so unasked, those of the plain protocol where they ask for it. Default off.
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// Lets pages of another origin connect, such as `https://app.example.com`. Pages of the server's own host may
    /// always, and programs that are no browser send no origin.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.allow(origin);
        self
    }

    /// Lets every page of the world connect with its visitors' cookies. Only for servers that read none.
    pub fn allow_any_origin(mut self) -> Self {
        self.origins.allow_any();
        self
    }

    /// Subprotocols of the application, the preferred one first; `gateway.v1` comes before them.
    pub fn subprotocols<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.subprotocols.extend(names.into_iter().map(Into::into));
        self
    }

    /// Replaces the form in which messages are written on plain WebSocket: `message_format(&Pairs)`. Clients that name
    /// `gateway.v1` or `gateway.v1.msgpack` as their subprotocol have these all the same.
    pub fn message_format(mut self, format: &'static dyn MessageFormat) -> Self {
        self.custom_format = Some(format);
        self
    }

    /// Compresses messages of a WebSocket with clients that offer it, plain ones and those of Socket.IO. Default off: it
    /// costs time, and the length of what is compressed tells of secrets beside text of others.
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.deflate = Some(deflate);
        self
    }

    /// Asks `check` about each request for a connection, before its guards; it may refuse with a status.
    ///
    /// This is about the request and not about a namespace: it is asked once, also about a handshake of Engine.IO, which
    /// belongs to no namespace yet, and knows nothing of what it lets in. Who may use a gateway is what a [`Guard`] decides.
    pub fn allow_request<F, A>(mut self, check: F) -> Self
    where
        F: Fn(Handshake) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), HandshakeRejection>> + Send + 'static,
    {
        self.before = Some(HandshakeCheck::new(check));
        self
    }

    /// Answers requests that are for no gateway with another service, such as an axum router.
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

    /// Answers requests that are for no gateway with a function, such as one that serves a page.
    pub fn fallback_fn<F>(mut self, respond: F) -> Self
    where
        F: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
    {
        self.fallback = Some(Fallback::function(respond));
        self
    }

    /// Sets how Socket.IO is served. It is on without this, at `/socket.io/`.
    pub fn socket_io(mut self, options: SocketIo) -> Self {
        self.socket_io = Some(socket_io(options));
        self
    }

    /// Serves no Socket.IO: its path is one like any other.
    pub fn without_socket_io(mut self) -> Self {
        self.socket_io = None;
        self
    }

    /// Serves the raw gateway of a namespace by Engine.IO, under a path of its own. It stays to be reached by plain
    /// WebSocket under its namespace.
    pub fn engine_io(mut self, path: &str, namespace: &str, options: EngineIo) -> Self {
        self.engines.push(Engine::new(path, Serves::Raw(namespace.to_owned()), options.engine));
        self
    }

    /// Listens here too: at the other address of a name such as `localhost`, or for the programs of this machine alone.
    pub fn also_listen(mut self, endpoint: impl IntoEndpoint) -> Self {
        self.also.push(endpoint.into_endpoint());
        self
    }

    /// Runs once the server listens, with the address that the one given to [`Server::serve`] turned out to be.
    pub fn on_listening(mut self, run: impl FnOnce(&LocalAddr) + Send + 'static) -> Self {
        self.on_listening = Some(Box::new(run));
        self
    }

    /// Hears of every event that came in, before its handler does; for tracing. It runs in the connection's task, so it
    /// must not wait. A server without one pays nothing for it.
    pub fn on_incoming(mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_incoming(listener);
        self
    }

    /// Hears of every event that is sent, once for each socket it goes to: what `emit`, `send` and `request` say, and no
    /// replies. It runs where the event is sent from.
    pub fn on_outgoing(mut self, listener: impl Fn(&EventInfo<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_outgoing(listener);
        self
    }

    /// Prints a banner when [`Server::serve`] starts. Default on.
    pub fn banner(mut self, on: bool) -> Self {
        self.banner = on;
        self
    }

    /// The server as background tasks see it, already before it starts.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(&self.shared))
    }

    /// Serves until Ctrl-C or SIGTERM, then stops gracefully; a second signal ends the process's wait at once. Where it
    /// serves TLS, SIGHUP makes it read its certificates again.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the program is wrong, an init hook fails, or the address cannot be listened on.
    // Its future does not depend on the type of the address, so that what is none is said once.
    pub fn serve(self, endpoint: impl IntoEndpoint) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>> {
        Box::pin(self.serve_at(endpoint.into_endpoint()))
    }

    async fn serve_at(self, endpoint: Endpoint) -> Result<(), StartError> {
        let banner = self.banner;
        // Whoever hears that it listens may tell it to stop at once.
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

    /// Starts in the background and returns; nothing is printed and no signal is listened for.
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
        let monitoring = self.operations.monitoring.take();
        // Everything that can be wrong is, before the port opens.
        let (service, handle) = self.into_service().await?;
        let (listener, address) = endpoint.listen().await?;
        let mut listeners = vec![listener];
        for endpoint in also {
            listeners.push(endpoint.listen().await?.0);
        }
        let monitoring = match monitoring {
            Some(endpoint) => Some(endpoint.listen().await?),
            None => None,
        };
        let mut server = RunningServer::begin(listeners, address, service, handle);
        if let Some(monitoring) = monitoring {
            server = server.monitored(monitoring);
        }
        if banner {
            server.print_banner();
        }
        if let Some(run) = on_listening {
            run(server.local_addr());
        }
        Ok(server)
    }

    /// Starts as a tower service, to be mounted in another HTTP application, whose graceful stop should call
    /// [`ServerHandle::shutdown`].
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] when the program is wrong or an init hook fails.
    pub async fn into_service(self) -> Result<(GatewayService, ServerHandle), StartError> {
        let Self { before, fallback, shared, .. } = &self;
        let (before, fallback, handle) = (before.clone(), fallback.clone(), ServerHandle::new(Arc::clone(shared)));
        let server = self.assemble().await?;
        Ok((GatewayService { server, before, fallback, peer: None }, handle))
    }

    /// Looks for everything that would stop the start, without starting: for a test of the application.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] with all of it. Factories and init hooks do not run.
    pub fn check(mut self) -> Result<(), StartError> {
        self.services.provide(self.handle());
        self.plan().map(drop)
    }

    /// Everything that is wrong, or the gateways ready to start.
    fn plan(&self) -> Result<Assembled, StartError> {
        let loses = self.recovery.is_some() && self.limits.overflow != Overflow::Close;
        let lossy = loses.then(|| Problem::recovery_with_loss(self.limits.overflow));
        let mut problems: Vec<_> = lossy.into_iter().collect();
        problems.extend(self.operations.unreadable.iter().map(|text| Problem::proxy(text)));
        let given = AssemblyInputs { services: &self.services, per_socket: &self.per_socket, around: &self.around };
        match Assembly::of(&self.selection, given, &self.expected, &self.limits) {
            Ok(assembled) => {
                problems.extend(Engine::problems(self.engines.iter().chain(&self.socket_io), &assembled.routes));
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
        let failed = std::mem::take(&mut self.factories).make(&mut self.services).await;
        self.around.is_measured = self.operations.measured.is_some();
        let assembled = StartError::with(failed, self.plan())?;
        self.shared.know(KnownNamespaces::new(&assembled.routes)).map_err(StartError::Problems)?;
        if self.recovery.is_some() {
            self.shared.hub.offsets.turn_on();
        }
        if let Some(form) = self.custom_format {
            self.shared.hub.custom_format.set(form);
        }
        assembled.warn();
        let services = Arc::new(self.services);
        let routes = assembled.init(&services).await.map_err(StartError::Problems)?;
        let Operations { measured, drain, proxies, .. } = self.operations;
        if let Some(sent) = measured {
            self.listeners.measure(meters(&self.shared, &routes, &sent));
        }
        self.shared.counters.listen(self.listeners);
        let limiter = ConnectionLimiter::new(&self.limits);
        let application = Application {
            hub: Arc::clone(&self.shared.hub),
            counters: Arc::clone(&self.shared.counters),
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
            origins: self.origins,
            proxies,
            limiter,
            subprotocols: self.subprotocols,
            deflate: self.deflate,
        });
        server.shared.start(&server);
        Ok(server)
    }
}

/// Place in the caller's source where a value is given to the server.
#[track_caller]
fn written_here<T>() -> Written {
    let (context, name) = (Location::caller(), type_name::<T>());
    // Without the modules before it; those of its parameters stay.
    let plain = name.split('<').next().unwrap_or(name);
    let start = plain.rfind("::").map_or(0, |at| at + 2);
    Written::new(&name[start..], context.file(), context.line())
}

fn socket_io(SocketIo { engine }: SocketIo) -> Engine {
    Engine::new(&engine.path.clone(), Serves::SocketIo, engine)
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
