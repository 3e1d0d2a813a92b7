//! The health listener: metrics, liveness and readiness at a separate endpoint.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::limits::Limits;
use crate::server::accept::Accepted;
use crate::server::endpoint::Listener;
use crate::server::handle::ServerHandle;
use crate::server::http::body::Body;
use crate::server::http::lingering::{LingerBounds, RequestBody, linger};

/// Maximum number of concurrent clients of the health listener. Others wait.
const WATCHERS: usize = 32;

/// Time limit for a client's next request: longer than the usual interval, so that connections are reused.
const PATIENCE: Duration = Duration::from_mins(2);

/// Serves until the future is dropped, also while the server is stopping.
pub(crate) async fn monitor(listener: Listener, handle: ServerHandle) {
    let places = Arc::new(Semaphore::new(WATCHERS));
    let mut watchers = JoinSet::new();
    loop {
        let Ok(context) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = listener.next(handle.counters()).await;
        let handle = handle.clone();
        watchers.spawn(async move {
            match accepted {
                Accepted::Tcp(stream, _) => answer(stream, handle).await,
                #[cfg(unix)]
                Accepted::Unix(stream) => answer(stream, handle).await,
            }
            drop(context);
        });
        while watchers.try_join_next().is_some() {}
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: S, handle: ServerHandle) {
    let limits = Limits::default();
    let respond = async |request: Request<Incoming>| {
        let (request, with_body) = RequestBody::watch(request.map(Body::new));
        let mut response = respond(&handle, request.method(), request.uri().path());
        drop(request);
        if let Some(with_body) = with_body {
            with_body.settle(&mut response, LingerBounds::new(&limits)).await;
        }
        Ok::<_, Infallible>(response)
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(8 * 1024);
    let mut serving = http.serve_connection(TokioIo::new(stream), service_fn(respond));
    if let Err(error) = (&mut serving).await {
        tracing::debug!(%error, "an HTTP connection failed");
    }
    linger(serving.into_parts().io.into_inner(), limits.close_timeout).await;
}

fn respond(handle: &ServerHandle, method: &Method, path: &str) -> Response<Body> {
    let (status, kind, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", handle.metrics().to_string())
        }
        (&Method::GET | &Method::HEAD, "/health/live") => plain(StatusCode::OK, "live\n"),
        (&Method::GET | &Method::HEAD, "/health/ready") if handle.is_ready() && handle.is_degraded() => {
            plain(StatusCode::OK, "ready, but degraded: the cluster's engine is away\n")
        }
        (&Method::GET | &Method::HEAD, "/health/ready") if handle.is_ready() => plain(StatusCode::OK, "ready\n"),
        (&Method::GET | &Method::HEAD, "/health/ready") => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /health/live and /health/ready\n"),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode, text: &str) -> (StatusCode, &'static str, String) {
    (status, "text/plain; charset=utf-8", text.to_owned())
}
