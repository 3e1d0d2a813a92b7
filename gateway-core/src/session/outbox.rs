//! The bounded queue out to one connection. Many push; whoever has a turn writes. Nobody waits here.

mod backlog;
mod bounds;
mod close;
mod coalesce;
mod compression;
mod frame_queue;
mod pongs;
mod queue;
mod recovery;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;

pub(crate) use self::close::Scope;
use self::pongs::Pongs;
use self::queue::Queue;
pub(crate) use self::recovery::{AlreadyResumed, RecoveryEnd};
use crate::limits::{Limits, Overflow};
use crate::metrics::Counters;
use crate::protocol::{Deflating, Encoded, SharedEvent, WireFormat};
use crate::session::Offset;
use crate::session::sync::{AtomicBool, Mutex, MutexGuard};
use crate::transport::{Direct, PollListener, Transport};

/// Frames on their way to one client, in order.
///
/// What every delivery of a broadcast needs comes first and fills two lines of a processor's cache.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    format: WireFormat,
    overflow: Overflow,
    /// `deflating` is set. Stored once, and never waited for.
    deflates: std::sync::atomic::AtomicBool,
    /// Much waits. Readable without the lock, written under it.
    heavy: AtomicBool,
    frames: u32,
    /// At most 4 GiB, so that what every delivery needs fits into its two lines.
    bytes: u32,
    /// The last leave of its socket from a room. Written and read under the lock.
    left: std::sync::atomic::AtomicU32,
    counters: Arc<Counters>,
    /// Bytes of a burst.
    burst: usize,
    /// The transport has taken bytes after it had refused some. Read by the heartbeat.
    has_moved: AtomicBool,
    reader: AtomicWaker,
    /// An end was asked for. Readable without the lock.
    ending: AtomicBool,
    /// Compression of messages, where the client has agreed to it.
    deflating: OnceLock<Deflating>,
}

// In tests there is one kind of stream more.
#[cfg(not(test))]
const _: () = assert!(std::mem::offset_of!(Outbox, counters) <= 2 * 64, "what comes first fills two lines");

/// Importance of a frame, which decides when it does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// An answer: goes out, or the connection ends.
    Answer,
    /// An event: the overflow policy decides.
    Event,
    /// Goes out at once or not at all.
    Volatile,
}

/// Number of times that sockets of a namespace have left a room: lists of recipients and leaves are numbered by it. It
/// wraps around after 2³²; then a list is checked once more in vain.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Leaves(u32);

