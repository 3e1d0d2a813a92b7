//! Names of sockets: unguessable, never reused.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::random::random;

/// Characters of an id.
const LENGTH: usize = 20;

/// The name of one socket: 20 characters of base64url, 120 bits from the system's random source. It is also the name of
/// the room that holds this socket alone.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// # Panics
    ///
    /// When the system has no randomness to give: a server that guesses its ids must not go on.
    pub(crate) fn random() -> Self {
        let mut text = [0; LENGTH];
        BASE64URL_NOPAD.encode_mut(&random::<15>(), &mut text);
        Self(std::str::from_utf8(&text).expect("base64url is ASCII").into())
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

/// Something for each of many sockets.
pub(crate) type ById<T> = HashMap<SocketId, T, BuildHasherDefault<IdHasher>>;

/// Ids are random themselves, so that a few of their letters tell them apart. Clients may look others up and put none in,
/// which is what a hash with a secret is for.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        // A letter holds six bits in one byte of eight: a product spreads them over all.
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        if let Some(first) = bytes.first_chunk() {
            self.0 = (u64::from_le_bytes(*first) ^ self.0).wrapping_mul(ODD);
        }
        if let Some(last) = bytes.last_chunk() {
            self.0 = (u64::from_le_bytes(*last) ^ self.0.rotate_left(32)).wrapping_mul(ODD);
        }
    }

    /// Ignores the terminator of a text, which all ids have.
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
            // A table takes the lowest bits for the place and the highest seven for a tag.
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
