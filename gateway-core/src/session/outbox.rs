//! The bounded queue out to one connection. Many push; whoever has a turn writes. Nobody waits here.

mod pongs;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;

use crate::limits::{Limits, Overflow};
use crate::session::DisconnectReason;
use crate::session::outbox::pongs::Pongs;
use crate::session::replay::{Offset, Recovery, Replay};
use crate::session::sync::{AtomicBool, Mutex, MutexGuard, thread_local};
use crate::telemetry::{Counter, Counters};
use crate::transport::{DirectWrite, Transport};
use crate::wire::{CloseCode, Disconnect, Encoded, WireFormat};

/// Frames that wait for one socket gather here to leave in one write.
const WRITE_BUFFER: usize = 16 * 1024;

thread_local! {
    static WRITE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WRITE_BUFFER));
}

/// Frames on their way to one client, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) format: WireFormat,
    frames: usize,
    bytes: usize,
    overflow: Overflow,
    pub(crate) counters: Arc<Counters>,
    /// Set once, where the transport can be written from any task.
    direct: OnceLock<Arc<dyn DirectWrite>>,
    queue: Mutex<Queue>,
    /// Whether [`Queue::end`] is set, readable without the lock.
    ending: AtomicBool,
    /// Whether much waits, readable without the lock. Written under it.
    heavy: AtomicBool,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
struct Queue {
    waiting: VecDeque<(Encoded, Delivery)>,
    /// Bytes of the first frame that are written already.
    written: usize,
    bytes: usize,
    /// Pongs overtake what waits. Boxed, as the end is: a broadcast walks through thousands of queues, and what it does
    /// not need should not be in its way.
    pongs: Option<Box<Pongs>>,
    /// The end, once somebody asked for it.
    end: Option<Box<(DisconnectReason, Scope)>>,
    /// Nothing is pushed any more.
    closed: bool,
    /// The connect hooks have accepted; before, nothing goes out.
    open: bool,
    /// The transport takes nothing more; the connection's task waits for it, or will.
    blocked: bool,
    /// It was a sender that found it blocked; the connection's task has yet to be told.
    untold: bool,
    /// The transport was given bytes that it has not handed on.
    unflushed: bool,
    /// Somebody will write this at the end of a batch.
    marked: bool,
    /// Others write to the same transport, so only the connection's task does.
    shared: bool,
    /// What the client can ask for again, where the server recovers sockets.
    replay: Option<Box<Replay>>,
    whereabouts: Whereabouts,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Whereabouts {
    #[default]
    Here,
    /// Its connection was lost; it may come back.
    Away,
    /// It came back, and its new session has all of this.
    Back,
}

/// What an end is the end of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// The socket; its connection may serve others.
    Socket,
    /// Everything.
    Connection,
}

/// What may become of a frame that does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// An answer: goes out, or the connection ends.
    Answer,
    /// An event: the overflow policy decides.
    Event,
    /// Goes out at once or not at all.
    Volatile,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client reads too slowly; the frame was dropped, or the connection is being closed, as the overflow policy says.
    #[error("the client's outbox is full")]
    Full,
    /// The client is gone.
    #[error("the client is gone")]
    Closed,
    /// The value cannot be written as JSON.
    #[error("the value cannot be serialised")]
    Unserializable,
    /// Clients keep the event's name for themselves: `connect`, `connect_error`, `disconnect`, `disconnecting`,
    /// `newListener` and `removeListener`.
    #[error("clients keep the event's name for themselves")]
    Reserved,
}

/// A frame came after its client came back: its new session must get it.
#[derive(Debug)]
pub(crate) struct CameBack(pub(crate) Encoded);

/// What is to be done after a push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pushed {
    /// The first since the last write: somebody must see to the next.
    NeedsWrite,
    /// Somebody will write it already.
    WillBeWritten,
}

impl Outbox {
    pub(crate) fn new(format: WireFormat, limits: &Limits, counters: &Arc<Counters>) -> Self {
        Self {
            format,
            frames: limits.outbox_frames,
            bytes: limits.outbox_bytes,
            overflow: limits.overflow,
            counters: Arc::clone(counters),
            direct: OnceLock::new(),
            queue: Mutex::default(),
            ending: AtomicBool::new(false),
            heavy: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        }
    }

    /// Frames may go out. The greeting comes before those that wait.
    pub(crate) fn open(&self, greeting: Encoded) {
        let mut queue = self.lock();
        if !greeting.is_nothing() {
            queue.bytes += greeting.len();
            queue.waiting.push_front((greeting, Delivery::Answer));
        }
        queue.open = true;
    }

    /// Senders may write straight to the transport from now on, where it can be done.
    pub(crate) fn lend(&self, direct: Arc<dyn DirectWrite>) {
        // A connection changes its transport at most once, from one that cannot to one that can.
        let _ = self.direct.set(direct);
        self.lock().shared = false;
    }

