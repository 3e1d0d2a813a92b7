//! RFC 6455 over a byte stream. The frame engine is tungstenite's; its defaults, which cost 128 KiB a connection and a
//! zero-fill a read, are not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::Message;

use crate::transport::{Broken, Ending, Transport};
use crate::wire::{CloseCode, Disconnect, Frame, Text};

/// Read buffer of a connection: small messages fit, and zero-filling it costs little.
const READ_BUFFER: usize = 4 * 1024;
/// Frames gather up to this size before one write takes them.
const WRITE_BUFFER: usize = 16 * 1024;
/// What is read and thrown away after a violation, so that the close frame is not lost to a reset.
const DRAINED_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct WebSocket<S> {
    stream: WebSocketStream<S>,
    closing: Closing,
    drained: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Closing {
    NotYet,
    Queued,
    HalfClosed,
    Draining,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> WebSocket<S> {
    /// A connection whose handshake is over. `read_ahead` is what came behind the request head.
    pub(crate) async fn accept(stream: S, read_ahead: Bytes, message_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(message_bytes))
            .max_frame_size(Some(message_bytes));
        let stream = WebSocketStream::from_partially_read(stream, read_ahead.into(), Role::Server, Some(config)).await;
        Self { stream, closing: Closing::NotYet, drained: 0 }
    }

    fn poll_half_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let _ = ready!(Pin::new(self.stream.get_mut()).poll_shutdown(context));
        Poll::Ready(())
    }

    /// Reads without looking, until the peer stops or has sent more than anybody honest still had on its way.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; READ_BUFFER];
        while self.drained < DRAINED_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(self.stream.get_mut()).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.drained += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for WebSocket<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, Broken>> {
        let message = match ready!(Pin::new(&mut self.stream).poll_next(context)) {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
            None => return Poll::Ready(Err(Broken::Lost)),
        };
        Poll::Ready(Ok(match message {
            Message::Text(text) => Frame::Text(Text::from_wire(text)),
            Message::Binary(bytes) => Frame::Binary(bytes),
            Message::Ping(bytes) => Frame::Ping(bytes),
            Message::Pong(bytes) => Frame::Pong(bytes),
            Message::Close(close) => Frame::Close(close.map(|close| {
                Disconnect::new(CloseCode::received(close.code.into()), close.reason.as_str().to_owned())
            })),
            Message::Frame(_) => unreachable!("tungstenite gives raw frames to writers only"),
        }))
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Pin::new(&mut self.stream).poll_ready(context).map_err(|error| broken(&error))
    }

    fn send(&mut self, frame: Frame) -> Result<(), Broken> {
        let message = match frame {
            Frame::Text(text) => Message::Text(text.into_wire()),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Ping(bytes) => Message::Ping(bytes),
            Frame::Pong(bytes) => Message::Pong(bytes),
            Frame::Close(close) => Message::Close(close.as_ref().map(close_frame)),
        };
        Pin::new(&mut self.stream).start_send(message).map_err(|error| broken(&error))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Pin::new(&mut self.stream).poll_flush(context).map_err(|error| broken(&error))
    }

    fn poll_close(&mut self, context: &mut Context<'_>, end: &Ending) -> Poll<()> {
        if self.closing == Closing::NotYet {
            let told = match end {
                Ending::Silent => Ok(()),
                Ending::Told(disconnect) | Ending::Violated(disconnect) => self.send(Frame::Close(Some(disconnect.clone()))),
            };
            // A frame that cannot be queued has no reader: nothing is left but to let go.
            self.closing = if told.is_ok() { Closing::Queued } else { Closing::HalfClosed };
        }
        if self.closing == Closing::Queued {
            let _ = ready!(self.poll_flush(context));
            self.closing = Closing::HalfClosed;
        }
        if matches!(end, Ending::Told(_)) {
            // RFC 6455 §7.1.1: the server closes TCP once the peer's close frame has come.
            while let Ok(frame) = ready!(self.poll_receive(context)) {
                if matches!(frame, Frame::Close(_)) {
                    break;
                }
            }
        }
        if self.closing == Closing::HalfClosed {
            ready!(self.poll_half_close(context));
            self.closing = Closing::Draining;
        }
        match end {
            Ending::Violated(_) => self.poll_drain(context),
            Ending::Silent | Ending::Told(_) => Poll::Ready(()),
        }
    }
}

fn close_frame(disconnect: &Disconnect) -> CloseFrame {
    CloseFrame { code: WireCode::from(disconnect.code.as_u16()), reason: disconnect.wire_reason().to_owned().into() }
}

/// The one place that turns the engine's failures into an end of the connection.
fn broken(error: &Error) -> Broken {
    let violation = |code, reason| Broken::Violation(Disconnect::new(code, reason));
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => violation(CloseCode::TOO_BIG, "message too big"),
        // RFC 6455 §8.1.
        Error::Utf8(_) => violation(CloseCode::INVALID_UTF8, "invalid utf-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => Broken::Lost,
        Error::Protocol(_) => violation(CloseCode::PROTOCOL_ERROR, "protocol error"),
        _ => Broken::Lost,
    }
}
