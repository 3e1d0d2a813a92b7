//! WebSockets of the fallback. Its library upgrades connections of HTTP/1.1; a stream of HTTP/2 is offered to it as one, over a
//! pipe in memory.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy_bidirectional, duplex};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::random::random;
use crate::server::http::body::Body;
use crate::server::http::fallback::Fallback;
use crate::server::http2::request::Http2StreamReceiver;
use crate::sync::lock;
use crate::transport::Http2Stream;

/// Bytes that the pipe holds in each direction.
const PIPE: usize = 64 * 1024;
/// Bytes of the head of an answer.
const HEAD: usize = 64 * 1024;
/// Request that the library reads so that it offers an upgrade; the fallback sees the client's own request.
const OFFER: &[u8] = b"GET / HTTP/1.1\r\nHost: stream\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Passes a request for a WebSocket in a stream of HTTP/2 to the fallback, as an upgrade of HTTP/1.1.
pub(crate) async fn respond_by_upgrade(
    fallback: &Fallback,
    mut request: Request<Body>,
    tasks: &TaskTracker,
) -> Response<Body> {
    let opened = request.extensions_mut().remove::<Http2StreamReceiver>().and_then(|opened| opened.claim());
    let Some(opened) = opened else {
        // Of another HTTP server, whose fallbacks know its upgrades.
        *request.method_mut() = Method::CONNECT;
        return fallback.respond(request).await;
    };
    let has_key = request.headers().contains_key(SEC_WEBSOCKET_KEY);
    let upgrade = as_upgrade(request, has_key);
    let (mut near, far) = duplex(PIPE);
    let (answered, answer) = oneshot::channel();
    tasks.spawn(offer(far, fallback.clone(), upgrade, answered));
    if near.write_all(OFFER).await.is_err() {
        return failed();
    }
    let Ok(mut response) = answer.await else { return failed() };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let Ok(read_ahead) = skip_head(&mut near).await else { return failed() };
    tasks.spawn(carry(opened, near, read_ahead));
    *response.status_mut() = StatusCode::OK;
    if !has_key {
        response.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
    }
    response
}

/// The request as a client of HTTP/1.1 would send it.
fn as_upgrade(mut request: Request<Body>, has_key: bool) -> Request<Body> {
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if !has_key {
        let key = data_encoding::BASE64.encode(&random::<16>());
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(key).expect("base64 is visible ASCII"));
    }
    request
}

/// Serves one request over the pipe. The answer goes past the pipe; over it go the bytes of the WebSocket.
async fn offer(
    far: DuplexStream,
    fallback: Fallback,
    request: Request<Body>,
    answered: oneshot::Sender<Response<Body>>,
) {
    let once = Arc::new(Mutex::new(Some((request, answered))));
    let respond = service_fn(|mut offered: Request<Incoming>| {
        let (once, fallback) = (lock(&once).take(), fallback.clone());
        async move {
            let mut written = Response::new(Body::empty());
            let Some((mut request, answered)) = once else { return Ok::<_, Infallible>(written) };
            if let Some(upgrade) = offered.extensions_mut().remove::<OnUpgrade>() {
                request.extensions_mut().insert(upgrade);
            }
            let response = fallback.respond(request).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                *written.status_mut() = response.status();
                *written.headers_mut() = response.headers().clone();
            }
            // Whoever asked may be gone.
            drop(answered.send(response));
            Ok(written)
        }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(far), respond).with_upgrades();
    if let Err(error) = serving.await {
        tracing::debug!(%error, "an upgrade of the fallback over HTTP/2 failed");
    }
}

/// Reads to the end of the answer's head, and returns what came behind it.
async fn skip_head(near: &mut DuplexStream) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        if near.read_buf(&mut read).await? == 0 || read.len() > HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            return Ok(read.split_off(end + 4));
        }
    }
}

/// Carries the bytes of both directions until both have ended.
async fn carry(opened: oneshot::Receiver<Http2Stream>, mut near: DuplexStream, read_ahead: Vec<u8>) {
    let Ok(mut stream) = opened.await else { return };
    let carried = async {
        stream.write_all(&read_ahead).await?;
        copy_bidirectional(&mut stream, &mut near).await
    };
    if let Err(error) = carried.await {
        tracing::debug!(%error, "a WebSocket of the fallback over HTTP/2 was lost");
    }
}

fn failed() -> Response<Body> {
    let mut response = Response::new(Body::from("the upgrade failed\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
