//! A connection without a network: two queues of frames. The client's end behaves as a browser does: it reads as fast as
//! it can, answers pings and closes by itself, unless told to stop reading.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::transport::{Broken, Ending, Transport};
use crate::wire::{Disconnect, Frame};

/// Frames that fit between a server and a client that has stopped reading, as a kernel's buffers would hold them.
const IN_FLIGHT: usize = 16;

/// The server's end.
#[derive(Debug)]
pub(crate) struct Memory(Arc<Mutex<Pipe>>);

/// The client's end. Dropping it is a lost connection.
#[derive(Debug)]
pub(crate) struct MemoryPeer(Arc<Mutex<Pipe>>);

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of two ends")]
struct Pipe {
    to_server: VecDeque<Frame>,
    to_client: VecDeque<Frame>,
    /// How the connection ended, once it has.
    closed: Option<Closed>,
    client_gone: bool,
    accepted: bool,
    client_closing: bool,
    paused: bool,
    server_reader: Option<Waker>,
    server_writer: Option<Waker>,
    client_reader: Option<Waker>,
}

/// The server's close frame, or `None` where it sent none.
type Closed = Option<Disconnect>;

/// Both ends of a new connection.
pub(crate) fn pair() -> (Memory, MemoryPeer) {
    let pipe = Arc::new(Mutex::new(Pipe::default()));
    (Memory(Arc::clone(&pipe)), MemoryPeer(pipe))
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().expect("nothing panics under this lock")
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Pipe {
    fn deliver(&mut self, frame: Frame) {
        match frame {
            Frame::Ping(payload) if !self.paused => self.push_to_server(Frame::Pong(payload)),
            Frame::Close(close) => {
                if !self.client_closing {
                    self.push_to_server(Frame::Close(close.clone()));
                }
                self.closed = Some(close);
            }
            frame => self.to_client.push_back(frame),
        }
        wake(&mut self.client_reader);
    }

    fn push_to_server(&mut self, frame: Frame) {
        self.to_server.push_back(frame);
        wake(&mut self.server_reader);
    }
}

impl Transport for Memory {
    fn greet(&mut self) {
        let mut pipe = lock(&self.0);
        pipe.accepted = true;
        wake(&mut pipe.client_reader);
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, Broken>> {
        let mut pipe = lock(&self.0);
        if let Some(frame) = pipe.to_server.pop_front() {
            if let Frame::Close(close) = &frame {
                // RFC 6455 §5.5.1: a close frame is answered by one, here and in the transports of a network.
                pipe.closed.get_or_insert_with(|| close.clone());
                wake(&mut pipe.client_reader);
            }
            return Poll::Ready(Ok(frame));
        }
        if pipe.client_gone {
            return Poll::Ready(Err(Broken::Lost));
        }
        pipe.server_reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let mut pipe = lock(&self.0);
        if pipe.client_gone {
            return Poll::Ready(Err(Broken::Lost));
        }
        if pipe.paused && pipe.to_client.len() >= IN_FLIGHT {
            pipe.server_writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, frame: Frame) -> Result<(), Broken> {
        lock(&self.0).deliver(frame);
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, end: &Ending) -> Poll<()> {
        let mut pipe = lock(&self.0);
        match end {
            Ending::Told(disconnect) | Ending::Violated(disconnect) => pipe.deliver(Frame::Close(Some(disconnect.clone()))),
            Ending::Silent => {
                pipe.closed.get_or_insert(None);
                wake(&mut pipe.client_reader);
            }
        }
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
    /// Sends a frame; one that comes after the end is lost, as on a network.
    pub(crate) fn send(&self, frame: Frame) {
        let mut pipe = lock(&self.0);
        pipe.client_closing |= matches!(frame, Frame::Close(_));
        pipe.push_to_server(frame);
    }

    /// `Ready` once the connection was accepted or has ended.
    pub(crate) fn poll_admitted(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut pipe = lock(&self.0);
        if pipe.accepted || pipe.closed.is_some() {
            return Poll::Ready(pipe.accepted);
        }
        pipe.client_reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// The next frame, or how the connection ended once all frames were taken.
    pub(crate) fn poll_receive(&self, context: &mut Context<'_>) -> Poll<Result<Frame, Closed>> {
        let mut pipe = lock(&self.0);
        if !pipe.paused && let Some(frame) = pipe.to_client.pop_front() {
            return Poll::Ready(Ok(frame));
        }
        if !pipe.paused && let Some(close) = &pipe.closed {
            return Poll::Ready(Err(close.clone()));
        }
        pipe.client_reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Stops reading: the server feels back-pressure, and pings stay unanswered.
    pub(crate) fn pause(&self) {
        lock(&self.0).paused = true;
    }

    /// Reads on, and answers the pings that came meanwhile.
    pub(crate) fn resume(&self) {
        let mut pipe = lock(&self.0);
        pipe.paused = false;
        for frame in std::mem::take(&mut pipe.to_client) {
            pipe.deliver(frame);
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
