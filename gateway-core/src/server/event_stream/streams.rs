//! The event streams of a server, by the ids that their POSTs name.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use data_encoding::BASE64URL_NOPAD;

use crate::random::random;
use crate::sync::lock;
use crate::transport::EventStreamPeer;

/// The id of a stream: 144 bits of the system's random source. Whoever knows the id speaks for the client, so it is never
/// logged.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct StreamId([u8; 18]);

impl StreamId {
    /// # Panics
    ///
    /// If the system's random source fails.
    pub(super) fn random() -> Self {
        Self(random())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(super) fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StreamId(..)")
    }
}

/// A stream with the concrete name of its namespace.
#[derive(Clone, Debug)]
struct KnownStream {
    namespace: String,
    peer: EventStreamPeer,
}

/// All streams of a server.
#[derive(Debug, Default)]
pub(super) struct EventStreams(Mutex<HashMap<StreamId, KnownStream>>);

impl EventStreams {
    /// Adds a stream until the returned entry is dropped.
    pub(super) fn enter(self: &Arc<Self>, id: StreamId, namespace: String, peer: EventStreamPeer) -> StreamEntry {
        self.lock().insert(id, KnownStream { namespace, peer });
        StreamEntry { streams: Arc::clone(self), id }
    }

    /// Finds the stream with this id in a namespace.
    pub(super) fn find(&self, id: &str, namespace: &str) -> Option<EventStreamPeer> {
        let id = StreamId::parse(id)?;
        self.lock().get(&id).filter(|stream| stream.namespace == namespace).map(|stream| stream.peer.clone())
    }

    fn leave(&self, id: StreamId) {
        let mut table = self.lock();
        let stream = table.remove(&id);
        if table.len() * 4 < table.capacity() {
            // A burst of streams leaves no large table behind.
            let room = table.len() * 2;
            table.shrink_to(room);
        }
        drop(table);
        drop(stream);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, KnownStream>> {
        lock(&self.0)
    }
}

/// A stream in the table. Dropping the entry removes it.
#[derive(Debug)]
pub(super) struct StreamEntry {
    streams: Arc<EventStreams>,
    id: StreamId,
}

impl Drop for StreamEntry {
    fn drop(&mut self) {
        self.streams.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{EventStream, NewEventStream};

    #[test]
    fn a_stream_is_found_in_its_namespace_until_it_leaves() {
        let streams = Arc::<EventStreams>::default();
        let id = StreamId::random();
        let (_transport, _, peer) = EventStream::new(NewEventStream::ForOneRequest);
        let entry = streams.enter(id, "/chat".to_owned(), peer);
        let is_found = |text: &str, namespace| streams.find(text, namespace).is_some();
        assert!(is_found(&id.to_text(), "/chat"));
        assert!(!is_found(&id.to_text(), "/other"));
        for wrong in ["", "abc", &id.to_text()[1..], &format!("{}a", id.to_text()), "aaaaaaaaaaaaaaaaaaaaaaa€"] {
            assert!(!is_found(wrong, "/chat"), "{wrong:?}");
        }
        drop(entry);
        assert!(!is_found(&id.to_text(), "/chat"));
        assert_eq!(format!("{id:?}"), "StreamId(..)");
    }
}
