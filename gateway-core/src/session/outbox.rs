//! The bounded queue out to one connection. Any task pushes; the task whose turn it is writes. No call waits.

mod backlog;
mod bounds;
mod burst;
mod close;
mod coalesce;
mod compression;
mod delivery;
mod frame_queue;
mod held;
mod held_frames;
mod pongs;
mod queue;
mod recovery;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;

pub(crate) use self::burst::{BurstFrames, JoinedBurst};
pub(crate) use self::delivery::{Delivery, Pushed, Scope};
pub(crate) use self::held_frames::Stamp;
use self::pongs::Pongs;
use self::queue::{Gate, Queue};
pub(crate) use self::recovery::{AlreadyResumed, RecoveryEnd};
use crate::limits::{Limits, Overflow};
use crate::metrics::Telemetry;
use crate::protocol::{Deflating, Encoded, WireFormat};
use crate::session::Offset;
use crate::sync::{AtomicBool, Mutex, MutexGuard, unpoisoned};
use crate::transport::{Direct, PollListener, Transport};

/// The queue of frames to one client, in order.
///
/// Fields that every delivery of a broadcast uses come first and fill two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    format: WireFormat,
    overflow: Overflow,
    /// Set once `deflating` is set, so that reading it takes no synchronisation.
    deflates: std::sync::atomic::AtomicBool,
    /// Set while the queue is above its high-water mark. Readable without the lock, written under it.
    heavy: AtomicBool,
    frames: u32,
    /// At most 4 GiB: 32 bits keep the fields of a delivery within two cache lines.
    bytes: u32,
    /// The latest leave of this socket from a room. Written and read under the lock.
    left: std::sync::atomic::AtomicU32,
    telemetry: Arc<Telemetry>,
    /// Maximum bytes of a burst.
    burst: usize,
    /// Set when the transport has accepted bytes after it was blocked. Read by the heartbeat.
    has_moved: AtomicBool,
    reader: AtomicWaker,
    /// Set once an end was requested. Readable without the lock.
    ending: AtomicBool,
    /// Compression of messages, if negotiated.
    deflating: OnceLock<Deflating>,
}

// Tests have one more kind of stream.
#[cfg(not(test))]
const _: () = assert!(std::mem::offset_of!(Outbox, telemetry) <= 2 * 64, "what comes first fills two lines");

/// Number of leaves from rooms in a namespace. Lists of recipients and leaves carry this number. It wraps around after
/// 2³² leaves, which costs one unneeded check of a list.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Leaves(u32);

impl Leaves {
    /// The value for a frame to one socket, independent of its rooms.
    pub(crate) const ANY: Self = Self(u32::MAX);

    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Reason why a frame was not queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client reads too slowly. Depending on the overflow policy the frame was dropped or the connection is closing.
    #[error("the client's outbox is full")]
    Full,
    /// The client has disconnected.
    #[error("the client is gone")]
    Closed,
    /// The value cannot be serialised as JSON.
    #[error("the value cannot be serialised")]
    Unserializable,
    /// The event's name is reserved by clients: `connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener`
    /// or `removeListener`.
    #[error("clients keep the event's name for themselves")]
    Reserved,
}

impl Outbox {
    pub(crate) fn new(format: WireFormat, limits: &Limits, telemetry: &Arc<Telemetry>) -> Self {
        Self {
            queue: Mutex::default(),
            format,
            overflow: limits.overflow,
            deflates: false.into(),
            heavy: AtomicBool::new(false),
            frames: u32::try_from(limits.outbox_frames).unwrap_or(u32::MAX),
            bytes: u32::try_from(limits.outbox_bytes).unwrap_or(u32::MAX),
            left: 0.into(),
            telemetry: Arc::clone(telemetry),
            burst: limits.burst_bytes,
            has_moved: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            ending: AtomicBool::new(false),
            deflating: OnceLock::new(),
        }
    }

    /// Starts writing. The greeting precedes the queued frames.
    pub(crate) fn open(&self, greeting: Encoded) {
        let mut queue = self.lock();
        if !greeting.is_nothing() {
            queue.waiting.push_first(greeting, Delivery::Answer);
        }
        queue.open = true;
    }

    /// Lets senders write directly to the transport from now on.
    pub(crate) fn attach_writer(&self, direct: Direct) {
        self.lock().direct = Some(direct);
    }

    /// Lets only the connection's task write from now on.
    pub(crate) fn detach_writer(&self) {
        self.lock().direct = None;
    }

    /// Sets a listener for a client that receives frames only at times, as by long polling.
    pub(crate) fn listen_before_volatile(&self, listener: PollListener) {
        self.lock().rare().listener = Some(listener);
    }

