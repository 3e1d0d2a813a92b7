//! Names of sockets: unguessable, never reused.

use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

/// The name of one socket: 20 characters of base64url, 120 bits from the system's random source. It is also the name of
/// the room that holds this socket alone.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// # Panics
    ///
    /// When the system has no randomness to give: a server that guesses its ids must not go on.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes).expect("the system's random source works");
        Self(BASE64URL_NOPAD.encode(&bytes).into())
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

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
