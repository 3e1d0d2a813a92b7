//! The choice between HTTP/1.1 and HTTP/2 on one port: by ALPN under TLS (RFC 7301), else by the first bytes (RFC 9113 §3.3).

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::server::accept::{AcceptedStream, serve_http1};
use crate::server::http::service::GatewayService;
use crate::server::http2::connection;
use crate::server::http2::options::Http2;
use crate::transport::Tls;

/// RFC 9113 §3.4: what a client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So many bytes of it are the beginning of no method of HTTP/1.1.
const TELLING: usize = 3;
/// Pause before fewer bytes are looked at again: the kernel says at once that they can be read.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Serves a connection of either version in a task of its own.
pub(crate) fn spawn<S: AcceptedStream>(stream: S, tls: Option<&Tls>, options: Http2, service: GatewayService) {
    let tasks = service.server.shared.tasks.clone();
    let within = service.server.application.limits.handshake_timeout;
    match tls.cloned() {
        None => tasks.spawn(async move {
            let deadline = Instant::now() + within;
            match chosen(is_http2(&stream), deadline, &service).await {
                Some(true) => Box::pin(connection::serve(stream, options, service, deadline)).await,
                Some(false) => serve_http1(stream, service, left_until(deadline)).await,
                None => {}
            }
        }),
        Some(tls) => tasks.spawn(async move {
            let deadline = Instant::now() + within;
            let certificate = tls.certificate_slot();
            let service = GatewayService { certificate: certificate.clone(), ..service };
            match chosen(tls.shake_hands(stream, certificate), deadline, &service).await {
                Some((stream, true)) => Box::pin(connection::serve(stream, options, service, deadline)).await,
                Some((stream, false)) => serve_http1(stream, service, left_until(deadline)).await,
                None => {}
            }
        }),
    };
}

/// Awaits the choice. `None` if it fails, takes too long, or is no longer of interest.
async fn chosen<T>(
    choosing: impl Future<Output = io::Result<T>>,
    deadline: Instant,
    service: &GatewayService,
) -> Option<T> {
    let mut choosing = pin!(timeout_at(deadline, choosing));
    tokio::select! {
        chosen = &mut choosing => match chosen {
            Ok(Ok(chosen)) => Some(chosen),
            Ok(Err(error)) => {
                tracing::debug!(%error, "an HTTP connection failed");
                None
            }
            Err(_) => {
                tracing::debug!("an HTTP connection took too long to begin");
                None
            }
        },
        () = service.server.shared.told.cancelled() => None,
    }
}

/// The rest of the time that the handshakes and the first request have together. It bounds later requests too.
fn left_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// Returns `true` if the client begins with the preface of HTTP/2. Takes no byte from the stream.
async fn is_http2<S: AcceptedStream>(stream: &S) -> io::Result<bool> {
    loop {
        let mut first = [0; PREFACE.len()];
        let seen = stream.peek(&mut first).await?;
        if seen == 0 || !PREFACE.starts_with(&first[..seen]) {
            return Ok(false);
        }
        if seen >= TELLING {
            return Ok(true);
        }
        sleep(LOOK_AGAIN).await;
    }
}
