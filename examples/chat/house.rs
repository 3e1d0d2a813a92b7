//! State of this server: names in use here, and the latest messages. Knows no events and no other servers.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::SocketId;

use crate::events::Posted;

pub(crate) const LOBBY: &str = "lobby";
const REMEMBERED: usize = 50;

/// Number of bits of a message's id that tell servers apart.
const SERVER_BITS: u32 = 10;

/// One for the whole server; a clone is the same house.
#[derive(Clone, Debug)]
pub(crate) struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seats: Mutex<HashMap<String, Seat>>,
    said: Mutex<HashMap<String, VecDeque<Posted>>>,
    last_time: AtomicU64,
    /// Tells this server's messages from those of others.
    server: u64,
    counting: tokio::sync::Mutex<()>,
}

/// A nickname in use. The key is known to one browser tab: who brings it again is the same person coming back.
#[derive(Debug)]
struct Seat {
    key: String,
    socket: SocketId,
}

/// The nickname belongs to somebody else.
#[derive(Debug)]
pub(crate) struct Taken;

impl House {
    pub(crate) fn new() -> Self {
        let server = RandomState::new().build_hasher().finish() % (1 << SERVER_BITS);
        let (seats, said, last_time, counting) = Default::default();
        Self(Arc::new(Inner { seats, said, last_time, server, counting }))
    }

    /// Held while a room is counted and the number is told, so that the number that is told last is the true one.
    pub(crate) async fn counting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.counting.lock().await
    }

    /// Seats a socket; says which socket sat there before, if it is the same person's.
    pub(crate) fn sit(&self, nickname: &str, key: &str, socket: &SocketId) -> Result<Option<SocketId>, Taken> {
        let mut seats = lock(&self.0.seats);
        let taken = seats.get(&nickname.to_lowercase()).is_some_and(|seat| key.is_empty() || seat.key != key);
        if taken {
            return Err(Taken);
        }
        let seat = Seat { key: key.to_owned(), socket: socket.clone() };
        Ok(seats.insert(nickname.to_lowercase(), seat).map(|before| before.socket))
    }

    /// Frees the seat, unless another socket of the same person has it by now.
    pub(crate) fn stand_up(&self, nickname: &str, socket: &SocketId) {
        let mut seats = lock(&self.0.seats);
        if seats.get(&nickname.to_lowercase()).is_some_and(|seat| seat.socket == *socket) {
            seats.remove(&nickname.to_lowercase());
        }
    }

    /// Gives a message its id and time, and remembers it. Ids grow with the time, also over a restart.
    pub(crate) fn record(&self, room: String, from: String, text: String, tag: u64) -> Posted {
        let at = now();
        let later = |last: u64| Some(at.max(last + 1));
        let last = self.0.last_time.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or_default();
        let id = (at.max(last + 1) << SERVER_BITS) + self.0.server;
        let message = Posted { id, room, from, text, at, tag };
        self.remember(message.clone());
        message
    }

    /// Remembers a message in its place; one that is known already changes nothing.
    pub(crate) fn remember(&self, message: Posted) {
        let mut said = lock(&self.0.said);
        let history = said.entry(message.room.clone()).or_default();
        let Err(place) = history.binary_search_by_key(&message.id, |known| known.id) else { return };
        history.insert(place, message);
        if history.len() > REMEMBERED {
            history.pop_front();
        }
    }

    pub(crate) fn history(&self, room: &str) -> Vec<Posted> {
        lock(&self.0.said).get(room).map(|history| history.iter().cloned().collect()).unwrap_or_default()
    }

    /// Drops the messages of a room with its last member.
    pub(crate) fn forget(&self, room: &str) {
        if room != LOBBY {
            lock(&self.0.said).remove(room);
        }
    }
}

/// Milliseconds since 1970, which is what a browser counts in.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