    /// Only the connection's task writes from now on.
    pub(crate) fn share(&self) {
        self.lock().shared = true;
    }

    /// Whether a frame is written in part, so that no other may begin on the same transport.
    pub(crate) fn is_begun(&self) -> bool {
        self.lock().written > 0
    }

    /// Takes over what waits in another outbox of the same connection, which takes nothing more.
    pub(crate) fn absorb(&self, other: &Self) {
        let (rest, written) = {
            let mut queue = other.lock();
            queue.closed = true;
            queue.bytes = 0;
            queue.pongs = None;
            (std::mem::take(&mut queue.waiting), std::mem::take(&mut queue.written))
        };
        let mut queue = self.lock();
        queue.bytes += rest.iter().map(|(frame, _)| frame.len()).sum::<usize>();
        if written > 0 {
            // At most one outbox of a connection is in the middle of a frame.
            queue.written = written;
            let waiting = std::mem::replace(&mut queue.waiting, rest);
            queue.waiting.extend(waiting);
        } else {
            queue.waiting.extend(rest);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.lock().has_something()
    }

    /// Queues one frame without waiting.
    pub(crate) fn push(&self, frame: Encoded, delivery: Delivery) -> Result<Pushed, SendError> {
        self.push_into(self.lock(), frame, delivery)
    }

    #[inline]
    fn push_into(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        frame: Encoded,
        delivery: Delivery,
    ) -> Result<Pushed, SendError> {
        if queue.closed {
            return Err(SendError::Closed);
        }
        if let Err(error) = self.insert(&mut queue, frame, delivery) {
            if queue.end.is_some() {
                self.ending.store(true, Ordering::Release);
                drop(queue);
                self.reader.wake();
            }
            return Err(error);
        }
        Ok(queue.mark())
    }

    /// Queues an event, and keeps it for a client that comes back, in one step.
    pub(crate) fn push_numbered(&self, frame: Encoded, offset: Offset) -> Result<Result<Pushed, SendError>, CameBack> {
        let mut queue = self.lock();
        if queue.whereabouts == Whereabouts::Back {
            return Err(CameBack(frame));
        }
        if let Some(replay) = &mut queue.replay {
            replay.push(offset, frame.clone());
        }
        if queue.whereabouts == Whereabouts::Away {
            return Ok(Ok(Pushed::WillBeWritten));
        }
        Ok(self.push_into(queue, frame, Delivery::Event))
    }

    /// Keeps the events of a client that may come back.
    pub(crate) fn record(&self, recovery: &Recovery) {
        self.lock().replay = Some(Box::new(Replay::new(recovery)));
    }

    /// The connection is lost. What is pushed from now on is kept, where it is recorded; says whether it is.
    pub(crate) fn go_away(&self) -> bool {
        let mut queue = self.lock();
        if queue.replay.is_some() {
            queue.whereabouts = Whereabouts::Away;
        }
        queue.replay.is_some()
    }

    /// Takes over what a lost connection's client has missed since `offset`, and what it may miss again. `false` where
    /// that is not known; then nothing happens. `before_others` runs while nobody else can push to either.
    pub(crate) fn follow(&self, lost: &Self, offset: &str, before_others: impl FnOnce()) -> bool {
        // Always the older one first, and nobody holds two otherwise.
        let mut old = lost.lock();
        if old.whereabouts != Whereabouts::Away {
            return false;
        }
        let mut new = self.lock();
        let Some(missed) = old.replay.as_ref().and_then(|replay| replay.since(offset)) else { return false };
        for frame in missed {
            new.bytes += frame.len();
            new.waiting.push_back((frame.clone(), Delivery::Event));
        }
        new.replay = old.replay.take();
        before_others();
        old.whereabouts = Whereabouts::Back;
        true
    }

    /// Queues one frame, or gives it back where it does not fit yet. One for a client that is gone is dropped.
    pub(crate) fn offer(&self, frame: Encoded, delivery: Delivery) -> Result<Pushed, Encoded> {
        let mut queue = self.lock();
        if queue.closed {
            return Ok(Pushed::WillBeWritten);
        }
        if !self.fits(&queue, frame.len()) {
            self.write_direct(&mut queue);
        }
        if !self.fits(&queue, frame.len()) {
            return Err(frame);
        }
        queue.bytes += frame.len();
        queue.waiting.push_back((frame, delivery));
        self.weigh(&queue);
        Ok(queue.mark())
    }

    fn insert(&self, queue: &mut Queue, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if delivery == Delivery::Volatile && !queue.waiting.is_empty() {
            self.write_direct(queue);
            if !queue.waiting.is_empty() {
                self.counters.add(Counter::DroppedFrames);
                return Err(SendError::Full);
            }
        }
        if !self.fits(queue, frame.len()) {
            // A burst within one turn is not a slow reader.
            self.write_direct(queue);
        }
        if self.overflow == Overflow::DropOldest {
            self.make_room(queue, frame.len());
        }
        if self.fits(queue, frame.len()) {
            queue.bytes += frame.len();
            queue.waiting.push_back((frame, delivery));
            self.weigh(queue);
            return Ok(());
        }
        if delivery == Delivery::Answer || self.overflow == Overflow::Close {
            queue.end = Some(Box::new((DisconnectReason::TooSlow, Scope::Connection)));
            queue.closed = true;
            self.counters.add(Counter::SlowDisconnects);
        } else {
            self.counters.add(Counter::DroppedFrames);
        }
        Err(SendError::Full)
    }

    /// A frame of any size fits into an empty queue: its size was bounded where it was made.
    fn fits(&self, queue: &Queue, bytes: usize) -> bool {
        queue.waiting.is_empty() || (queue.waiting.len() < self.frames && queue.bytes + bytes <= self.bytes)
    }

    fn make_room(&self, queue: &mut Queue, bytes: usize) {
        while !self.fits(queue, bytes) {
            // A frame that is written in part must go on.
            let begun = usize::from(queue.written > 0);
            let oldest = queue.waiting.iter().skip(begun).position(|(_, delivery)| *delivery != Delivery::Answer);
            let Some((frame, _)) = oldest.and_then(|oldest| queue.waiting.remove(oldest + begun)) else { return };
            queue.bytes -= frame.len();
            self.counters.add(Counter::DroppedFrames);
        }
    }

    /// Queues the answer to a ping.
    #[allow(clippy::needless_pass_by_value, reason = "as every frame that is pushed")]
    pub(crate) fn push_pong(&self, pong: Encoded) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.pongs.get_or_insert_default().push(&pong);
        }
    }

    /// Ends the connection after what is already queued; the first reason stays. A server that stops still answers what
    /// it has accepted, so only [`Outbox::close`] shuts its outboxes.
    pub(crate) fn end(&self, reason: DisconnectReason, scope: Scope) {
        {
            let mut queue = self.lock();
            queue.closed |= reason != DisconnectReason::Shutdown;
            queue.end.get_or_insert_with(|| Box::new((reason, scope)));
        }
        self.ending.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Takes nothing more but `last`, which goes out after what waits.
    pub(crate) fn close(&self, last: Option<Encoded>) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.open = true;
        if let Some(last) = last {
            queue.bytes += last.len();
            queue.waiting.push_back((last, Delivery::Answer));
        }
    }

    /// Whether somebody asked for the end. Cheap.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// What somebody asked for, if it is the end.
    pub(crate) fn ended(&self) -> Option<(DisconnectReason, Scope)> {
        if self.ending.load(Ordering::Acquire) { self.lock().end.as_deref().cloned() } else { None }
    }

    /// Lets the connection's task look again.
    pub(crate) fn wake(&self) {
        self.reader.wake();
    }

    /// Queues a frame also where nothing is taken any more: the last word to a client that was refused.
    pub(crate) fn push_last(&self, frame: Encoded) {
        let mut queue = self.lock();
        queue.bytes += frame.len();
        queue.waiting.push_back((frame, Delivery::Answer));
    }

    /// Wakes this task when there is something to write, or an end. Register first, then look.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// Writes from any task what was pushed and goes out at once; leaves the rest, and transports that cannot, to the
    /// connection's own.
    pub(crate) fn write_marked(&self) {
        let is_seen_to = {
            let mut queue = self.lock();
            if !std::mem::take(&mut queue.marked) {
                return;
            }
            // Where it is blocked, the connection's task waits for the transport, once it knows.
            let is_seen_to = if queue.blocked { !queue.untold } else { self.write_direct(&mut queue) };
            queue.untold = false;
            is_seen_to
        };
        if !is_seen_to {
            self.reader.wake();
        }
    }

    /// Whether everything went out. Where it did not, what waits is marked, or the caller marks it.
    fn write_direct(&self, queue: &mut Queue) -> bool {
        let Some(direct) = self.direct.get().filter(|_| queue.open && !queue.blocked && !queue.shared) else {
            return false;
        };
        let written = queue.write(&mut |frames| match direct.try_write(frames) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        });
        self.weigh(queue);
        // A stream that fails is found by its own task, which then ends.
        queue.blocked = !matches!(written, Poll::Ready(Ok(())));
        queue.untold = queue.blocked;
        !queue.blocked
    }

    /// Writes in the connection's own task. Says whether anything went out.
    pub(crate) fn poll_write<T: Transport>(
        &self,
        context: &mut Context<'_>,
        transport: &mut T,
    ) -> Poll<io::Result<bool>> {
        let mut queue = self.lock();
        queue.marked = false;
        queue.untold = false;
        let has_something = queue.has_something();
        if !has_something && !queue.unflushed {
            return Poll::Ready(Ok(false));
        }
        queue.unflushed = true;
        let written = queue.write(&mut |frames| transport.poll_write(context, frames));
        queue.blocked = written.is_pending();
        self.weigh(&queue);
        ready!(written)?;
        ready!(transport.poll_flush(context))?;
        queue.unflushed = false;
        Poll::Ready(Ok(has_something))
    }

    /// Throws away what waits: it was meant for a socket that was never accepted, or one that does not read.
    pub(crate) fn discard(&self) {
        let mut queue = self.lock();
        let begun = usize::from(queue.written > 0);
        queue.waiting.truncate(begun);
        queue.bytes = queue.waiting.iter().map(|(frame, _)| frame.len()).sum();
        queue.pongs.take_if(|pongs| !pongs.is_begun());
    }

    /// Whether so little waits that more may be added before it leaves.
    pub(crate) fn is_light(&self) -> bool {
        !self.heavy.load(Ordering::Relaxed)
    }

    fn weigh(&self, queue: &Queue) {
        let is_heavy = queue.waiting.len() > self.frames / 2 || queue.bytes > self.bytes / 16;
        if is_heavy == self.is_light() {
            self.heavy.store(is_heavy, Ordering::Relaxed);
        }
    }

    /// Whether a frame of usual size would fit now.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.closed || self.fits(&queue, 1024)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn mark(&mut self) -> Pushed {
        if std::mem::replace(&mut self.marked, true) { Pushed::WillBeWritten } else { Pushed::NeedsWrite }
    }

    fn has_something(&self) -> bool {
        (self.open && !self.waiting.is_empty()) || self.pongs.is_some()
    }

    /// Writes until all went out or `write` takes no more.
    fn write(&mut self, write: &mut dyn FnMut(&[u8]) -> Poll<io::Result<usize>>) -> Poll<io::Result<()>> {
        WRITE.with(|buffer| {
            let buffer = &mut *buffer.borrow_mut();
            while self.has_something() {
                let written = if let Some(alone) = self.alone() {
                    ready!(write(alone))
                } else {
                    self.gather(buffer);
                    ready!(write(buffer))
                };
                match written {
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Ok(written) => self.advance(written),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// The bytes that go out next, where there is nothing to gather them with.
    fn alone(&self) -> Option<&[u8]> {
        let (front, _) = self.waiting.front()?;
        let rest = &front.as_slice()[self.written..];
        let may_go = self.written > 0 || self.pongs.is_none();
        (may_go && (self.waiting.len() == 1 || rest.len() >= WRITE_BUFFER)).then_some(rest)
    }

    /// Copies whole frames, as many as fit, to leave in one write.
    fn gather(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        // Between frames only: a pong may overtake a message, not split it.
        if let (0, Some(pongs)) = (self.written, &self.pongs) {
            buffer.extend_from_slice(pongs.rest());
        }
        let waiting = if self.open { self.waiting.len() } else { 0 };
        for (index, (frame, _)) in self.waiting.iter().enumerate().take(waiting) {
            let bytes = &frame.as_slice()[if index == 0 { self.written } else { 0 }..];
            if !buffer.is_empty() && buffer.len() + bytes.len() > WRITE_BUFFER {
                break;
            }
            buffer.extend_from_slice(bytes);
        }
    }

    fn advance(&mut self, mut written: usize) {
        if let (0, Some(pongs)) = (self.written, &mut self.pongs) {
            let of_pongs = written.min(pongs.rest().len());
            pongs.advance(of_pongs);
            written -= of_pongs;
            if !pongs.rest().is_empty() {
                return;
            }
            self.pongs = None;
        }
        while let Some((frame, _)) = self.waiting.front() {
            let rest = frame.len() - self.written;
            if written < rest {
                self.written += written;
                return;
            }
            written -= rest;
            self.written = 0;
            self.bytes -= frame.len();
            self.waiting.pop_front();
        }
        if self.waiting.capacity() > 8 {
            // A burst leaves no buffer behind in an idle connection.
            self.waiting = VecDeque::new();
        }
    }
}

impl DisconnectReason {
    /// What the client is told; `None` where nobody listens any more.
    pub(crate) fn told(&self) -> Option<Disconnect> {
        match self {
            Self::Client(_) | Self::Left | Self::Lost | Self::Malformed(_) => None,
            Self::HeartbeatTimeout => Some(Disconnect::new(CloseCode::HEARTBEAT_TIMEOUT, "heartbeat timeout")),
            Self::TooSlow => Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")),
            Self::Violation(disconnect) | Self::Server(disconnect) => Some(disconnect.clone()),
            Self::Shutdown => Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")),
        }
    }
}

#[cfg(test)]
mod tests;
