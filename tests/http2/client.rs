//! A client of HTTP/2 whose streams are byte streams, so that the frames of WebSockets go over them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use gateway_tests::Raw;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than any limit of the server that a suite waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection; its streams end with it.
pub(crate) struct Client {
    pub(crate) sending: SendRequest<Bytes>,
    /// Ends with the connection, with its error if it failed.
    driver: JoinHandle<Result<(), h2::Error>>,
    pub(crate) authority: String,
}

/// The answer to a request, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Client {
    /// Connects in clear text and waits for the server's settings.
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        // As every client of HTTP/2: else each window of a body waits for a delayed acknowledgement.
        stream.set_nodelay(true).expect("a socket");
        Self::over(stream, address.to_string()).await
    }

    pub(crate) async fn over<S>(stream: S, authority: String) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // Small for a stream, so that a client that does not read is noticed soon, and as browsers' for all of them.
        let mut builder = Builder::new();
        builder.initial_window_size(65_535).initial_connection_window_size(16 << 20);
        Self::built(&builder, stream, authority).await
    }

    pub(crate) async fn built<S>(builder: &Builder, stream: S, authority: String) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sending, connection) = builder.handshake(stream).await.expect("HTTP/2");
        let driver = tokio::spawn(connection);
        let this = Self { sending, driver, authority };
        timeout(PATIENCE, async {
            while !this.sending.is_extended_connect_protocol_enabled() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the server takes extended CONNECT");
        this
    }

    /// An extended `CONNECT` (RFC 8441 §5) as browsers send it.
    pub(crate) fn connect_request(&self, path: &str) -> http::request::Builder {
        let uri = format!("https://{}{path}", self.authority);
        let request = Request::builder().method(Method::CONNECT).uri(uri).extension(Protocol::from_static("websocket"));
        request.header("sec-websocket-version", "13")
    }

    /// Sends a request whose stream stays open.
    pub(crate) async fn open(&mut self, request: http::request::Builder) -> (ResponseFuture, SendStream<Bytes>) {
        let request = request.body(()).expect("a request");
        let mut ready = self.sending.clone().ready().await.expect("an open connection");
        ready.send_request(request, false).expect("it is sent")
    }

    /// Asks for a WebSocket, and reads a refusal to its end.
    pub(crate) async fn ask(&mut self, request: http::request::Builder) -> Result<(HeaderMap, Stream), Answer> {
        let (response, sending) = self.open(request).await;
        let response = timeout(PATIENCE, response).await.expect("an answer").expect("no reset");
        if response.status() != 200 {
            return Err(answer(response).await);
        }
        let (head, receiving) = response.into_parts();
        Ok((head.headers, Stream::new(sending, receiving)))
    }

    pub(crate) async fn websocket(&mut self, path: &str) -> Raw<Stream> {
        let request = self.connect_request(path);
        Raw::over(self.ask(request).await.expect("a WebSocket").1)
    }

    /// A request with a body and its answer.
    pub(crate) async fn request(&mut self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let (response, mut sending) = self.open(request).await;
        let mut body = body.into();
        while body.has_remaining() {
            sending.reserve_capacity(body.len());
            let next = timeout(PATIENCE, std::future::poll_fn(|context| sending.poll_capacity(context))).await;
            let Some(Ok(_)) = next.expect("the server reads") else { break };
            let piece = body.split_to(sending.capacity().min(body.len()));
            if sending.send_data(piece, false).is_err() {
                break;
            }
        }
        let _over = sending.send_data(Bytes::new(), true);
        answer(timeout(PATIENCE, response).await.expect("an answer").expect("no reset")).await
    }

    pub(crate) fn to(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.authority))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.to(Method::GET, path);
        self.request(request, Bytes::new()).await
    }

    /// The end of the connection: the server's reason, or nothing where it ended well.
    pub(crate) async fn ended(self) -> Option<Reason> {
        drop(self.sending);
        let ended = timeout(PATIENCE, self.driver).await.expect("the connection ends").expect("no panic");
        ended.err().and_then(|error| error.reason())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.driver.is_finished()
    }

    /// Closes the TCP connection without a word.
    pub(crate) fn kill(self) {
        self.driver.abort();
    }
}

async fn answer(response: Response<RecvStream>) -> Answer {
    let (head, mut receiving) = response.into_parts();
    let mut body = Vec::new();
    while let Some(bytes) = timeout(PATIENCE, receiving.data()).await.expect("the rest of the body") {
        let bytes = bytes.expect("no reset");
        receiving.flow_control().release_capacity(bytes.len()).expect("what was received");
        body.extend_from_slice(&bytes);
    }
    let body = String::from_utf8(body).expect("a readable body");
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

/// One stream. What is read is given back to the window; what is not read fills it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) sending: SendStream<Bytes>,
    pub(crate) receiving: RecvStream,
    rest: Bytes,
}

impl Stream {
    fn new(sending: SendStream<Bytes>, receiving: RecvStream) -> Self {
        Self { sending, receiving, rest: Bytes::new() }
    }

    /// The reason of a reset by the server, after all that came before it; `None` where it ended its half.
    pub(crate) async fn reset(mut self) -> Option<Reason> {
        timeout(PATIENCE, async {
            loop {
                match self.receiving.data().await {
                    Some(Ok(bytes)) => drop(self.receiving.flow_control().release_capacity(bytes.len())),
                    Some(Err(error)) => return error.reason(),
                    None => return None,
                }
            }
        })
        .await
        .expect("an end")
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.receiving.poll_data(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let fits = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(fits));
        self.receiving.flow_control().release_capacity(fits).map_err(io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    /// Each write is one frame of HTTP/2, as a browser's.
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sending.reserve_capacity(bytes.len());
        while self.sending.capacity() == 0 {
            match ready!(self.sending.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let fits = self.sending.capacity().min(bytes.len());
        self.sending.send_data(Bytes::copy_from_slice(&bytes[..fits]), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(fits))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.sending.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
