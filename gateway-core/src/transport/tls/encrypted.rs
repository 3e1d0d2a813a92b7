//! An encrypted stream, before and after its handshake.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::transport::tls::files::HTTP_2;
use crate::transport::tls::{CertificateSlot, PeerCertificate};
use crate::transport::websocket::Stream;

/// Answer to a client that speaks only HTTP/2: empty settings, and a close with `HTTP_1_1_REQUIRED` (RFC 9113 §6.5, §6.8,
/// §7) and a readable text.
const HTTP_1_1_REQUIRED: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
    \0\0\x3e\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d\
    this server speaks HTTP/1.1 and WebSocket over it only";

/// An encrypted stream. The handshake runs in the first read. Only its own task can write, as writing changes its state.
pub(crate) struct Encrypted<S> {
    state: TlsState<S>,
    certificate: CertificateSlot,
}

enum TlsState<S> {
    Handshake(Box<Accept<S>>),
    Open(Box<TlsStream<S>>),
    /// The client speaks only HTTP/2 and gets an error.
    Refused(Box<TlsStream<S>>, &'static [u8]),
    Failed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Encrypted<S> {
    /// The client's certificate is put into the slot once the handshake is over.
    pub(super) fn new(accept: Accept<S>, certificate: CertificateSlot) -> Self {
        Self { state: TlsState::Handshake(Box::new(accept)), certificate }
    }

    /// Completes the handshake at once. Returns `true` beside the stream if both sides chose HTTP/2, which is served.
    #[cfg(feature = "http2")]
    pub(super) async fn shake_hands(accept: Accept<S>, certificate: CertificateSlot) -> io::Result<(Self, bool)> {
        let stream = accept.await?;
        certificate.put(|| presented(&stream));
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Ok((Self { state: TlsState::Open(Box::new(stream)), certificate }, is_http2))
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<S>>>> {
        if let TlsState::Handshake(accept) = &mut self.state {
            let shaken = ready!(Pin::new(&mut **accept).poll(context));
            if let Ok(stream) = &shaken {
                self.certificate.put(|| presented(stream));
            }
            self.state = match shaken {
                Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(HTTP_2) => {
                    tracing::info!(
                        "a client that offers HTTP/2 alone was refused: WebSockets are served over HTTP/1.1"
                    );
                    TlsState::Refused(Box::new(stream), HTTP_1_1_REQUIRED)
                }
                Ok(stream) => TlsState::Open(Box::new(stream)),
                Err(error) => {
                    self.state = TlsState::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(match &mut self.state {
            TlsState::Open(stream) => Ok(Pin::new(&mut **stream)),
            TlsState::Refused(stream, rest) => {
                while !rest.is_empty() {
                    let written = ready!(Pin::new(&mut **stream).poll_write(context, rest))?;
                    *rest = &rest[written..];
                }
                ready!(Pin::new(&mut **stream).poll_flush(context))?;
                Ok(Pin::new(&mut **stream))
            }
            TlsState::Handshake(_) | TlsState::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    fn open(&mut self) -> Option<Pin<&mut TlsStream<S>>> {
        match &mut self.state {
            TlsState::Open(stream) | TlsState::Refused(stream, _) => Some(Pin::new(&mut **stream)),
            TlsState::Handshake(_) | TlsState::Failed => None,
        }
    }
}

/// The certificate that the client has presented.
fn presented<S>(stream: &TlsStream<S>) -> Option<PeerCertificate> {
    stream.get_ref().1.peer_certificates().and_then(PeerCertificate::new)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?;
        match &mut self.state {
            TlsState::Open(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
            // The HTTP/1.1 answer to an HTTP/2 preface is not sent.
            TlsState::Refused(..) => Poll::Ready(Ok(bytes.len())),
            TlsState::Handshake(_) | TlsState::Failed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open().map_or(Poll::Ready(Ok(())), |stream| stream.poll_flush(context))
    }

    /// Without a completed handshake there is nothing to shut down.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open().map_or(Poll::Ready(Ok(())), |stream| stream.poll_shutdown(context))
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for Encrypted<S> {}

impl<S> fmt::Debug for Encrypted<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            TlsState::Handshake(_) => "handshake",
            TlsState::Open(_) => "open",
            TlsState::Refused(..) => "refused",
            TlsState::Failed => "failed",
        };
        formatter.debug_tuple("Encrypted").field(&state).finish()
    }
}
