//! A connection in memory. The client's end behaves like a browser: it reads as fast as it can and answers pings and
//! closes, unless reading is paused.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::protocol::{CloseCode, Disconnect, Flow, Message, OpCode, ReceivedMessage, ServerFrame, ServerFrames};
#[cfg(feature = "testing")]
use crate::protocol::{Framing, LineDecoder};
use crate::transport::{Broken, Deliver, Ending, Transport};

/// Frames in flight to a client that has stopped reading, like a kernel's buffers.
const IN_FLIGHT: usize = 16;

/// The server's end.
#[derive(Debug)]
pub(crate) struct Memory(Arc<Mutex<MemoryPipe>>);

/// The client's end. Dropping it loses the connection.
#[derive(Debug)]
pub(crate) struct MemoryPeer(Arc<Mutex<MemoryPipe>>);

/// A frame sent by a client.
#[derive(Debug)]
pub(crate) enum ClientFrame {
    Message(Message),
    Pong,
    Close(Option<Disconnect>),
}

impl ClientFrame {
    /// Number of payload bytes of a message; there are no headers here.
    fn bytes(&self) -> u64 {
        match self {
            Self::Message(Message::Text(text)) => text.len() as u64,
            Self::Message(Message::Binary(bytes)) => bytes.len() as u64,
            Self::Pong | Self::Close(_) => 0,
        }
    }
}

/// The server's close frame; `None` if there was none.
type ServerClose = Option<Disconnect>;

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of two ends")]
struct MemoryPipe {
    to_server: VecDeque<ClientFrame>,
    to_client: VecDeque<Message>,
    /// A partly written frame.
    partial: Vec<u8>,
    /// Number of bytes read.
    count: u64,
    /// The end of the connection, once ended.
    closed: Option<ServerClose>,
    client_gone: bool,
    accepted: bool,
    client_closing: bool,
    paused: bool,
    wire: MemoryWire,
    unanswered_ping: bool,
    server_reader: Option<Waker>,
    server_writer: Option<Waker>,
    client_reader: Option<Waker>,
}

/// Creates both ends of a connection.
pub(crate) fn pair() -> (Memory, MemoryPeer) {
    let pipe = Arc::new(Mutex::new(MemoryPipe::default()));
    (Memory(Arc::clone(&pipe)), MemoryPeer(pipe))
}

/// Creates a pair whose client speaks Engine.IO.
pub(crate) fn engine_pair() -> (Memory, MemoryPeer) {
    pair_over(MemoryWire::Engine)
}

/// Creates a pair whose server writes lines.
#[cfg(feature = "testing")]
pub(crate) fn lines_pair() -> (Memory, MemoryPeer) {
    pair_over(MemoryWire::Lines)
}

fn pair_over(wire: MemoryWire) -> (Memory, MemoryPeer) {
    let pipe = Arc::new(Mutex::new(MemoryPipe { wire, ..MemoryPipe::default() }));
    (Memory(Arc::clone(&pipe)), MemoryPeer(pipe))
}

/// Form of the server's bytes and of its pings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum MemoryWire {
    #[default]
    WebSocket,
    /// Frames of a WebSocket; pings are packets of Engine.IO.
    Engine,
    /// Lines of JSON.
    #[cfg(feature = "testing")]
    Lines,
}

fn lock(pipe: &Mutex<MemoryPipe>) -> MutexGuard<'_, MemoryPipe> {
    pipe.lock().expect("nothing panics under this lock")
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl MemoryPipe {
    /// Delivers complete frames and keeps the rest of the bytes.
    fn receive_frames(&mut self, written: &[u8]) {
        self.partial.extend_from_slice(written);
        let bytes = std::mem::take(&mut self.partial);
        #[cfg(feature = "testing")]
        if self.wire == MemoryWire::Lines {
            return self.receive_lines(&bytes);
        }
        let mut frames = ServerFrames::new(&bytes);
        for frame in frames.by_ref() {
            self.deliver(frame);
        }
        self.partial.extend_from_slice(&bytes[bytes.len() - frames.left()..]);
    }

    /// Delivers whole lines: those about the connection as the frames that a WebSocket has for them.
    #[cfg(feature = "testing")]
    fn receive_lines(&mut self, bytes: &[u8]) {
        let mut decoder = LineDecoder::new(Framing::Lines, usize::MAX - 1);
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let fed = decoder.feed(&bytes[..end], &mut |received| {
            match received {
                ReceivedMessage::Text(text) => {
                    self.to_client.push_back(Message::from(text));
                    wake(&mut self.client_reader);
                }
                ReceivedMessage::Close(close) => {
                    self.close(close);
                    wake(&mut self.client_reader);
                }
                ReceivedMessage::Ping(_) => {
                    self.deliver(ServerFrame { opcode: OpCode::Ping, payload: &[], whole: &[] });
                }
                ReceivedMessage::Binary(_) | ReceivedMessage::Pong => {}
            }
            Flow::Continue
        });
        fed.expect("lines of the server are within every limit");
        self.partial.extend_from_slice(&bytes[end..]);
    }

    fn deliver(&mut self, ServerFrame { opcode, payload, .. }: ServerFrame<'_>) {
        match opcode {
            OpCode::Text if self.wire == MemoryWire::Engine && payload == b"2" => {
                if self.paused {
                    self.unanswered_ping = true;
                } else {
                    self.push_to_server(self.pong());
                }
            }
            OpCode::Text => {
                let text = std::str::from_utf8(payload).expect("the server sends UTF-8");
                self.to_client.push_back(Message::from(text.to_owned()));
            }
            OpCode::Binary => self.to_client.push_back(Message::from(payload.to_vec())),
            OpCode::Close => self.close(payload.split_first_chunk().map(|(code, reason)| {
                let reason = String::from_utf8_lossy(reason).into_owned();
                Disconnect::new(CloseCode::received(u16::from_be_bytes(*code)), reason)
            })),
            OpCode::Ping if self.paused => self.unanswered_ping = true,
            OpCode::Ping => self.push_to_server(self.pong()),
            OpCode::Continuation | OpCode::Pong => {}
        }
        wake(&mut self.client_reader);
    }

    fn pong(&self) -> ClientFrame {
        if self.wire == MemoryWire::Engine { ClientFrame::Message("3".into()) } else { ClientFrame::Pong }
    }

    fn close(&mut self, close: ServerClose) {
        if !self.client_closing {
            self.push_to_server(ClientFrame::Close(close.clone()));
        }
        self.closed.get_or_insert(close);
    }

    fn push_to_server(&mut self, sent: ClientFrame) {
        self.to_server.push_back(sent);
        wake(&mut self.server_reader);
    }
}

