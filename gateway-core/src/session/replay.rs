//! The log of a client's latest events with their offsets, for recovery.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::options::options;
use crate::protocol::{Encoded, OffsetNumber, read_offset};

options! {
    /// Options of recovery: how long and how many events a server keeps for disconnected clients.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gateway_core::serve::Recovery;
    ///
    /// let recovery = Recovery::new().within(Duration::from_secs(30)).events(256);
    /// ```
    pub struct Recovery {
        /// Time a socket may be disconnected. Default 2 minutes, as in Socket.IO.
        within: Duration = Duration::from_mins(2),
        /// Events kept for one socket. A client that misses more gets a new socket. Default 1024.
        events: usize = 1024,
        /// Bytes of events kept for one socket, plus 56 per event. Default 1 MiB.
        bytes: usize = 1024 * 1024,
        /// Sockets that may be disconnected at the same time; further ones are not kept. Default 10 000.
        sockets: usize = 10_000,
    }
}

/// Position of an event among all events of a server or a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offset {
    position: OffsetNumber,
    at: Instant,
}

impl Offset {
    /// An offset that is assigned now.
    pub(crate) fn new(position: OffsetNumber) -> Self {
        Self { position, at: Instant::now() }
    }

    pub(crate) fn position(self) -> OffsetNumber {
        self.position
    }

    fn number(self) -> u64 {
        self.position.number()
    }

    /// Time at which the offset was assigned.
    pub(crate) fn at(self) -> Instant {
        self.at
    }
}

/// The source of offsets, active if the server has recovery.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    source: AtomicU8,
    next: AtomicU64,
}

/// Where offsets come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NextOffset {
    /// The server has no recovery.
    Off,
    /// The next event's offset.
    Assigned(Offset),
    /// The log of the cluster assigns offsets when it has the event.
    FromLog,
}

const OFF: u8 = 0;
const SERVER: u8 = 1;
const LOG: u8 = 2;

impl Offsets {
    pub(crate) fn turn_on(&self) {
        self.source.store(SERVER, Ordering::Relaxed);
    }

