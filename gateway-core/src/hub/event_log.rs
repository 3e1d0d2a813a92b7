//! Events of this node on their way through the log of the cluster, which gives each its offset. A node reads its own
//! events back: so every socket gets events in the order of the log, whichever node sent them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use crate::hub::cluster::LogFate;
use crate::hub::members::Selection;
use crate::protocol::OffsetNumber;
use crate::session::{Batch, LoggedDelivery, LoggedEvent, Offset, Session};
use crate::sync::lock;

/// The events of one namespace that were handed to the engine and not read back yet, in order.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    on_their_way: Mutex<VecDeque<LoggedBroadcast>>,
    /// The last entry that was read, of any node; 0 before the first.
    position: AtomicU64,
}

/// An event on its way.
#[derive(Debug)]
pub(crate) struct LoggedBroadcast {
    /// `None` for an event without an offset, which is never kept.
    event: Option<Arc<LoggedEvent>>,
    selection: Selection,
    since: Instant,
    fate: Arc<LogFate>,
    /// Sockets that wait for the offset.
    accepted: Vec<Arc<Session>>,
    /// Set once the event was sent to these sockets without its offset.
    is_released: bool,
    /// Sockets that came from other nodes after the event was sent: the log has the event behind what they missed.
    late: Vec<Arc<Session>>,
}

impl LoggedBroadcast {
    /// An event that is kept.
    pub(super) fn new(event: &Arc<LoggedEvent>, selection: Selection, fate: Arc<LogFate>) -> Self {
        Self { event: Some(Arc::clone(event)), ..Self::volatile(selection, fate) }
    }

    /// An event that is not kept.
    pub(super) fn volatile(selection: Selection, fate: Arc<LogFate>) -> Self {
        let (accepted, late) = Default::default();
        Self { event: None, selection, since: Instant::now(), fate, accepted, is_released: false, late }
    }

    /// Sets the sockets that wait for the offset, or have got the event without it.
    pub(super) fn accepted(self, accepted: Vec<Arc<Session>>, is_released: bool) -> Self {
        Self { accepted, is_released, ..self }
    }
}

/// The log of a namespace while events are added: in this order they are written.
#[derive(Debug)]
pub(super) struct LogEntry<'a>(MutexGuard<'a, VecDeque<LoggedBroadcast>>);

/// Maximum number of sockets of all events that wait for a log that is away.
const MOST_WAITING: usize = 1_000_000;

impl LogEntry<'_> {
    /// Returns `true` if an event for this number of sockets may wait for a log that is away, beside others as large.
    pub(super) fn has_room_for(&self, sockets: usize) -> bool {
        self.0.len().saturating_mul(sockets) <= MOST_WAITING
    }

    /// Adds the event that was handed to the engine.
    pub(super) fn add(mut self, broadcast: LoggedBroadcast) {
        self.0.push_back(broadcast);
    }
}

impl EventLog {
    /// Begins to add an event. The event is handed to the engine before the guard is dropped.
    pub(super) fn begin(&self) -> LogEntry<'_> {
        LogEntry(self.lock())
    }

    /// Lets a socket from another node into the namespace. `enter` adds it to its rooms; `is_selected` tells if it is selected.
    pub(super) fn let_in(
        &self,
        session: &Arc<Session>,
        enter: impl FnOnce(),
        is_selected: impl Fn(&Selection) -> bool,
    ) {
        let mut log = self.lock();
        enter();
        for broadcast in &mut *log {
            if broadcast.event.is_some() && is_selected(&broadcast.selection) {
                broadcast.late.push(Arc::clone(session));
            }
        }
    }

    /// Notes that an entry of the namespace was read.
    pub(crate) fn read(&self, offset: OffsetNumber) {
        self.position.fetch_max(offset.number(), Ordering::Relaxed);
    }

    /// The last entry that was read, of any node; 0 before the first.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Handles the entry of an own event that was read back: the event gets this offset. `None` if clients cannot name the
    /// offset; then the event goes out without it.
    pub(crate) fn read_back(&self, offset: Option<OffsetNumber>) {
        // Frames are written when the lock is free again.
        let _batch = Batch::begin(None);
        let mut log = self.lock();
        let Some(offset) = offset else {
            if let Some(broadcast) = log.pop_front() {
                broadcast.end_without_offset();
            }
            return;
        };
        self.read(offset);
        if let Some(place) = log.iter().position(|broadcast| broadcast.fate.offset() == Some(offset)) {
            // What the engine wrote before, and has lost since.
            for broadcast in log.drain(..place) {
                broadcast.end_by_fate();
            }
        } else {
            while log.front().is_some_and(|broadcast| broadcast.fate.is_before(offset))
                && let Some(broadcast) = log.pop_front()
            {
                broadcast.end_by_fate();
            }
        }
        // Without a known offset the entries come in the order in which they were written.
        let is_next = |broadcast: &LoggedBroadcast| broadcast.fate.offset().is_none_or(|known| known == offset);
        if log.front().is_some_and(is_next)
            && let Some(broadcast) = log.pop_front()
        {
            broadcast.fill(offset);
        }
    }

    /// Lets events that were sent before this moment go to their sockets without their offsets. Returns their number.
    pub(crate) fn release(&self, before: Instant) -> usize {
        let _batch = Batch::begin(None);
        let mut log = self.lock();
        let overdue = log.iter_mut().filter(|broadcast| broadcast.since <= before);
        overdue.map(|broadcast| usize::from(broadcast.release())).sum()
    }

    /// Returns `true` if sockets wait for the offset of an event.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().iter().any(LoggedBroadcast::waits)
    }

    /// Returns `true` if no event is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LoggedBroadcast>> {
        lock(&self.on_their_way)
    }
}

impl LoggedBroadcast {
    fn waits(&self) -> bool {
        !self.is_released && !self.accepted.is_empty()
    }

    fn fill(self, offset: OffsetNumber) {
        let Some(event) = &self.event else { return };
        let (shared, offset) = (event.shared(offset), Offset::new(offset));
        for session in &self.accepted {
            LoggedDelivery(event).fill(session, &shared, offset, self.is_released);
        }
        for session in &self.late {
            LoggedDelivery(event).fill(session, &shared, offset, false);
        }
    }

    /// Returns `true` if sockets were waiting.
    fn release(&mut self) -> bool {
        let waited = self.waits();
        if let Some(event) = self.event.as_ref().filter(|_| !self.is_released) {
            self.accepted.iter().for_each(|session| LoggedDelivery(event).release(session));
            self.is_released = true;
        }
        waited
    }

    /// Ends an event whose entry was not read back.
    fn end_by_fate(self) {
        match self.fate.offset() {
            Some(offset) => self.fill(offset),
            None => self.end_without_offset(),
        }
    }

    fn end_without_offset(mut self) {
        self.release();
    }
}
