//! The tables of one namespace: sockets, rooms, and both directions between them. Plain data, no lock.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use crate::error::Exception;
use crate::hub::recipients::Recipients;
use crate::protocol::cluster::USER_ROOM;
use crate::session::{ById, Leaves, Session, SocketId};

/// Invariants: a room exists while it has a socket; a socket's list of rooms and the rooms' lists of sockets agree.
#[derive(Debug, Default)]
pub(crate) struct Members {
    sockets: ById<Member>,
    rooms: HashMap<Arc<str>, Room>,
    /// Cached list of all sockets; cleared when a socket is added or removed.
    listed: Option<Sessions>,
    leaves: Leaves,
    /// Rooms that got their first member or lost their last since they were taken; `None` if nobody asks.
    changed_rooms: Option<Vec<Arc<str>>>,
    /// Set if the sockets' own rooms are among the changed ones.
    watches_sockets: bool,
}

/// A list of sessions, shared by broadcasts.
pub(crate) type Sessions = Arc<[Arc<Session>]>;

#[derive(Debug, Default)]
struct Room {
    members: ById<Arc<Session>>,
    listed: Option<Sessions>,
}

#[derive(Debug)]
struct Member {
    session: Arc<Session>,
    /// The limit keeps the list short, so a linear search is as fast as a table.
    rooms: Vec<Arc<str>>,
}

/// The room of a user's sockets.
pub(crate) fn user_room(user: &str) -> String {
    format!("{USER_ROOM}{user}")
}

/// Tells pages of administrators that a socket joined a room.
fn note_join(session: &Session, room: &str) {
    if let Some(feed) = session.telemetry.admin_feed() {
        feed.joined(&session.namespace, room, session.id.as_str());
    }
}

/// Tells them that it left.
fn note_leave(session: &Session, room: &str) {
    if let Some(feed) = session.telemetry.admin_feed() {
        feed.left(&session.namespace, room, session.id.as_str());
    }
}

/// Returns `true` for the rooms of users, which nobody joins by name.
pub(crate) fn is_user_room(room: &str) -> bool {
    room.starts_with(USER_ROOM)
}

/// The user of a user's room.
pub(crate) fn user_of_room(room: &str) -> Option<&str> {
    room.strip_prefix(USER_ROOM)
}

impl Member {
    /// Rooms joined by name, without user rooms.
    fn own_rooms(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rooms.iter().filter(|room| !is_user_room(room))
    }

    fn is_in(&self, room: &str) -> bool {
        self.rooms.iter().any(|joined| **joined == *room)
    }

    /// Removes a room; returns `true` if the socket was in it.
    fn forget(&mut self, room: &str) -> bool {
        let place = self.rooms.iter().position(|joined| **joined == *room);
        place.map(|place| self.rooms.swap_remove(place)).is_some()
    }
}

/// The sockets a target selects. A socket's id is the name of its own room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Empty means all sockets.
    pub(crate) rooms: Vec<String>,
    pub(crate) except: Vec<String>,
}

/// Reason why a socket did not join a room.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket is in the maximum number of rooms.
    #[error("the socket is in too many rooms")]
    TooMany,
    /// The name is another socket's id, which names that socket's own room, or is reserved by the server.
    #[error("the room belongs to another socket")]
    Private,
    /// A guard refused, with this exception.
    #[error("{0}")]
    Refused(Exception),
    /// The socket has disconnected.
    #[error("the socket is gone")]
    Gone,
}

/// Refusals are equal whose text and code are.
impl PartialEq for JoinError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::TooMany, Self::TooMany) | (Self::Private, Self::Private) | (Self::Gone, Self::Gone) => true,
            (Self::Refused(exception), Self::Refused(other)) => exception.to_string() == other.to_string(),
            (Self::TooMany | Self::Private | Self::Refused(_) | Self::Gone, _) => false,
        }
    }
}

impl Eq for JoinError {}

impl Members {
    pub(crate) fn insert(&mut self, session: Arc<Session>) {
        self.listed = None;
        self.note_socket(&session.id);
        note_join(&session, session.id.as_str());
        self.sockets.insert(session.id.clone(), Member { session, rooms: Vec::new() });
    }