    /// Takes offsets from the log of a cluster from now on, before the first connection. Returns `true` if the server has
    /// recovery.
    pub(crate) fn take_from_log(&self) -> bool {
        self.source.compare_exchange(SERVER, LOG, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.source.load(Ordering::Relaxed) != OFF
    }

    pub(crate) fn are_from_log(&self) -> bool {
        self.source.load(Ordering::Relaxed) == LOG
    }

    /// The position before the first event.
    pub(crate) fn before_first(&self) -> OffsetNumber {
        if self.are_from_log() { OffsetNumber::in_log(0) } else { OffsetNumber::on_server(0) }
    }

    #[inline]
    pub(crate) fn next(&self) -> NextOffset {
        match self.source.load(Ordering::Relaxed) {
            OFF => NextOffset::Off,
            LOG => NextOffset::FromLog,
            _ => NextOffset::Assigned(self.assign()),
        }
    }

    fn assign(&self) -> Offset {
        Offset::new(OffsetNumber::on_server(self.next.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// Bytes of an event: its frame, which may be shared, and its entry in the list.
fn cost(frame: &Encoded) -> usize {
    frame.len() + size_of::<(Offset, Encoded)>()
}

/// The latest events of one socket in the order of queueing. An offset marks a position in this order: concurrent
/// broadcasts may be queued in a different order than numbered, per socket, and still no event is missed or repeated.
#[derive(Debug)]
pub(crate) struct Replay {
    limits: Recovery,
    events: VecDeque<(Offset, Encoded)>,
    bytes: usize,
    /// The position of the event before the oldest, 0 before the first. A client with this offset has missed exactly the kept
    /// events.
    before: OffsetNumber,
}

impl Replay {
    /// `before` is the position before the first event.
    pub(crate) fn new(limits: &Recovery, before: OffsetNumber) -> Self {
        Self { limits: limits.clone(), events: VecDeque::new(), bytes: 0, before }
    }

    /// Adds an event. Room is made first, so that the list never exceeds its bounds.
    pub(crate) fn push(&mut self, offset: Offset, frame: Encoded) {
        let bytes = cost(&frame);
        while self.events.len() >= self.limits.events.max(1) || self.bytes + bytes > self.limits.bytes {
            if !self.forget_oldest() {
                break;
            }
        }
        self.bytes += bytes;
        self.events.push_back((offset, frame));
        if self.events.len() > self.limits.events || self.bytes > self.limits.bytes {
            self.forget_oldest();
        }
    }

    /// Removes events older than the maximum time of a disconnect. Not called while the client is disconnected, as that time
    /// is bounded already.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        while self.events.front().is_some_and(|(offset, _)| now.duration_since(offset.at) > self.limits.within) {
            self.forget_oldest();
        }
        if self.events.len() < self.events.capacity() / 4 {
            self.events.shrink_to(self.events.len() * 2);
        }
    }

    /// The position of the latest event, kept or not; 0 before the first.
    pub(crate) fn latest(&self) -> OffsetNumber {
        self.events.back().map_or(self.before, |(offset, _)| offset.position)
    }

    /// Removes the oldest event. Returns `false` if there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some((offset, oldest)) = self.events.pop_front() else { return false };
        self.bytes -= cost(&oldest);
        self.before = offset.position;
        true
    }

    /// Removes the latest event of a key, which will not be sent.
    pub(crate) fn forget(&mut self, frame: &Encoded) {
        let place = self.events.iter().rposition(|(_, event)| event.has_key_of(frame));
        if let Some((_, forgotten)) = place.and_then(|place| self.events.remove(place)) {
            self.bytes -= cost(&forgotten);
        }
    }

    /// Puts events of the log before the kept ones; those that are kept already count once.
    pub(crate) fn put_before(&mut self, missed: Vec<(Offset, Encoded)>) {
        let last = missed.last().map_or(self.before.number(), |(offset, _)| offset.number());
        let kept = std::mem::take(&mut self.events);
        self.bytes = 0;
        let kept = kept.into_iter().filter(|(offset, _)| offset.number() > last);
        for (offset, frame) in missed.into_iter().chain(kept) {
            self.bytes += cost(&frame);
            self.events.push_back((offset, frame));
        }
    }

    /// Returns `true` if an entry of the log, which arrive in their order, is not behind the latest event.
    pub(crate) fn has_reached(&self, offset: Offset) -> bool {
        offset.position.is_in_log() && offset.number() <= self.latest().number()
    }

    /// All kept events.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &Encoded> {
        self.events.iter().map(|(_, frame)| frame)
    }

    /// The events after `offset`; `None` if any of them may be missing. 0 is before the first event.
    pub(crate) fn since(&self, offset: &str) -> Option<impl Iterator<Item = &Encoded>> {
        let number = read_offset(offset)?;
        let place = self.events.iter().rposition(|(offset, _)| offset.number() == number);
        let first = if self.before.number() == number { 0 } else { place? + 1 };
        Some(self.events.iter().skip(first).map(|(_, frame)| frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Encoded {
        Encoded::text(0, |out| out.extend_from_slice(text.as_bytes())).into_shared()
    }

    fn texts(replay: &Replay, offset: &str) -> Option<Vec<String>> {
        let frames = replay.since(offset)?;
        Some(frames.map(|frame| String::from_utf8_lossy(&frame.as_slice()[2..]).into_owned()).collect())
    }

    fn replay(limits: &Recovery, numbers: impl IntoIterator<Item = u64>) -> Replay {
        let at = Instant::now();
        let mut replay = Replay::new(limits, OffsetNumber::on_server(0));
        let position = OffsetNumber::on_server;
        let offset = |number| Offset { position: position(number), at };
        numbers.into_iter().for_each(|number| replay.push(offset(number), frame(&number.to_string())));
        replay
    }

    #[test]
    fn an_offset_names_a_place_in_the_order_of_its_socket() {
        let replay = replay(&Recovery::default(), [1, 3, 2, 4]);
        assert_eq!(texts(&replay, "3"), Some(vec!["2".into(), "4".into()]));
        assert_eq!(texts(&replay, "4"), Some(vec![]));
        assert_eq!(texts(&replay, "5"), None);
        assert_eq!(texts(&replay, "x"), None);
        assert_eq!(texts(&replay, "0"), Some(["1", "3", "2", "4"].map(Into::into).to_vec()));
    }

    #[test]
    fn what_is_too_much_or_too_old_is_forgotten() {
        let texts = |replay: &Replay| ["0", "1", "2", "3"].map(|offset| texts(replay, offset));
        let kept = |numbers: &[&str]| Some(numbers.iter().map(ToString::to_string).collect::<Vec<_>>());
        let few = replay(&Recovery { events: 2, ..Recovery::default() }, 1..=4);
        assert_eq!(texts(&few), [None, None, kept(&["3", "4"]), kept(&["4"])]);
        // Each is a frame of three bytes, and its entry.
        let small = replay(&Recovery { bytes: 2 * (3 + 56), ..Recovery::default() }, 1..=4);
        assert_eq!(texts(&small), [None, None, kept(&["3", "4"]), kept(&["4"])]);
        for limits in [Recovery { events: 0, ..Recovery::default() }, Recovery { bytes: 50, ..Recovery::default() }] {
            assert_eq!(texts(&replay(&limits, 1..=3)), [None, None, None, kept(&[])]);
        }
        let mut old = replay(&Recovery::default(), 1..=2);
        let later = Instant::now() + Duration::from_mins(3);
        old.forget_old(later);
        assert_eq!((texts(&old), old.latest().number(), old.bytes), ([None, None, kept(&[]), None], 2, 0));
        old.push(Offset { position: OffsetNumber::on_server(3), at: later }, frame("3"));
        old.forget_old(later);
        assert_eq!((texts(&old), old.latest().number()), ([None, None, kept(&["3"]), kept(&[])], 3));
    }

    #[test]
    fn the_list_is_no_longer_than_what_may_be_kept_and_gives_back_what_it_had() {
        let mut replay = replay(&Recovery::default(), 1..=5000);
        assert_eq!((replay.events.len(), replay.events.capacity()), (1024, 1024));
        replay.forget_old(Instant::now() + Duration::from_mins(3));
        assert_eq!((replay.events.len(), replay.events.capacity(), replay.latest().number()), (0, 0, 5000));
    }
}
