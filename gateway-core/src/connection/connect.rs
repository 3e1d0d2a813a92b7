//! The guards and connect hooks of a socket: they run one after the other, with a time limit, and each may refuse.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::application::Application;
use crate::connection::socket_context::SocketContext;
use crate::error::{ConnectRejection, Exception};
use crate::gateway::{Route, Services};
use crate::handler::{Context, Extensions, GuardContext, GuardPoint, Guards, RunHook, Scope, SocketGrants, Subject};
use crate::hub::cluster::Cluster;
use crate::metrics::{Counter, cluster_refused_namespace};
use crate::protocol::CloseCode;
use crate::socket::Socket;

pub(crate) struct ConnectHooks {
    hooks: Pin<Box<dyn Future<Output = Result<(), ConnectRejection>> + Send>>,
    progress: Arc<Progress>,
    /// Ends of other sockets that must complete first.
    before: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Present once the guards have started.
    deadline: Option<Instant>,
    within: Duration,
}

impl ConnectHooks {
    /// Starts after the ends of `after` have completed.
    pub(crate) fn begin(context: &SocketContext, after: &[CancellationToken]) -> Self {
        let progress = Arc::<Progress>::default();
        let connecting = ConnectingSocket {
            application: Arc::clone(&context.application),
            route: Arc::clone(&context.route),
            socket: context.socket.clone(),
            grants: context.grants.clone(),
        };
        let hooks = Box::pin(connecting.run_all(Arc::clone(&progress)));
        let within = context.application.limits.connect_timeout;
        if after.is_empty() {
            return Self { hooks, progress, before: None, deadline: Some(Instant::now() + within), within };
        }
        let after = after.to_vec();
        let ends = async move {
            for end in after {
                end.cancelled().await;
            }
        };
        Self { hooks, progress, before: Some(Box::pin(ends)), deadline: None, within }
    }

    /// Number of gateways that have accepted so far.
    pub(crate) fn admitted(&self) -> usize {
        self.progress.admitted.load(Ordering::Relaxed)
    }

    /// The deadline; `None` while waiting for the ends of other sockets, which have their own.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<(), ConnectRejection>> {
        if let Some(before) = &mut self.before {
            ready!(before.as_mut().poll(task));
            self.before = None;
            self.deadline = Some(Instant::now() + self.within);
        }
        let polled = self.hooks.as_mut().poll(task);
        if polled.is_pending() && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let is_asking = self.progress.is_asking.load(Ordering::Relaxed);
            let who = if is_asking { "the guard took too long" } else { "the connect hook took too long" };
            let refusal = ConnectRejection::from(Exception::framework("timeout", who))
                .with_close_code(CloseCode::CONNECT_TIMEOUT);
            return Poll::Ready(Err(if is_asking { refusal.by_guard() } else { refusal }));
        }
        polled
    }
}

/// Progress of a connecting socket.
#[derive(Debug, Default)]
struct Progress {
    /// Number of gateways that have accepted.
    admitted: AtomicUsize,
    /// Set while guards are running.
    is_asking: AtomicBool,
}

/// A connecting socket.
struct ConnectingSocket {
    application: Arc<Application>,
    route: Arc<Route>,
    socket: Socket,
    grants: Option<Arc<SocketGrants>>,
}

impl ConnectingSocket {
    async fn run_all(self, progress: Arc<Progress>) -> Result<(), ConnectRejection> {
        if let Some(cluster) = self.application.hub.cluster() {
            // Boxed, so that servers without a cluster hold no space for it.
            Box::pin(self.enter_cluster(cluster)).await?;
        }
        self.check(&self.route.guards, &progress).await?;
        self.make_own().await?;
        for hooks in &self.route.router.gateways {
            for hook in &hooks.connect {
                self.check(&hook.guards, &progress).await?;
                self.run(&hook.run).await?;
            }
            progress.admitted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until messages of other nodes for the namespace reach this one.
    async fn enter_cluster(&self, cluster: &Cluster) -> Result<(), ConnectRejection> {
        let namespace = self.socket.namespace();
        cluster.admit(namespace.name()).await.map_err(|error| {
            cluster_refused_namespace(namespace.name(), &error);
            Exception::framework("invalid_namespace", "the server's cluster cannot carry this namespace").into()
        })
    }

    async fn check(&self, guards: &Guards, progress: &Progress) -> Result<(), ConnectRejection> {
        if guards.is_empty() {
            return Ok(());
        }
        progress.is_asking.store(true, Ordering::Relaxed);
        let extensions = Extensions::default();
        let about = Context::new(self.scope(), Subject::Nothing, &extensions);
        let verdict = guards
            .check(0, &GuardContext::new(GuardPoint::Connect, &about), &self.application.telemetry.counters)
            .await;
        progress.is_asking.store(false, Ordering::Relaxed);
        verdict.map_err(|exception| ConnectRejection::from(exception).by_guard())
    }

    /// Creates the socket's own values.
    async fn make_own(&self) -> Result<(), ConnectRejection> {
        let Self { application, route, socket, grants } = self;
        for factory in &route.own {
            let provided = Services::started(&application.services);
            let made = match catch_unwind(AssertUnwindSafe(|| factory.make(socket.clone(), provided))) {
                Ok(making) => AssertUnwindSafe(making).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let Ok(made) = made else {
                application.telemetry.counters.add(Counter::Panics);
                let (socket, value) = (socket.id(), factory.name);
                let log = |id: &str| tracing::error!(%socket, value, id, "the factory of a socket's value panicked");
                return Err(Exception::internal(log).into());
            };
            let grants = grants.as_ref().expect("the sockets of a namespace that makes values have grants");
            grants.own(factory.makes, made?);
        }
        Ok(())
    }

    fn scope(&self) -> Scope<'_> {
        let Self { application, socket, grants, .. } = self;
        Scope { services: &application.services, socket: Some(socket), grants: grants.as_ref() }
    }

    async fn run(&self, hook: &RunHook<Result<(), ConnectRejection>>) -> Result<(), ConnectRejection> {
        let Self { application, socket, .. } = self;
        let running = catch_unwind(AssertUnwindSafe(|| {
            hook(&Context::new(self.scope(), Subject::Nothing, &Extensions::default()))
        }));
        let outcome = match running {
            Ok(running) => AssertUnwindSafe(running.outcome()).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        let Ok(verdict) = outcome else {
            application.telemetry.counters.add(Counter::Panics);
            let log = |id: &str| tracing::error!(socket = %socket.id(), id, "a connect hook panicked");
            return Err(Exception::internal(log).into());
        };
        verdict
    }
}