    /// Replaces the session with this id by a new one, in every room.
    pub(crate) fn replace(&mut self, session: &Arc<Session>) {
        let Some(member) = self.sockets.get_mut(&session.id) else { return self.insert(Arc::clone(session)) };
        self.listed = None;
        member.session = Arc::clone(session);
        for room in &member.rooms {
            if let Some(room) = self.rooms.get_mut(room) {
                room.listed = None;
                room.members.insert(session.id.clone(), Arc::clone(session));
            }
        }
    }

    /// Adds a session from another node to the namespace and its rooms.
    pub(crate) fn take_in(&mut self, session: &Arc<Session>, rooms: &[String]) {
        if let Some(stale) = self.sockets.get(&session.id).map(|member| Arc::clone(&member.session)) {
            self.remove(&stale);
        }
        self.insert(Arc::clone(session));
        for room in rooms.iter().filter(|room| room.as_str() != session.id.as_str()) {
            // It was just inserted.
            let _ = self.enter(&session.id, room);
        }
    }

    /// The sessions with their rooms, at most so many.
    #[cfg(feature = "admin")]
    pub(crate) fn with_rooms(&self, most: usize) -> Vec<(Arc<Session>, Vec<Arc<str>>)> {
        let members = self.sockets.values().take(most);
        members.map(|member| (Arc::clone(&member.session), member.rooms.clone())).collect()
    }

    /// Returns `true` if the namespace has this session.
    pub(crate) fn has(&self, session: &Session) -> bool {
        self.sockets.get(&session.id).is_some_and(|member| std::ptr::eq(&raw const *member.session, session))
    }

    /// The session of a socket.
    pub(crate) fn find(&self, id: &SocketId) -> Option<&Arc<Session>> {
        self.sockets.get(id).map(|member| &member.session)
    }

    /// Removes the socket from all rooms and the namespace.
    pub(crate) fn remove(&mut self, session: &Arc<Session>) {
        let id = &session.id;
        // A resumed socket already has another session.
        if !self.sockets.get(id).is_some_and(|member| Arc::ptr_eq(&member.session, session)) {
            return;
        }
        let Some(member) = self.sockets.remove(id) else { return };
        self.note_socket(id);
        self.listed = None;
        give_back(&mut self.sockets);
        for room in &member.rooms {
            self.take_out(id, room);
            note_leave(session, room);
        }
        note_leave(session, id.as_str());
    }

    pub(crate) fn join(&mut self, id: &SocketId, room: &str) -> Result<(), JoinError> {
        if room == id.as_str() {
            return Ok(());
        }
        if is_user_room(room) || self.sockets.contains_key(room) {
            return Err(JoinError::Private);
        }
        let member = self.sockets.get(id).ok_or(JoinError::Gone)?;
        if member.own_rooms().count() >= member.session.rooms && !member.is_in(room) {
            return Err(JoinError::TooMany);
        }
        self.enter(id, room)
    }

    /// Assigns the socket to a user and removes it from its earlier user, also if that one was set before a resume.
    pub(crate) fn name_user(&mut self, id: &SocketId, user: &str) {
        if let Some(before) = self.user_of(id).filter(|before| before != user) {
            self.leave(id, &user_room(&before));
        }
        // A removed socket gets no user.
        let _ = self.enter(id, &user_room(user));
    }

    /// Returns `true` if the socket belonged to a user.
    pub(crate) fn forget_user(&mut self, id: &SocketId) -> bool {
        self.user_of(id).is_some_and(|user| self.leave(id, &user_room(&user)).is_some())
    }

    /// The user the socket belongs to.
    pub(crate) fn user_of(&self, id: &SocketId) -> Option<String> {
        self.sockets.get(id)?.rooms.iter().find_map(|room| user_of_room(room)).map(str::to_owned)
    }

    fn enter(&mut self, id: &SocketId, room: &str) -> Result<(), JoinError> {
        let member = self.sockets.get_mut(id).ok_or(JoinError::Gone)?;
        if member.is_in(room) {
            return Ok(());
        }
        let name = self.rooms.get_key_value(room).map_or_else(|| Arc::from(room), |(name, _)| Arc::clone(name));
        member.rooms.push(Arc::clone(&name));
        note_join(&member.session, room);
        let entered = self.rooms.entry(name).or_insert_with_key(|name| {
            if let Some(changed) = &mut self.changed_rooms {
                changed.push(Arc::clone(name));
            }
            Room::default()
        });
        entered.listed = None;
        entered.members.insert(id.clone(), Arc::clone(&member.session));
        Ok(())
    }

