//! An event for many sockets, encoded at most once per wire format.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::protocol::deflate::{Deflating, LARGEST_WINDOW, SMALLEST_WINDOW};
use crate::protocol::{ContentRef, EncodeContext, Encoded, Key, Outgoing, WireFormat};

/// Maximum size of a merged burst: one write.
const LONGEST_BURST: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct SharedEvent<'a> {
    encode_context: EncodeContext<'a>,
    event: &'a str,
    content: ContentRef<'a>,
    offset: Option<String>,
    before: PreviousFrames,
    /// The event's key, if it is replaceable.
    key: Option<Arc<Key>>,
    worth: Compress,
    pieces: [OnceCell<Piece>; WireFormat::COUNT],
    /// Compressed forms, created on demand.
    deflated: OnceCell<Box<[ByWindow; WireFormat::COUNT]>>,
}

/// Compressed forms by window; nearly all clients use the same. `None` if compressing does not pay.
type ByWindow = [OnceCell<Option<Encoded>>; (LARGEST_WINDOW - SMALLEST_WINDOW + 1) as usize];

/// The sender's choice about compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compress {
    Compressing,
    Nothing,
}

/// The frames last sent to the same sockets, per format.
pub(crate) type PreviousFrames = [Option<Encoded>; WireFormat::COUNT];

/// The frame for sockets of one format.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) frame: Encoded,
    /// Length of the frame in bytes, stored here so that a delivery does not read the frame.
    pub(crate) bytes: usize,
    /// The frame merged with the previous one, if any.
    pub(crate) joined: Option<Joined>,
}

/// A merged frame that replaces the previous one if that is still queued.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) before: Encoded,
    pub(crate) both: Encoded,
}

impl<'a> SharedEvent<'a> {
    pub(crate) fn new(
        encode_context: EncodeContext<'a>,
        event: &'a str,
        content: ContentRef<'a>,
        offset: Option<String>,
    ) -> Self {
        let (pieces, deflated) = Default::default();
        Self {
            encode_context,
            event,
            content,
            offset,
            before: PreviousFrames::default(),
            key: None,
            worth: Compress::Compressing,
            pieces,
            deflated,
        }
    }

    /// Sets the frames last sent to the same sockets.
    pub(crate) fn behind(mut self, before: PreviousFrames) -> Self {
        self.before = before;
        self
    }

    /// Sets the key of a replaceable event.
    pub(crate) fn with_key(self, key: Arc<Key>) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Sets the sender's choice about compression.
    pub(crate) fn worth(self, worth: Compress) -> Self {
        Self { worth, ..self }
    }

    /// The frame for a socket of this format; cloning it copies no payload.
    #[inline]
    pub(crate) fn frame(&self, format: WireFormat) -> &Encoded {
        &self.piece(format).frame
    }

    /// The compressed frame; uncompressed if compression does not pay.
    pub(crate) fn deflated(&self, format: WireFormat, how: Deflating) -> &Encoded {
        let plain = self.frame(format);
        if self.worth == Compress::Nothing {
            return plain;
        }
        let by_window = &self.deflated.get_or_init(Box::default)[format as usize];
        let deflated = &by_window[usize::from(how.window - SMALLEST_WINDOW)];
        deflated.get_or_init(|| plain.deflated(how)).as_ref().unwrap_or(plain)
    }

    /// Returns the frames last sent to the sockets, including this event.
    pub(crate) fn into_latest(self) -> PreviousFrames {
        let mut latest = self.before;
        for (latest, piece) in latest.iter_mut().zip(self.pieces) {
            if let Some(Piece { frame, joined, .. }) = piece.into_inner() {
                *latest = Some(joined.map_or(frame, |joined| joined.both));
            }
        }
        latest
    }

    /// The frame for a socket of this format, with the merged frame.
    #[inline]
    pub(crate) fn piece(&self, format: WireFormat) -> &Piece {
        self.pieces[format as usize].get_or_init(|| self.encode(format))
    }

    fn encode(&self, format: WireFormat) -> Piece {
        let offset = self.offset.as_deref();
        let outgoing = Outgoing::Event { event: self.event, content: self.content, offset };
        let frame = format.encode(self.encode_context, &outgoing);
        let frame = match &self.key {
            None => frame.into_shared(),
            Some(key) => frame.into_keyed(key),
        };
        let before = self.before[format as usize].as_ref();
        let joined = before.filter(|before| before.len() + frame.len() <= LONGEST_BURST);
        let joined = joined.map(|before| Joined { before: before.clone(), both: before.joined(&frame) });
        Piece { bytes: frame.len(), frame, joined }
    }
}
