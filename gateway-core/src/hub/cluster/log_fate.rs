//! The outcome of a message that is written to the engine's log.

use std::sync::Mutex;

use crate::hub::cluster::engine::Published;
use crate::protocol::OffsetNumber;
use crate::sync::lock;

/// The outcome of a message for the log, shared by its sender and the publisher.
#[derive(Debug, Default)]
pub(crate) struct LogFate(Mutex<Fate>);

#[derive(Clone, Copy, Debug, Default)]
enum Fate {
    /// Not known yet, or written at an offset that the engine did not tell.
    #[default]
    Unknown,
    /// Written as this entry.
    At(OffsetNumber),
    /// The engine does not carry it: no entry is read back.
    Dropped,
}

impl LogFate {
    /// Notes the engine's result.
    pub(super) fn settle(&self, published: &Published) {
        let offset = published.offset.as_deref().and_then(OffsetNumber::of_entry);
        let fate = match offset {
            Some(offset) => Fate::At(offset),
            None if published.dropped => Fate::Dropped,
            None => Fate::Unknown,
        };
        *lock(&self.0) = fate;
    }

    /// The offset of the entry, if known.
    pub(crate) fn offset(&self) -> Option<OffsetNumber> {
        match *lock(&self.0) {
            Fate::At(offset) => Some(offset),
            Fate::Unknown | Fate::Dropped => None,
        }
    }

    /// Returns `true` if the entry is known to be before this one, or not to come at all.
    pub(crate) fn is_before(&self, offset: OffsetNumber) -> bool {
        match *lock(&self.0) {
            Fate::At(own) => own.number() < offset.number(),
            Fate::Dropped => true,
            Fate::Unknown => false,
        }
    }
}
