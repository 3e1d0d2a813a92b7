//! Accepting connections and reading their requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::metrics::{Counter, Counters};
use crate::server::endpoint::{BoundListener, Listener};
use crate::server::http::lingering::linger;
use crate::server::http::manual_upgrade::ManualUpgrade;
use crate::server::http::service::GatewayService;
use crate::server::shutdown::takes_no_request;

/// Rest after an accept that failed for want of a resource, so that the loop does not spin while nothing is free.
const RESTING: Duration = Duration::from_millis(50);

/// Accepts until the server stops. While clients poll, that is when all of them were told: each asks by a new request, of
/// which some come by a connection of their own.
pub(crate) async fn accept(listener: Listener, service: GatewayService) {
    let shared = Arc::clone(&service.server.shared);
    let mut stopped = std::pin::pin!(takes_no_request(&shared));
    loop {
        let accepted = tokio::select! {
            accepted = listener.next(&shared.telemetry.counters) => accepted,
            () = &mut stopped => return,
        };
        match accepted {
            Accepted::Tcp(stream, peer) => {
                // A frame is written whole: waiting for more would only delay it.
                let _ = stream.set_nodelay(true);
                let service = GatewayService { peer: Some(peer), ..service.clone() };
                match &listener.tls {
                    None => spawn(stream, service),
                    Some(tls) => spawn(tls.accept(stream), service),
                }
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => match &listener.tls {
                None => spawn(stream, service.clone()),
                Some(tls) => spawn(tls.accept(stream), service.clone()),
            },
        }
    }
}

pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    /// The next connection. What fails is tried again, and told once until it works: as long as no file can be opened, every
    /// attempt fails.
    pub(crate) async fn next(&self, counters: &Counters) -> Accepted {
        let mut is_told = false;
        loop {
            let error = match self.incoming.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => error,
            };
            counters.add(Counter::AcceptFailures);
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(%error, "a connection could not be accepted");
            }
            // One that was given up before it was accepted says nothing of the next.
            if error.kind() != io::ErrorKind::ConnectionAborted {
                tokio::time::sleep(RESTING).await;
            }
        }
    }
}

impl BoundListener {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Accepted::Tcp(stream, peer)),
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

/// One HTTP connection; an upgraded one goes on in a task of its own.
fn spawn<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, service: GatewayService) {
    let limits = &service.server.application.limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_buf_size(limits.header_bytes.max(8 * 1024))
        .max_headers(limits.headers);
    let (shared, patience) = (Arc::clone(&service.server.shared), limits.close_timeout);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let by_hand = ManualUpgrade::default();
        let respond = service_fn(|request| {
            let service = service.clone();
            by_hand.respond(request, move |request| service.answer(request))
        });
        let mut serving = http.serve_connection(TokioIo::new(stream), respond).with_upgrades();
        let served = tokio::select! {
            served = by_hand.serve(&mut serving) => served,
            () = shared.told.cancelled() => {
                std::pin::Pin::new(&mut serving).graceful_shutdown();
                by_hand.serve(&mut serving).await
            }
        };
        // Nothing is left of one that was upgraded.
        let rest = serving.into_parts().map(|rest| (rest.io.into_inner(), rest.read_buf));
        if let Ok(Err(error)) = &served {
            tracing::debug!(%error, "an HTTP connection failed");
        }
        let Some((stream, read_ahead)) = rest else { return };
        if let Err(answer) = served {
            return answer.write(stream, read_ahead).await;
        }
        tokio::select! {
            () = linger(stream, patience) => {}
            () = shared.told.cancelled() => {}
        }
    });
}
