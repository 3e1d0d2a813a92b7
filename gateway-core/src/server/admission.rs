//! The connect hooks of one socket: one after the other, within a bound, and any of them may refuse.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Task, Poll};

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::dispatch::{Context, Exception, INTERNAL, Refusal, RunHook, Verdict};
use crate::gateway::Route;
use crate::server::application::Application;
use crate::socket::Socket;
use crate::telemetry::Counter;
use crate::wire::CloseCode;

pub(crate) struct Admission {
    hooks: Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>,
    admitted: Arc<AtomicUsize>,
    deadline: Instant,
}

impl Admission {
    pub(crate) fn begin(application: &Arc<Application>, route: &Arc<Route>, socket: &Socket, now: Instant) -> Self {
        let admitted = Arc::<AtomicUsize>::default();
        let hooks = Box::pin(admit(Arc::clone(application), Arc::clone(route), socket.clone(), Arc::clone(&admitted)));
        Self { hooks, admitted, deadline: now + application.limits.connect_timeout }
    }

    /// How many gateways have accepted so far.
    pub(crate) fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Refusal>> {
        let polled = self.hooks.as_mut().poll(task);
        if polled.is_pending() && Instant::now() >= self.deadline {
            let refusal = Refusal::from(Exception::framework("timeout", "the connect hook took too long"));
            return Poll::Ready(Err(refusal.with_close_code(CloseCode::CONNECT_TIMEOUT)));
        }
        polled
    }
}

async fn admit(
    application: Arc<Application>,
    route: Arc<Route>,
    socket: Socket,
    admitted: Arc<AtomicUsize>,
) -> Result<(), Refusal> {
    for hooks in &route.router.gateways {
        for hook in &hooks.connect {
            run(hook, &application, &socket).await?;
        }
        admitted.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn run(hook: &RunHook<Verdict>, application: &Application, socket: &Socket) -> Result<(), Refusal> {
    let running = catch_unwind(AssertUnwindSafe(|| hook(&Context::socket_moment(&application.services, socket))));
    let outcome = match running {
        Ok(running) => AssertUnwindSafe(running.outcome()).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    let Ok(Verdict(verdict)) = outcome else {
        application.shared.counters.add(Counter::Panics);
        tracing::error!(socket = %socket.id(), "a connect hook panicked");
        return Err(Refusal::from(Exception::framework("internal", INTERNAL)).with_close_code(CloseCode::INTERNAL));
    };
    verdict
}