    /// Returns `true` if the client cannot receive now although its queue is empty.
    pub(crate) fn is_unheard(&self) -> bool {
        let queue = self.lock();
        let listener = queue.rare.as_ref().and_then(|rare| rare.listener.as_ref());
        listener.is_some_and(|listener| !listener.is_listening())
    }

    /// Returns `true` if a frame is partly written, so that no other may begin on the same transport.
    pub(crate) fn is_begun(&self) -> bool {
        let queue = self.lock();
        queue.waiting.is_begun() || queue.pongs().is_some_and(Pongs::is_begun)
    }

    /// Moves the queued frames of another outbox of the same connection here and closes it. At most one of both has a partly
    /// written frame.
    pub(crate) fn absorb(&self, other: &Self) {
        let waiting = other.give_up();
        let mut queue = self.lock();
        queue.waiting.absorb(waiting);
        self.update_high_water(&mut queue);
        self.bound(&mut queue);
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.lock().has_something()
    }

    /// Queues one frame without waiting.
    #[inline]
    pub(crate) fn push(&self, frame: Encoded, delivery: Delivery) -> Result<Pushed, SendError> {
        self.push_into(self.lock(), frame, delivery)
    }

    /// Queues one frame for a socket from a list of recipients.
    pub(crate) fn push_listed(&self, frame: Encoded, delivery: Delivery, listed: Leaves) -> Result<Pushed, SendError> {
        self.push_into(self.lock_listed(listed)?, frame, delivery)
    }