    /// Removes the socket from the room. Returns its session and the number of this leave, if it was in the room.
    pub(crate) fn leave(&mut self, id: &SocketId, room: &str) -> Option<(Arc<Session>, Leaves)> {
        let member = self.sockets.get_mut(id)?;
        if !member.forget(room) {
            return None;
        }
        let session = Arc::clone(&member.session);
        self.take_out(id, room);
        note_leave(&session, room);
        self.leaves = self.leaves.next();
        Some((session, self.leaves))
    }

    pub(crate) fn rooms_of(&self, id: &SocketId) -> Vec<String> {
        let rooms = self.sockets.get(id).into_iter().flat_map(Member::own_rooms);
        rooms.map(ToString::to_string).collect()
    }

    /// The rooms of a socket, with its user's room.
    pub(crate) fn every_room_of(&self, id: &SocketId) -> Vec<String> {
        self.sockets.get(id).into_iter().flat_map(|member| &member.rooms).map(ToString::to_string).collect()
    }

    /// Returns `true` if the room has a member.
    pub(crate) fn has_room(&self, room: &str) -> bool {
        self.rooms.contains_key(room) || self.watches_sockets && self.sockets.contains_key(room)
    }

    /// Remembers from now on which rooms get their first member or lose their last, with the sockets' own rooms or without.
    /// Returns the rooms of this moment.
    pub(crate) fn watch_rooms(&mut self, with_sockets: bool) -> Vec<Arc<str>> {
        self.changed_rooms = Some(Vec::new());
        self.watches_sockets = with_sockets;
        let sockets = self.sockets.keys().filter(|_| with_sockets).map(|id| Arc::from(id.as_str()));
        self.rooms.keys().cloned().chain(sockets).collect()
    }

    /// Remembers that a socket's own room came or went.
    fn note_socket(&mut self, id: &SocketId) {
        if self.watches_sockets
            && let Some(changed) = &mut self.changed_rooms
        {
            changed.push(Arc::from(id.as_str()));
        }
    }

    /// Takes the rooms that have changed.
    pub(crate) fn take_changed_rooms(&mut self) -> Option<Vec<Arc<str>>> {
        self.changed_rooms.as_mut().filter(|changed| !changed.is_empty()).map(std::mem::take)
    }

    /// The names of all rooms, with users' rooms and the sockets' own.
    pub(crate) fn every_room(&self) -> Vec<String> {
        let own = self.sockets.keys().map(ToString::to_string);
        self.rooms.keys().map(ToString::to_string).chain(own).collect()
    }

    pub(crate) fn rooms(&self) -> Vec<(String, usize)> {
        let rooms = self.rooms.iter().filter(|(name, _)| !is_user_room(name));
        rooms.map(|(name, room)| (name.to_string(), room.members.len())).collect()
    }

    /// Users and their number of sockets.
    pub(crate) fn users(&self) -> Vec<(String, usize)> {
        let users = self.rooms.iter().filter_map(|(name, room)| Some((user_of_room(name)?, room)));
        users.map(|(user, room)| (user.to_owned(), room.members.len())).collect()
    }

    /// Number of rooms, and of sockets in them; a socket in two rooms counts twice.
    pub(crate) fn room_counts(&self) -> (usize, usize) {
        let rooms = self.rooms.iter().filter(|(name, _)| !is_user_room(name));
        rooms.fold((0, 0), |(rooms, members), (_, room)| (rooms + 1, members + room.members.len()))
    }

    /// The sockets in `rooms`, each once, before exceptions are removed.
    fn chosen(&mut self, rooms: &[String]) -> Sessions {
        match rooms {
            [] => {
                let everybody = || list(self.sockets.values().map(|member| &member.session));
                Arc::clone(self.listed.get_or_insert_with(everybody))
            }
            [room] if self.rooms.contains_key(room.as_str()) => {
                self.rooms.get_mut(room.as_str()).map_or_else(Sessions::default, Room::list)
            }
            rooms => {
                let rooms: HashSet<&String> = rooms.iter().collect();
                let mut sessions: Vec<_> = rooms.into_iter().flat_map(|room| self.in_room(room)).collect();
                sessions.sort_unstable_by_key(|session| Arc::as_ptr(session));
                sessions.dedup_by_key(|session| Arc::as_ptr(session));
                sessions.into_iter().cloned().collect()
            }
        }
    }

