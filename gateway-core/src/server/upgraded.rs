//! From a request that was upgraded to the stream below it.

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::TaskTracker;

#[cfg(feature = "tls")]
use crate::transport::Encrypted;
use crate::transport::{Socket, Stream};

/// What a stream is for once its request was answered.
pub(crate) trait Start: Send + 'static {
    /// `read_ahead` is what came behind the request head.
    fn start<S: Stream>(self, stream: S, read_ahead: Bytes) -> impl Future<Output = ()> + Send;
}

/// Waits for the stream in a task of its own, which ends once it is handed over.
pub(crate) fn when_upgraded(on_upgrade: OnUpgrade, tasks: &TaskTracker, what: impl Start) {
    tasks.spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => hand_over(upgraded, what).await,
            Err(error) => tracing::debug!(%error, "an upgrade was answered and then lost"),
        }
    });
}

/// Takes the stream out of its HTTP wrapping where it is one of ours; a foreign host's stays wrapped.
async fn hand_over(upgraded: Upgraded, what: impl Start) {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(tcp) => return what.start(Socket::from(tcp.io.into_inner()), tcp.read_buf).await,
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match upgraded.downcast::<TokioIo<Encrypted<TcpStream>>>() {
        Ok(encrypted) => return what.start(encrypted.io.into_inner(), encrypted.read_buf).await,
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<UnixStream>>() {
        Ok(unix) => what.start(Socket::from(unix.io.into_inner()), unix.read_buf).await,
        Err(upgraded) => what.start(TokioIo::new(upgraded), Bytes::new()).await,
    }
}
