//! Lines over TCP and Unix sockets, as the messages that a WebSocket has.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::Sink;
use serde::Deserialize;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::connector::ByteStream;

/// Bytes that are read at once, and up to which written lines are collected.
const BUFFER: usize = 16 * 1024;

/// A connection of lines.
pub(super) struct LineSocket {
    stream: Box<dyn ByteStream>,
    /// Bytes that were read; those before `start` were passed on, and those before `searched` have no line feed.
    input: Vec<u8>,
    start: usize,
    searched: usize,
    output: Vec<u8>,
    written: usize,
    /// Bytes of the longest line.
    bound: usize,
    /// A message that was read and is passed on first.
    unread: Option<Message>,
}

#[derive(Deserialize)]
struct CloseLine {
    close: CloseMembers,
}

#[derive(Deserialize)]
struct CloseMembers {
    code: Option<u16>,
    #[serde(default)]
    reason: String,
}

impl LineSocket {
    pub(super) fn new(stream: Box<dyn ByteStream>, bound: usize) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { stream, input, start: 0, searched: 0, output, written: 0, bound, unread: None }
    }

    /// Puts a message back.
    pub(super) fn unread(&mut self, message: Message) {
        self.unread = Some(message);
    }

    /// Takes the next whole line.
    fn take_line(&mut self) -> Result<Option<String>, Error> {
        let Some(end) = self.input[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.input.len();
            let size = self.input.len() - self.start;
            if size > self.bound + 1 {
                return Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size: self.bound }));
            }
            return Ok(None);
        };
        let end = self.searched + end;
        let line = self.input[self.start..end].trim_ascii();
        let text = std::str::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        let text = text.map(str::to_owned);
        (self.start, self.searched) = (end + 1, end + 1);
        let text = text?;
        if text.len() > self.bound {
            return Err(Error::Capacity(CapacityError::MessageTooLong { size: text.len(), max_size: self.bound }));
        }
        Ok(Some(text))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let mut buffer = [0; BUFFER];
        let mut read = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        self.input.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// The message of a line; `None` for an empty one.
    fn message(&mut self, line: String) -> Option<Message> {
        if line.is_empty() {
            return None;
        }
        if let Some(value) = line.strip_prefix("{\"ping\":").and_then(|rest| rest.strip_suffix('}')) {
            // Sent with the next flush, as a WebSocket answers.
            self.push_line(&format!("{{\"pong\":{value}}}"));
            return Some(Message::Ping(Bytes::new()));
        }
        if line.starts_with("{\"pong\":") {
            return Some(Message::Pong(Bytes::new()));
        }
        if line.starts_with("{\"close\":")
            && let Ok(CloseLine { close: CloseMembers { code, reason } }) = serde_json::from_str(&line)
        {
            return Some(Message::Close(code.map(|code| CloseFrame { code: code.into(), reason: reason.into() })));
        }
        Some(Message::Text(line.into()))
    }

    fn push_line(&mut self, text: &str) {
        // In JSON a line break stands between tokens alone.
        let bytes = text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
        self.output.extend(bytes);
        self.output.push(b'\n');
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.output[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.output = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl Stream for LineSocket {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(message) = this.unread.take() {
            return Poll::Ready(Some(Ok(message)));
        }
        loop {
            while let Some(line) = this.take_line()? {
                if let Some(message) = this.message(line) {
                    return Poll::Ready(Some(Ok(message)));
                }
            }
            if ready!(this.poll_read(context))? == 0 {
                return Poll::Ready(None);
            }
        }
    }
}

impl Sink<Message> for LineSocket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.output.len() < BUFFER { Poll::Ready(Ok(())) } else { this.poll_write_all(context).map_err(Error::Io) }
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        match message {
            Message::Text(text) => this.push_line(text.as_str()),
            Message::Ping(_) => this.push_line("{\"ping\":1}"),
            Message::Close(Some(CloseFrame { code, reason })) => {
                let close = serde_json::json!({"close": {"code": u16::from(code), "reason": reason.as_str()}});
                this.push_line(&close.to_string());
            }
            Message::Close(None) => this.push_line("{\"close\":{}}"),
            // The plain protocol has none of these here.
            Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_write_all(context))?;
        Pin::new(&mut this.stream).poll_flush(context).map_err(Error::Io)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_write_all(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context).map_err(Error::Io)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn pair(bound: usize) -> (LineSocket, DuplexStream) {
        let (near, far) = duplex(64 * 1024);
        (LineSocket::new(Box::new(near), bound), far)
    }

    #[tokio::test]
    async fn lines_are_read_as_messages() {
        let (mut socket, mut far) = pair(100);
        for piece in [
            "{\"event\":",
            "\"a\"}\r\n\n{\"ping\":7}\n{\"pong\":1}\n",
            "{\"close\":{\"code\":4000,\"reason\":\"r\"}}\n",
        ] {
            far.write_all(piece.as_bytes()).await.unwrap();
        }
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Text("{\"event\":\"a\"}".into()));
        assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
        assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))));
        let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("no close") };
        assert_eq!((u16::from(close.code), close.reason.as_str()), (4000, "r"));
        socket.flush().await.unwrap();
        let mut answer = vec![0; 11];
        far.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"{\"pong\":7}\n");
        drop(far);
        assert!(socket.next().await.is_none());
    }

    #[tokio::test]
    async fn messages_are_written_as_lines() {
        let (mut socket, mut far) = pair(100);
        let close = CloseFrame { code: 1000.into(), reason: "".into() };
        for message in
            [Message::Text("{\n\"a\":\r\n1}".into()), Message::Ping(Bytes::new()), Message::Close(Some(close))]
        {
            socket.send(message).await.unwrap();
        }
        socket.close().await.unwrap();
        let mut all = String::new();
        far.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "{ \"a\":  1}\n{\"ping\":1}\n{\"close\":{\"code\":1000,\"reason\":\"\"}}\n");
    }

    #[tokio::test]
    async fn a_line_beyond_the_bound_is_a_failure() {
        for line in [format!("{}\n", "x".repeat(11)), "x".repeat(100)] {
            let (mut socket, mut far) = pair(10);
            far.write_all(line.as_bytes()).await.unwrap();
            assert!(matches!(socket.next().await, Some(Err(Error::Capacity(_)))), "{line}");
        }
        let (mut socket, mut far) = pair(10);
        far.write_all(b"\xff\n").await.unwrap();
        assert!(matches!(socket.next().await, Some(Err(Error::Io(_)))));
    }
}