impl Transport for Memory {
    fn greet(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.accepted = true;
        wake(&mut pipe.client_reader);
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        let mut any = false;
        loop {
            let sent = {
                let mut pipe = lock(&self.0);
                if let Some(ClientFrame::Close(close)) = pipe.to_server.front() {
                    // RFC 6455 §5.5.1: a close frame is answered by one.
                    let close = close.clone();
                    pipe.closed.get_or_insert(close);
                    wake(&mut pipe.client_reader);
                }
                pipe.count += pipe.to_server.front().map_or(0, ClientFrame::bytes);
                let Some(sent) = pipe.to_server.pop_front() else {
                    if any {
                        return Poll::Ready(Ok(()));
                    }
                    if pipe.client_gone {
                        return Poll::Ready(Err(Broken::Lost));
                    }
                    pipe.server_reader = Some(context.waker().clone());
                    return Poll::Pending;
                };
                sent
            };
            any = true;
            let received = match &sent {
                ClientFrame::Message(Message::Text(text)) => ReceivedMessage::Text(text),
                ClientFrame::Message(Message::Binary(bytes)) => ReceivedMessage::Binary(bytes),
                ClientFrame::Pong => ReceivedMessage::Pong,
                ClientFrame::Close(close) => ReceivedMessage::Close(close.clone()),
            };
            if deliver(received, context) == Flow::Pause {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn received(&self) -> u64 {
        lock(&self.0).count
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.0);
        if pipe.client_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.paused && pipe.to_client.len() >= IN_FLIGHT {
            pipe.server_writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        pipe.receive_frames(frames);
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Ending) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.closed.get_or_insert(None);
        wake(&mut pipe.client_reader);
    }
}

impl MemoryPeer {
    /// Sends a frame. After the end it is lost, as on a network.
    pub(crate) fn send(&self, sent: ClientFrame) {
        let mut pipe = lock(&self.0);
        pipe.client_closing |= matches!(sent, ClientFrame::Close(_));
        pipe.push_to_server(sent);
    }

    /// Ready once the connection was accepted or has ended.
    pub(crate) fn poll_admitted(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut pipe = lock(&self.0);
        if pipe.accepted || pipe.closed.is_some() {
            return Poll::Ready(pipe.accepted);
        }
        pipe.client_reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Receives the next message, or the end of the connection after the last message.
    pub(crate) fn poll_receive(&self, context: &mut Context<'_>) -> Poll<Result<Message, ServerClose>> {
        let mut pipe = lock(&self.0);
        if !pipe.paused
            && let Some(message) = pipe.to_client.pop_front()
        {
            return Poll::Ready(Ok(message));
        }
        if !pipe.paused
            && let Some(close) = &pipe.closed
        {
            return Poll::Ready(Err(close.clone()));
        }
        pipe.client_reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Stops reading: the server meets back-pressure, and pings stay unanswered.
    pub(crate) fn pause(&self) {
        lock(&self.0).paused = true;
    }

    /// Resumes reading, and answers a ping that arrived meanwhile.
    pub(crate) fn resume(&self) {
        let mut pipe = lock(&self.0);
        pipe.paused = false;
        if std::mem::take(&mut pipe.unanswered_ping) {
            let pong = pipe.pong();
            pipe.push_to_server(pong);
        }
        wake(&mut pipe.server_writer);
        wake(&mut pipe.client_reader);
    }
}

impl Drop for MemoryPeer {
    fn drop(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.client_gone = true;
        wake(&mut pipe.server_reader);
        wake(&mut pipe.server_writer);
    }
}
