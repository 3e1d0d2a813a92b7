//! Accepting connections and reading their requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::metrics::{Counter, Counters};
use crate::server::endpoint::{BoundListener, Listener, Speaks};
use crate::server::http::lingering::linger;
use crate::server::http::manual_upgrade::{IntoStream, ManualUpgrade};
use crate::server::http::service::GatewayService;
#[cfg(feature = "http2")]
use crate::server::http2;
use crate::server::lines;
use crate::server::proxy_protocol::{Peek, read_header};
use crate::server::shutdown::takes_no_request;
use crate::server::state::StartedServer;
use crate::transport::{CertificateSlot, SharedStream, Stream, Tls};

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
                begin(&listener, stream, Some(peer), &service);
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => begin(&listener, stream, None, &service),
        }
    }
}

/// Serves a connection, after the header that a trusted proxy begins with.
fn begin<S: AcceptedStream>(listener: &Listener, stream: S, peer: Option<SocketAddr>, service: &GatewayService)
where
    SharedStream<S>: Stream,
{
    let (tls, speaks) = (listener.tls.as_ref(), listener.speaks);
    let with_header = service.server.proxies.with_header.as_ref();
    if !with_header.is_some_and(|proxies| proxies.include(peer)) {
        return open(stream, tls, speaks, with_peer(service, peer, tls));
    }
    let (tls, service) = (tls.cloned(), service.clone());
    let tasks = service.server.shared.tasks.clone();
    tasks.spawn(async move {
        let within = service.server.application.limits.handshake_timeout;
        if let Some((stream, peer)) = read_header(stream, peer, &service.server.shared, within).await {
            open(stream, tls.as_ref(), speaks, with_peer(&service, peer, tls.as_ref()));
        }
    });
}

fn with_peer(service: &GatewayService, peer: Option<SocketAddr>, tls: Option<&Tls>) -> GatewayService {
    GatewayService { peer, is_encrypted: tls.is_some(), ..service.clone() }
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

/// A stream of a listener, before its protocol is known.
pub(crate) trait AcceptedStream: IntoStream + Peek + Sync {}

macro_rules! accepted {
    ($stream:ty) => {
        impl AcceptedStream for $stream {}

        impl Peek for $stream {
            async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                let look = || Ok(rustix::net::recv(self, &mut *buffer, rustix::net::RecvFlags::PEEK)?.0);
                self.async_io(tokio::io::Interest::READABLE, look).await
            }
        }
    };
}

accepted!(TcpStream);
#[cfg(unix)]
accepted!(UnixStream);

/// Serves a connection in a task of its own.
fn open<S: AcceptedStream>(stream: S, tls: Option<&Tls>, speaks: Speaks, service: GatewayService)
where
    SharedStream<S>: Stream,
{
    match speaks {
        Speaks::Http => open_http(stream, tls, service),
        Speaks::Lines => open_lines(stream, tls, service.peer, &service.server),
    }
}

fn open_http<S: AcceptedStream>(stream: S, tls: Option<&Tls>, service: GatewayService) {
    #[cfg(feature = "http2")]
    if let Some(options) = service.server.http2.clone() {
        return http2::spawn(stream, tls, options, service);
    }
    match tls {
        None => spawn(stream, service),
        Some(tls) => {
            let certificate = tls.certificate_slot();
            spawn(tls.accept(stream, certificate.clone()), GatewayService { certificate, ..service });
        }
    }
}

fn open_lines<S: AcceptedStream>(stream: S, tls: Option<&Tls>, peer: Option<SocketAddr>, server: &Arc<StartedServer>)
where
    SharedStream<S>: Stream,
{
    match tls {
        None => lines::spawn(SharedStream::from(stream), peer, CertificateSlot::default(), server),
        Some(tls) => {
            let certificate = tls.certificate_slot();
            lines::spawn(tls.accept(SharedStream::from(stream), certificate.clone()), peer, certificate, server);
        }
    }
}

fn spawn<S: IntoStream>(stream: S, service: GatewayService) {
    let tasks = service.server.shared.tasks.clone();
    let within = service.server.application.limits.handshake_timeout;
    tasks.spawn(serve_http1(stream, service, within));
}

/// Serves a connection of HTTP/1.1; an upgraded one goes on in a task of its own. `within` is the time for the head of a
/// request.
pub(crate) fn serve_http1<S: IntoStream>(
    stream: S,
    service: GatewayService,
    within: Duration,
) -> impl Future<Output = ()> + Send {
    let limits = &service.server.application.limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(within)
        .max_buf_size(limits.header_bytes.max(8 * 1024))
        .max_headers(limits.headers);
    let (shared, patience) = (Arc::clone(&service.server.shared), limits.close_timeout);
    async move {
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
    }
}
