//! State of the chat: names in use, and the latest messages. Knows no events.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::SocketId;

use crate::events::Posted;

pub(crate) const LOBBY: &str = "lobby";
const REMEMBERED: usize = 50;

/// One for the whole chat; a clone is the same house.
#[derive(Clone, Debug)]
pub(crate) struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seats: Mutex<HashMap<String, Seat>>,
    said: Mutex<HashMap<String, VecDeque<Posted>>>,
    last_id: AtomicU64,
    moves: Mutex<()>,
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
        // Ids go on growing over a restart, so that pages that stay open can tell old from new.
        let last_id = AtomicU64::new(now());
        Self(Arc::new(Inner { seats: Mutex::default(), said: Mutex::default(), last_id, moves: Mutex::default() }))
    }

    /// Held while somebody comes or goes and the others are told, so that the number that is told last is the true one.
    pub(crate) fn moves(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.moves)
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

    /// Gives a message its id and time, and remembers it.
    pub(crate) fn record(&self, room: String, from: String, text: String, tag: u64) -> Posted {
        let id = self.0.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let message = Posted { id, room: room.clone(), from, text, at: now(), tag };
        let mut said = lock(&self.0.said);
        let history = said.entry(room).or_default();
        history.push_back(message.clone());
        if history.len() > REMEMBERED {
            history.pop_front();
        }
        message
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
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
