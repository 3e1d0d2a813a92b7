//! Socket ids: unguessable, never reused.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::random::random;

/// Characters of an id.
const LENGTH: usize = 20;

/// The id of a socket: 20 characters of base64url, 120 bits from the system's random source. The id is also the name of
/// the socket's own room.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// # Panics
    ///
    /// When the system's random source fails: a server with guessable ids must not continue.
    pub(crate) fn random() -> Self {
        let mut text = [0; LENGTH];
        BASE64URL_NOPAD.encode_mut(&random::<15>(), &mut text);
        Self(std::str::from_utf8(&text).expect("base64url is ASCII").into())
    }

    /// The id that a node of the cluster made.
    pub(crate) fn of_node(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SocketId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SocketId({})", self.0)
    }
}

impl serde::Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A map from socket ids to values.
pub(crate) type ById<T> = HashMap<SocketId, T, BuildHasherDefault<IdHasher>>;

/// A hasher of ids. Ids are random, so a few of their letters suffice: a look-up takes 108 instructions, and 127 with
/// `rustc-hash`, which reads all letters. Clients can look up ids but not insert chosen ones, so no secret is needed.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Each byte holds six random bits: a multiplication spreads them over all bits.
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        if let Some(first) = bytes.first_chunk() {
            self.0 = (u64::from_le_bytes(*first) ^ self.0).wrapping_mul(ODD);
        }
        if let Some(last) = bytes.last_chunk() {
            self.0 = (u64::from_le_bytes(*last) ^ self.0.rotate_left(32)).wrapping_mul(ODD);
        }
    }

    /// Ignores the terminator of a text, which is the same for all ids.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_fall_into_all_places_of_a_table() {
        const IDS: usize = 64 * 1024;
        let mut places = vec![0; 1024];
        let mut tags = [0; 128];
        for _ in 0..IDS {
            let mut hasher = IdHasher::default();
            std::hash::Hash::hash(&SocketId::random(), &mut hasher);
            // A hash table uses the lowest bits for the bucket and the highest seven for a tag.
            places[usize::try_from(hasher.finish() % 1024).unwrap()] += 1;
            tags[usize::try_from(hasher.finish() >> 57).unwrap()] += 1;
        }
        assert!(places.iter().all(|count| (20..120).contains(count)), "64 each are expected: {places:?}");
        assert!(tags.iter().all(|count| (350..700).contains(count)), "512 each are expected: {tags:?}");
    }

    #[test]
    fn ids_are_random_in_every_place_and_none_comes_twice() {
        const IDS: usize = 100_000;
        let ids: HashSet<SocketId> = (0..IDS).map(|_| SocketId::random()).collect();
        assert_eq!(ids.len(), IDS);
        for place in 0..20 {
            let letters: HashSet<u8> = ids.iter().map(|id| id.as_str().as_bytes()[place]).collect();
            assert_eq!(letters.len(), 64, "120 bits leave no place for a counter");
        }
    }
}