    /// The selected sockets, each once.
    pub(crate) fn select(&mut self, selection: &Selection) -> Recipients {
        let chosen = self.chosen(&selection.rooms);
        let (sessions, except) = self.without(chosen, &selection.except);
        Recipients { sessions, except, leaves: self.leaves }
    }

    /// Removes sockets from a list. With at most one socket to leave out the list is shared unchanged.
    fn without(&self, chosen: Sessions, except: &[String]) -> (Sessions, Option<Arc<Session>>) {
        let rooms: Vec<_> = except.iter().filter_map(|room| self.rooms.get(room.as_str())).collect();
        let mut sockets = except.iter().filter_map(|id| Some(&self.sockets.get(id.as_str())?.session));
        let first = sockets.next();
        let others: Vec<_> = sockets.collect();
        if rooms.is_empty() && others.is_empty() {
            // Lists are sorted by the sessions' addresses in memory.
            let is_listed = |one: &&Arc<Session>| chosen.binary_search_by_key(&Arc::as_ptr(one), Arc::as_ptr).is_ok();
            let one = first.filter(is_listed).cloned();
            return (chosen, one);
        }
        let is_socket = |session: &Arc<Session>| {
            first.into_iter().chain(others.iter().copied()).any(|one| Arc::ptr_eq(one, session))
        };
        let is_in_room = |session: &Session| rooms.iter().any(|room| room.members.contains_key(&session.id));
        let left = chosen.iter().filter(|session| !is_socket(session) && !is_in_room(session));
        (left.cloned().collect(), None)
    }

    /// The current number of leaves, if the socket is still selected.
    pub(crate) fn leaves_while_meant(&self, id: &SocketId, selection: &Selection) -> Option<Leaves> {
        let is_chosen = selection.rooms.is_empty() && self.sockets.contains_key(id)
            || selection.rooms.iter().any(|room| self.is_in(id, room));
        let is_excepted = selection.except.iter().any(|room| self.is_in(id, room));
        (is_chosen && !is_excepted).then_some(self.leaves)
    }

    /// Number of sockets selected.
    pub(crate) fn count(&mut self, selection: &Selection) -> usize {
        match (selection.rooms.as_slice(), selection.except.as_slice()) {
            ([], []) => self.sockets.len(),
            ([room], []) => self.in_room(room).count(),
            _ => self.select(selection).len(),
        }
    }

    fn in_room(&self, room: &str) -> impl Iterator<Item = &Arc<Session>> {
        let own = self.sockets.get(room).map(|member| &member.session);
        self.rooms.get(room).into_iter().flat_map(|room| room.members.values()).chain(own)
    }

    pub(crate) fn is_in(&self, id: &SocketId, room: &str) -> bool {
        id.as_str() == room || self.rooms.get(room).is_some_and(|room| room.members.contains_key(id))
    }

    fn take_out(&mut self, id: &SocketId, room: &str) {
        let Some(left) = self.rooms.get_mut(room) else { return };
        left.listed = None;
        left.members.remove(id);
        if left.members.is_empty() {
            if let (Some((name, _)), Some(changed)) = (self.rooms.remove_entry(room), &mut self.changed_rooms) {
                changed.push(name);
            }
            give_back(&mut self.rooms);
        } else {
            give_back(&mut left.members);
        }
    }
}

impl Room {
    fn list(&mut self) -> Sessions {
        let members = &self.members;
        Arc::clone(self.listed.get_or_insert_with(|| list(members.values())))
    }
}

/// Sorts sessions by address in memory, which is roughly the order of connecting, in the kernel's structures too. A
/// broadcast is bound by the speed of these memory accesses.
fn list<'a>(sessions: impl Iterator<Item = &'a Arc<Session>>) -> Sessions {
    let mut sessions: Vec<_> = sessions.cloned().collect();
    sessions.sort_unstable_by_key(Arc::as_ptr);
    sessions.into()
}

/// Shrinks a table that has become mostly empty. Halving at a quarter full costs each removal a constant.
pub(super) fn give_back<K: Eq + Hash, V, S: BuildHasher>(table: &mut HashMap<K, V, S>) {
    if table.capacity() > 64 && table.len() < table.capacity() / 4 {
        table.shrink_to(table.len() * 2);
    }
}
