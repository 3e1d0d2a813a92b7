//! From a request that was upgraded to the stream below it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::server::http::body::Body;
use crate::server::http::lingering::linger;
use crate::server::http::manual_upgrade::{StreamReceiver, TakenStream};
#[cfg(feature = "http2")]
use crate::server::http2::Http2StreamReceiver;
use crate::server::state::ServerState;
#[cfg(feature = "tls")]
use crate::transport::Encrypted;
#[cfg(feature = "http2")]
use crate::transport::Http2Stream;
use crate::transport::{SharedStream, Stream};

/// Use of a stream once its request was answered.
pub(crate) trait StreamHandler: Send + 'static {
    /// `read_ahead` is what came behind the request head.
    fn start<S: Stream>(self, stream: S, read_ahead: Bytes) -> impl Future<Output = ()> + Send;
}

/// Where the stream of an upgraded request comes from.
pub(crate) enum UpgradedStream {
    Library(OnUpgrade),
    Listener(oneshot::Receiver<TakenStream>),
    /// A stream of HTTP/2.
    #[cfg(feature = "http2")]
    Http2(oneshot::Receiver<Http2Stream>),
}

impl UpgradedStream {
    pub(crate) fn from_request(request: &mut Request<Body>) -> Self {
        #[cfg(feature = "http2")]
        if let Some(opened) = request.extensions_mut().remove::<Http2StreamReceiver>().and_then(|opened| opened.claim())
        {
            return Self::Http2(opened);
        }
        let by_hand = request.extensions_mut().remove::<StreamReceiver>().and_then(|taken| taken.claim());
        by_hand.map_or_else(|| Self::Library(hyper::upgrade::on(request)), Self::Listener)
    }
}

/// Waits for the stream in a task of its own, which ends once it is handed over.
pub(crate) fn when_upgraded(below: UpgradedStream, tasks: &TaskTracker, what: impl StreamHandler) {
    tasks.spawn(async move {
        match below {
            UpgradedStream::Library(on_upgrade) => match on_upgrade.await {
                Ok(upgraded) => hand_over(upgraded, what).await,
                Err(error) => tracing::debug!(%error, "an upgrade was answered and then lost"),
            },
            UpgradedStream::Listener(taken) => match taken.await {
                Ok((stream, read_ahead)) => what.start(stream, read_ahead).await,
                Err(error) => tracing::debug!(%error, "an upgrade was answered and then lost"),
            },
            #[cfg(feature = "http2")]
            UpgradedStream::Http2(opened) => match opened.await {
                Ok(stream) => what.start(stream, Bytes::new()).await,
                Err(error) => tracing::debug!(%error, "an upgrade was answered and then lost"),
            },
        }
    });
}

/// An upgrade that a request offers. The HTTP library takes a connection for upgraded when it ends after a request with such
/// an offer, also after a refusal: then whoever holds the offer has the stream, and its end.
#[derive(Debug)]
pub(crate) struct OfferedUpgrade(OnUpgrade);

impl OfferedUpgrade {
    pub(crate) fn from_request(request: &Request<Body>) -> Option<Self> {
        // What becomes of a tunnel is not said by its status alone.
        let on_upgrade = request.extensions().get::<OnUpgrade>().filter(|_| request.method() != Method::CONNECT);
        on_upgrade.cloned().map(Self)
    }

    /// Ends the connection once it is over, where nobody took the offer.
    pub(crate) fn settle(self, response: &Response<Body>, shared: &Arc<ServerState>, within: Duration) {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let told = shared.told.clone();
        shared.tasks.spawn(async move {
            let ending = async {
                if let Ok(stream) = self.0.await {
                    linger(TokioIo::new(stream), within).await;
                }
            };
            tokio::select! {
                () = ending => {}
                () = told.cancelled() => {}
            }
        });
    }
}

/// Takes the stream out of its HTTP wrapping where it is one of ours; a foreign host's stays wrapped.
async fn hand_over(upgraded: Upgraded, what: impl StreamHandler) {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(tcp) => return what.start(SharedStream::from(tcp.io.into_inner()), tcp.read_buf).await,
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match upgraded.downcast::<TokioIo<Encrypted<TcpStream>>>() {
        Ok(encrypted) => return what.start(encrypted.io.into_inner(), encrypted.read_buf).await,
        Err(upgraded) => upgraded,
    };
    #[cfg(unix)]
    let upgraded = match upgraded.downcast::<TokioIo<UnixStream>>() {
        Ok(unix) => return what.start(SharedStream::from(unix.io.into_inner()), unix.read_buf).await,
        Err(upgraded) => upgraded,
    };
    what.start(TokioIo::new(upgraded), Bytes::new()).await;
}
