//! The connection: handshake by hand, any bytes out, frames in.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use crate::Frame;

/// Longer than any limit of the server that a suite waits for: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The key of RFC 6455 §1.3 and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// RFC 7692 §6: the bit of a compressed message, in its first frame.
const COMPRESSED: u8 = 0x40;

/// A client that sends whatever it is told to.
pub struct Raw<S = TcpStream> {
    stream: BufReader<S>,
    inflate: Option<Inflate>,
}

/// Makes a compressed message the message it was.
type Inflate = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// Data that the server sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Received {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A ping and its payload.
    Ping(Vec<u8>),
    /// A pong and its payload.
    Pong(Vec<u8>),
    /// A close frame: its code, unless it was empty, and its reason.
    Close(Option<u16>, String),
    /// The end of the connection.
    End,
}

/// The answer to a handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The number in the first line.
    pub status: u16,
    /// Names in lower case and values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// As many bytes as `Content-Length` says.
    pub body: String,
}

impl Response {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A right request for an upgrade, with more headers at its end (each with its `\r\n`).
#[must_use]
pub fn upgrade_request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

impl Raw {
    /// Opens a TCP connection and sends nothing.
    ///
    /// # Panics
    ///
    /// When nobody listens.
    pub async fn dial(address: impl ToSocketAddrs) -> Self {
        Self::over(TcpStream::connect(address).await.expect("the server listens"))
    }

    /// Opens a connection and upgrades it.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn connect(address: impl ToSocketAddrs, path: &str) -> Self {
        let mut raw = Self::dial(address).await;
        raw.upgrade(path).await;
        raw
    }
}

impl<S: fmt::Debug> fmt::Debug for Raw<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Raw").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Takes over a connection of any kind.
    pub fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream), inflate: None }
    }

    /// Takes compressed messages too, as was agreed on with the server.
    pub fn inflating(&mut self, inflate: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) {
        self.inflate = Some(Box::new(inflate));
    }

    /// Sends a right handshake and checks its answer.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn upgrade(&mut self, path: &str) {
        let response = self.ask(&upgrade_request(path, "")).await;
        assert_eq!(response.status, 101, "{response:?}");
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
    }

    /// Sends the head of a request and reads the answer.
    pub async fn ask(&mut self, request: &str) -> Response {
        self.write(request.as_bytes()).await;
        self.response().await
    }

    /// Sends bytes, as far as the server takes them: it may have closed already, and a suite looks at what it said.
    ///
    /// # Panics
    ///
    /// When the server neither reads nor closes.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _closed = timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads");
    }

    /// Sends one frame in one write.
    pub async fn send(&mut self, frame: Frame) {
        self.write(&frame.bytes()).await;
    }

    /// Sends a text message.
    pub async fn text(&mut self, text: &str) {
        self.send(Frame::text(text)).await;
    }

    /// Reads the head of an answer, and its body when it has a length.
    ///
    /// # Panics
    ///
    /// When it is not HTTP, or does not come.
    pub async fn response(&mut self) -> Response {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.byte().await.expect("the head of an answer"));
        }
        let head = String::from_utf8(head).expect("ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let mut response = Response {
            status: status.expect("a status line"),
            headers: lines.filter_map(header).collect(),
            body: String::new(),
        };
        let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let body = self.bytes(length).await.expect("the whole body");
        response.body = String::from_utf8(body).expect("a readable body");
        response
    }

    /// The next message or control frame; fragments are put together.
    ///
    /// # Panics
    ///
    /// When the server breaks RFC 6455, or sends nothing in time.
    pub async fn next(&mut self) -> Received {
        let Some((last, first, mut payload)) = self.frame().await else { return Received::End };
        let mut complete = last;
        while !complete {
            let (last, next, more) = self.frame().await.expect("the rest of a message");
            assert_eq!(next, Frame::CONTINUATION, "fragments of one message stay together");
            payload.extend(more);
            complete = last;
        }
        if first & COMPRESSED != 0 {
            let inflate = self.inflate.as_mut().expect("no extension was agreed on");
            payload = inflate(&payload);
        }
        match first & !COMPRESSED {
            Frame::TEXT => Received::Text(String::from_utf8(payload).expect("a text is UTF-8")),
            Frame::BINARY => Received::Binary(payload),
            Frame::PING => Received::Ping(payload),
            Frame::PONG => Received::Pong(payload),
            Frame::CLOSE if payload.is_empty() => Received::Close(None, String::new()),
            Frame::CLOSE => {
                let reason = String::from_utf8(payload[2..].to_vec()).expect("a reason is UTF-8");
                Received::Close(Some(u16::from_be_bytes([payload[0], payload[1]])), reason)
            }
            other => panic!("the server sent opcode {other}"),
        }
    }

    /// The next text message.
    ///
    /// # Panics
    ///
    /// When something else comes.
    pub async fn next_text(&mut self) -> String {
        match self.next().await {
            Received::Text(text) => text,
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    /// Passes over messages until the close frame comes, and checks that the connection then ends too.
    ///
    /// # Panics
    ///
    /// When the connection ends without a close frame, or does not end after one.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Received::Close(code, _) => {
                    // RFC 6455 §7.1.1: the server closes the connection, the client waits for it.
                    self.send(Frame::close(code.unwrap_or(1000), "")).await;
                    assert_eq!(self.byte().await, None, "nothing follows a close frame");
                    return code;
                }
                Received::End => panic!("the connection ended without a close frame"),
                Received::Text(_) | Received::Binary(_) | Received::Ping(_) | Received::Pong(_) => {}
            }
        }
    }

    /// The connection itself.
    pub fn into_inner(self) -> S {
        self.stream.into_inner()
    }

    async fn frame(&mut self) -> Option<(bool, u8, Vec<u8>)> {
        let first = self.byte().await?;
        assert_eq!(first & 0b0011_0000, 0, "no extension gives these bits a meaning");
        let second = self.byte().await.expect("the length");
        // RFC 6455 §5.1: a server must not mask.
        assert!(second < 128, "a server's frame is not masked");
        let more = match second {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let extended = self.bytes(more).await.expect("the extended length");
        let extended = extended.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        let length = if more == 0 { usize::from(second) } else { extended };
        let payload = self.bytes(length).await.expect("the whole payload");
        Some((first >= 128, first & 0x7F, payload))
    }

    /// Nothing when the connection has ended, in whichever way.
    async fn byte(&mut self) -> Option<u8> {
        self.bytes(1).await.map(|bytes| bytes[0])
    }

    async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await.expect("the server answers in time");
        read.ok().map(|_| bytes)
    }
}