    /// Returns `true` if the frame is never dropped alone. Only such frames are joined.
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
        if queue.gate != Gate::Open {
            return self.push_gated(&mut queue, frame, delivery);
        }
        self.push_first_of_held(queue, frame, delivery)
    }

    /// Pushes a frame to the queue that is written, before frames that wait for offsets.
    #[inline]
    fn push_first_of_held(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        frame: Encoded,
        delivery: Delivery,
    ) -> Result<Pushed, SendError> {
        if let Err(error) = self.insert(&mut queue, frame, delivery) {
            self.tell_end(&queue);
            return Err(error);
        }
        Ok(queue.mark())
    }

    /// Wakes the connection's task if a frame that did not fit has ended the connection.
    fn tell_end(&self, queue: &Queue) {
        if queue.end().is_some() {
            self.ending.store(true, Ordering::Release);
            self.reader.wake();
        }
    }

    /// Queues one frame, or returns the frame if it does not fit yet. A frame for a disconnected client is dropped. A frame
    /// with an offset is kept for recovery.
    pub(crate) fn offer(&self, frame: Encoded, delivery: Delivery, offset: Option<Offset>) -> Result<Pushed, Encoded> {
        let mut queue = self.lock();
        if queue.is_closed() {
            return Ok(Pushed::WillBeWritten);
        }
        if queue.gate == Gate::Holding {
            // Dropped only if the connection ends.
            return Ok(self.push_gated(&mut queue, frame, delivery).unwrap_or(Pushed::WillBeWritten));
        }
        if !self.fits(&queue, frame.len()) {
            self.flush_now(&mut queue);
        }
        if !self.fits(&queue, frame.len()) {
            return Err(frame);
        }
        let mut sent = None;
        if let Some(how) = self.deflating() {
            // Compression runs without the lock. Frames pushed meanwhile may exceed the bounds by one frame.
            drop(queue);
            sent = frame.deflated(how);
            queue = self.lock();
            if queue.is_closed() {
                return Ok(Pushed::WillBeWritten);
            }
        }
        if let (Some(offset), Some(replay)) = (offset, queue.replay_mut()) {
            replay.push(offset, frame.clone());
        }
        queue.waiting.push(sent.unwrap_or(frame), delivery);
        self.update_high_water(&mut queue);
        Ok(queue.mark())
    }

    #[inline]
    fn insert(&self, queue: &mut Queue, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if queue.waiting.is_empty() {
            queue.waiting.push_only(frame, delivery);
            self.raise_high_water(queue);
            return Ok(());
        }
        self.insert_behind(queue, frame, delivery)
    }

    fn insert_behind(&self, queue: &mut Queue, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if !self.fits_as(queue, frame.len(), delivery) {
            self.make_room(queue, frame.len(), delivery)?;
        }
        if self.is_kept(delivery) {
            queue.waiting.append(frame, delivery);
        } else {
            queue.waiting.push(frame, delivery);
        }
        self.raise_high_water(queue);
        Ok(())
    }

    /// Queues a pong.
    #[allow(clippy::needless_pass_by_value, reason = "as every frame that is pushed")]
    pub(crate) fn push_pong(&self, pong: Encoded) {
        let mut queue = self.lock();
        if !queue.is_closed() {
            queue.push_pong(pong.as_slice());
        }
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        self.reader.wake();
    }

    /// Registers the task to wake when there is a frame to write or an end. Register before checking.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// Writes pushed frames from any task as far as the transport accepts them at once. The rest, and transports without
    /// direct writes, are left to the connection's task. Returns the number of written bytes, for the caller to count.
    pub(crate) fn write_marked(&self) -> usize {
        let (is_seen_to, bytes) = {
            let mut queue = self.lock();
            if !std::mem::take(&mut queue.marked) {
                return 0;
            }
            // For a blocked transport the connection's task waits, once it is notified.
            let written = if queue.blocked { (!queue.task_not_notified, 0) } else { self.write_direct(&mut queue) };
            queue.task_not_notified = false;
            written
        };
        if !is_seen_to {
            self.reader.wake();
        }
        bytes
    }

    /// Writes to make room for more frames, and counts the written bytes.
    fn flush_now(&self, queue: &mut Queue) {
        let (_, bytes) = self.write_direct(queue);
        self.count_sent(bytes);
    }

    fn count_sent(&self, bytes: usize) {
        if let Some(meter) = self.telemetry.wire() {
            meter.send(bytes);
        }
    }

    /// Writes directly. Returns `true` if the queue is empty afterwards, and the number of written bytes. Otherwise the queue
    /// is marked already, or the caller marks it.
    fn write_direct(&self, queue: &mut Queue) -> (bool, usize) {
        if !queue.open || queue.blocked {
            return (false, 0);
        }
        let mut bytes = 0;
        // The usual case: one frame, written completely.
        if let Some((only, direct)) = queue.only_frame() {
            let len = only.len();
            match direct.try_write(only) {
                Ok(written) if written == len => {
                    queue.waiting.finish();
                    self.update_high_water(queue);
                    return (true, len);
                }
                Ok(written) => {
                    queue.waiting.advance(written);
                    bytes = written;
                }
                // Written again below, with what it says.
                Err(_) => {}
            }
        }
        self.write_pieces(queue, bytes)
    }

    /// Goes on with a direct write of which `bytes` are written.
    fn write_pieces(&self, queue: &mut Queue, mut bytes: usize) -> (bool, usize) {
        let Some(direct) = queue.direct.take() else { return (false, 0) };
        let written = queue.write(|frames| match direct.try_write(frames) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written.inspect(|written| bytes += written)),
        });
        queue.direct = Some(direct);
        self.update_high_water(queue);
        // A failed stream is detected by its own task, which then ends.
        queue.blocked = !matches!(written, Poll::Ready(Ok(())));
        queue.task_not_notified = queue.blocked;
        (!queue.blocked, bytes)
    }

    /// Writes in the connection's task. Returns `true` if any bytes were written.
    pub(crate) fn poll_write<T: Transport>(
        &self,
        context: &mut Context<'_>,
        transport: &mut T,
    ) -> Poll<io::Result<bool>> {
        let mut queue = self.lock();
        queue.marked = false;
        queue.task_not_notified = false;
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
        self.update_high_water(&mut queue);
        ready!(written)?;
        ready!(transport.poll_flush(context))?;
        queue.unflushed = false;
        Poll::Ready(Ok(has_something))
    }

    /// Marks the transport as blocked, as detected by another outbox of the same connection.
    pub(crate) fn refuse(&self) {
        let mut queue = self.lock();
        queue.blocked = true;
        queue.task_not_notified = false;
        queue.marked = false;
    }

    /// Prefetches the memory of a delivery. Takes no lock, which would wait for the memory.
    pub(crate) fn prefetch(&self) {
        // The model's mutex has no memory to prefetch.
        #[cfg(not(shuttle))]
        std::hint::black_box(self.queue.is_poisoned());
        std::hint::black_box(self.heavy.load(Ordering::Relaxed));
    }

    /// Returns `true` if the transport has accepted bytes after being blocked, since the last call.
    pub(crate) fn take_moved(&self) -> bool {
        self.has_moved.swap(false, Ordering::Relaxed)
    }

    /// Notes that the socket has left a room: senders with an older list must check again.
    pub(crate) fn note_leave(&self, leave: Leaves) {
        let _queue = self.lock();
        // Two threads may arrive here in the opposite order of their leaves.
        if leave.0.wrapping_sub(self.left.load(Ordering::Relaxed)) < u32::MAX / 2 {
            self.left.store(leave.0, Ordering::Relaxed);
        }
    }

    /// Locks the queue to push to a listed socket, unless the socket has left a room since the list was made.
    #[inline]
    fn lock_listed(&self, listed: Leaves) -> Result<MutexGuard<'_, Queue>, SendError> {
        let queue = self.lock();
        if self.left.load(Ordering::Relaxed) > listed.0 { Err(SendError::Closed) } else { Ok(queue) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        unpoisoned(self.queue.lock())
    }
}

#[cfg(test)]
mod tests;