impl Leaves {
    /// Of what is sent to one socket, whichever rooms it is in.
    pub(crate) const ANY: Self = Self(u32::MAX);

    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
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

/// Task that a push leaves to its caller.
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
            queue: Mutex::default(),
            format,
            overflow: limits.overflow,
            deflates: false.into(),
            heavy: AtomicBool::new(false),
            frames: u32::try_from(limits.outbox_frames).unwrap_or(u32::MAX),
            bytes: u32::try_from(limits.outbox_bytes).unwrap_or(u32::MAX),
            left: 0.into(),
            counters: Arc::clone(counters),
            burst: limits.burst_bytes,
            has_moved: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            ending: AtomicBool::new(false),
            deflating: OnceLock::new(),
        }
    }

    /// Frames may go out. The greeting comes before those that wait.
    pub(crate) fn open(&self, greeting: Encoded) {
        let mut queue = self.lock();
        if !greeting.is_nothing() {
            queue.waiting.push_first(greeting, Delivery::Answer);
        }
        queue.open = true;
    }

    /// Senders may write straight to the transport from now on.
    pub(crate) fn lend(&self, direct: Direct) {
        self.lock().direct = Some(direct);
    }

    /// Only the connection's task writes from now on.
    pub(crate) fn share(&self) {
        self.lock().direct = None;
    }

    /// The client takes what waits at times only, of which this knows.
    pub(crate) fn ask_before_volatile(&self, listener: PollListener) {
        self.lock().rare().listener = Some(listener);
    }

    /// Returns `true` if the client takes nothing now, though nothing waits for it.
    pub(crate) fn is_unheard(&self) -> bool {
        let queue = self.lock();
        let listener = queue.rare.as_ref().and_then(|rare| rare.listener.as_ref());
        listener.is_some_and(|listener| !listener.is_listening())
    }

    /// Returns `true` if a frame is written in part, so that no other may begin on the same transport.
    pub(crate) fn is_begun(&self) -> bool {
        let queue = self.lock();
        queue.waiting.is_begun() || queue.pongs().is_some_and(Pongs::is_begun)
    }

    /// Takes over what waits in another outbox of the same connection, which takes nothing more. At most one of them is
    /// in the middle of a frame.
    pub(crate) fn absorb(&self, other: &Self) {
        let waiting = other.give_up();
        let mut queue = self.lock();
        queue.waiting.absorb(waiting);
        self.weigh(&mut queue);
        self.bound(&mut queue);
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.lock().has_something()
    }

    /// Queues one frame without waiting.
    pub(crate) fn push(&self, frame: Encoded, delivery: Delivery) -> Result<Pushed, SendError> {
        self.push_into(self.lock(), frame, delivery)
    }

    /// Queues one frame for a socket that was listed then.
    pub(crate) fn push_listed(&self, frame: Encoded, delivery: Delivery, listed: Leaves) -> Result<Pushed, SendError> {
        self.push_into(self.lock_listed(listed)?, frame, delivery)
    }

    /// Queues one event of many sockets: in one piece with what was sent before, where that is all that waits.
    #[inline]
    pub(crate) fn push_shared(&self, shared: &SharedEvent<'_>, listed: Leaves) -> Result<Pushed, SendError> {
        if let Some(compressed) = self.compressed_form_of(shared) {
            let frame = compressed.clone();
            return self.push_into(self.lock_listed(listed)?, frame, Delivery::Event);
        }
        let piece = shared.piece(self.format);
        let mut queue = self.lock_listed(listed)?;
        if let Some(joined) = &piece.joined
            && queue.waiting.is_only(&joined.before)
            && self.may_join(&queue, piece.bytes)
        {
            queue.waiting.replace(&joined.both);
            return Ok(queue.mark());
        }
        self.push_into(queue, piece.frame.clone(), Delivery::Event)
    }

    /// Where so little waits afterwards that nothing has to be weighed.
    #[inline]
    fn may_join(&self, queue: &Queue, bytes: usize) -> bool {
        self.is_kept(Delivery::Event) && !queue.closed && self.stays_light(queue, bytes)
    }

    /// Frames that may be dropped one by one, or not be there at all, are not joined.
    fn is_kept(&self, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Answer => true,
            Delivery::Event => self.overflow != Overflow::DropOldest,
            Delivery::Volatile => false,
        }
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
            if queue.end().is_some() {
                self.ending.store(true, Ordering::Release);
                drop(queue);
                self.reader.wake();
            }
            return Err(error);
        }
        Ok(queue.mark())
    }

    /// Queues one frame, or gives it back where it does not fit yet. One for a client that is gone is dropped. With an
    /// offset it is kept for a client that resumes.
    pub(crate) fn offer(&self, frame: Encoded, delivery: Delivery, offset: Option<Offset>) -> Result<Pushed, Encoded> {
        let mut queue = self.lock();
        if queue.closed {
            return Ok(Pushed::WillBeWritten);
        }
        if !self.fits(&queue, frame.len()) {
            self.write_ahead(&mut queue);
        }
        if !self.fits(&queue, frame.len()) {
            return Err(frame);
        }
        let mut sent = None;
        if let Some(how) = self.deflating() {
            // Nobody waits for a compressor. Those who push meanwhile may make it one frame too many.
            drop(queue);
            sent = frame.deflated(how);
            queue = self.lock();
            if queue.closed {
                return Ok(Pushed::WillBeWritten);
            }
        }
        if let (Some(offset), Some(replay)) = (offset, queue.rare.as_mut().and_then(|rare| rare.replay.as_mut())) {
            replay.push(offset, frame.clone());
        }
        queue.waiting.push(sent.unwrap_or(frame), delivery);
        self.weigh(&mut queue);
        Ok(queue.mark())
    }

    #[inline]
    fn insert(&self, queue: &mut Queue, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if queue.waiting.is_empty() {
            queue.waiting.push(frame, delivery);
        } else {
            if !self.fits_as(queue, frame.len(), delivery) {
                self.make_room(queue, frame.len(), delivery)?;
            }
            if self.is_kept(delivery) {
                queue.waiting.append(frame, delivery);
            } else {
                queue.waiting.push(frame, delivery);
            }
        }
        self.weigh_more(queue);
        Ok(())
    }

    /// Queues the answer to a ping.
    #[allow(clippy::needless_pass_by_value, reason = "as every frame that is pushed")]
    pub(crate) fn push_pong(&self, pong: Encoded) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.push_pong(pong.as_slice());
        }
    }

    /// Lets the connection's task look again.
    pub(crate) fn wake(&self) {
        self.reader.wake();
    }

    /// Wakes this task when there is something to write, or an end. Register first, then look.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// Writes from any task what was pushed and goes out at once; leaves the rest, and transports that cannot, to the
    /// connection's own. Says how many bytes went out, for whoever counts them.
    pub(crate) fn write_marked(&self) -> usize {
        let (is_seen_to, bytes) = {
            let mut queue = self.lock();
            if !std::mem::take(&mut queue.marked) {
                return 0;
            }
            // Where it is blocked, the connection's task waits for the transport, once it knows.
            let written = if queue.blocked { (!queue.untold, 0) } else { self.write_direct(&mut queue) };
            queue.untold = false;
            written
        };
        if !is_seen_to {
            self.reader.wake();
        }
        bytes
    }

    /// Makes room for more. What goes out is counted, as nobody else hears of it.
    fn write_ahead(&self, queue: &mut Queue) {
        let (_, bytes) = self.write_direct(queue);
        self.count_sent(bytes);
    }

    fn count_sent(&self, bytes: usize) {
        if let Some(meter) = self.counters.wire() {
            meter.send(bytes);
        }
    }

    /// Writes; returns `true` if everything went out, and the number of bytes that did. Where it did not, the queue is
    /// marked, or the caller marks it.
    fn write_direct(&self, queue: &mut Queue) -> (bool, usize) {
        if !queue.open || queue.blocked {
            return (false, 0);
        }
        let Some(direct) = queue.direct.take() else { return (false, 0) };
        let mut bytes = 0;
        let written = queue.write(|frames| match direct.try_write(frames) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written.inspect(|written| bytes += written)),
        });
        queue.direct = Some(direct);
        self.weigh(queue);
        // A stream that fails is found by its own task, which then ends.
        queue.blocked = !matches!(written, Poll::Ready(Ok(())));
        queue.untold = queue.blocked;
        (!queue.blocked, bytes)
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
        let was_blocked = std::mem::take(&mut queue.blocked);
        if !has_something && !queue.unflushed {
            return Poll::Ready(Ok(false));
        }
        queue.unflushed = true;
        queue.blocked = was_blocked;
        let mut bytes = 0;
        let written = queue.write(|frames| {
            transport.poll_write(context, frames).map(|written| written.inspect(|written| bytes += written))
        });
        if bytes > 0 {
            self.count_sent(bytes);
            if was_blocked {
                self.has_moved.store(true, Ordering::Relaxed);
            }
        }
        queue.blocked = written.is_pending();
        self.weigh(&mut queue);
        ready!(written)?;
        ready!(transport.poll_flush(context))?;
        queue.unflushed = false;
        Poll::Ready(Ok(has_something))
    }

    /// The transport takes no more, as another outbox of the same connection has found.
    pub(crate) fn refuse(&self) {
        let mut queue = self.lock();
        queue.blocked = true;
        queue.untold = false;
        queue.marked = false;
    }

    /// Fetches what every delivery needs from memory, and waits for nothing: a lock would.
    pub(crate) fn touch(&self) {
        // The model's mutex has no memory to fetch.
        #[cfg(not(shuttle))]
        std::hint::black_box(self.queue.is_poisoned());
        std::hint::black_box(self.heavy.load(Ordering::Relaxed));
    }

    /// Returns `true` if the transport has taken bytes since the last call, after it had refused some.
    pub(crate) fn take_moved(&self) -> bool {
        self.has_moved.swap(false, Ordering::Relaxed)
    }

    /// The socket has left a room: whoever listed it before asks again.
    pub(crate) fn note_leave(&self, leave: Leaves) {
        let _queue = self.lock();
        // Of two threads the one that left first may come here last.
        if leave.0.wrapping_sub(self.left.load(Ordering::Relaxed)) < u32::MAX / 2 {
            self.left.store(leave.0, Ordering::Relaxed);
        }
    }

    /// The queue, to push to a socket that was listed then. To one that left a room since nothing is pushed.
    #[inline]
    fn lock_listed(&self, listed: Leaves) -> Result<MutexGuard<'_, Queue>, SendError> {
        let queue = self.lock();
        if self.left.load(Ordering::Relaxed) > listed.0 { Err(SendError::Closed) } else { Ok(queue) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
