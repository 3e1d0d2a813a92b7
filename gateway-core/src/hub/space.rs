//! A live namespace: its tables behind a lock that is held for look-ups only.

use std::sync::{Arc, OnceLock, Weak};

use crate::hub::Hub;
use crate::hub::cluster::Cluster;
use crate::hub::event_log::EventLog;
use crate::hub::members::{JoinError, Members, Selection};
use crate::hub::recipients::Recipients;
use crate::protocol::{CustomFormat, EncodeContext, Event};
use crate::session::{Leaves, NextOffset, Offsets, Session, SocketId};
use crate::sync::{Mutex, MutexGuard, unpoisoned};

#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) name: Arc<str>,
    hub: Weak<Hub>,
    offsets: Arc<Offsets>,
    custom_format: Arc<CustomFormat>,
    members: Mutex<Members>,
    cluster: OnceLock<Arc<Cluster>>,
    /// Events on their way through the log of the cluster, if it keeps one.
    event_log: OnceLock<Arc<EventLog>>,
}

impl Space {
    pub(super) fn new(name: Arc<str>, hub: &Arc<Hub>) -> Self {
        let (offsets, custom_format) = (Arc::clone(&hub.offsets), Arc::clone(&hub.custom_format));
        Self {
            name,
            hub: Arc::downgrade(hub),
            offsets,
            custom_format,
            members: Mutex::default(),
            cluster: OnceLock::new(),
            event_log: OnceLock::new(),
        }
    }

    /// Connects the namespace to the server's cluster.
    pub(super) fn set_cluster(&self, cluster: &Arc<Cluster>) {
        let _ = self.cluster.set(Arc::clone(cluster));
        if let Some(log) = cluster.log() {
            let _ = self.event_log.set(log.events_of(&self.name));
        }
        let rooms = if cluster.routes_rooms { self.lock().watch_rooms(cluster.routes_sockets) } else { Vec::new() };
        cluster.interest.mark(&self.name, rooms);
    }

    /// The server's part in its cluster, if it is in one.
    #[inline]
    pub(crate) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.get()
    }

    /// The events on their way through the log of the cluster, if it keeps one and the server has recovery.
    pub(crate) fn event_log(&self) -> Option<&EventLog> {
        self.event_log.get().map(Arc::as_ref)
    }

    /// Reports the rooms that got their first member or lost their last.
    fn report_rooms(&self, mut members: MutexGuard<'_, Members>) {
        if let Some(changed) = members.take_changed_rooms()
            && let Some(cluster) = self.cluster.get()
        {
            cluster.interest.mark(&self.name, changed);
        }
    }

    /// Notes an event that its contract does not list. Only debug builds look, so that a sent event costs the same with a contract.
    #[inline]
    #[cfg_attr(not(feature = "contract"), allow(clippy::unused_self, reason = "nothing is listed without a contract"))]
    pub(crate) fn note_typed<E: Event>(&self) {
        #[cfg(feature = "contract")]
        if cfg!(debug_assertions)
            && let Some(hub) = self.hub.upgrade()
        {
            hub.unlisted.note(&self.name, E::NAME);
        }
    }

    /// Parameters of encoding that do not depend on a socket's format.
    pub(crate) fn encode_context(&self) -> EncodeContext<'_> {
        EncodeContext { namespace: &self.name, own: self.custom_format.get() }
    }

    pub(crate) fn enter(&self, session: &Arc<Session>) {
        let mut members = self.lock();
        members.insert(Arc::clone(session));
        self.report_rooms(members);
    }

    /// Replaces a disconnected session by the new session of its client, in every room.
    pub(crate) fn replace(&self, session: &Arc<Session>) {
        self.lock().replace(session);
    }

    /// Adds a session from another node to its rooms, at one moment among the events of this node.
    pub(crate) fn take_in(&self, session: &Arc<Session>, rooms: &[String]) {
        let enter = || {
            let mut members = self.lock();
            members.take_in(session, rooms);
            self.report_rooms(members);
        };
        match self.event_log() {
            Some(log) => {
                log.let_in(session, enter, |selection| self.leaves_while_meant(&session.id, selection).is_some());
            }
            None => enter(),
        }
    }

    /// Returns `true` if the session is in the namespace.
    pub(crate) fn has(&self, session: &Session) -> bool {
        self.lock().has(session)
    }

    /// Notes for other nodes that the rooms or the data of a socket have changed.
    pub(crate) fn note_change(&self, id: &SocketId) {
        let Some(log) = self.cluster.get().and_then(|cluster| cluster.log()) else { return };
        let session = self.lock().find(id).cloned();
        if let Some(session) = session {
            log.sessions.touch(&session);
        }
    }

    pub(crate) fn exit(&self, session: &Arc<Session>) {
        let mut members = self.lock();
        members.remove(session);
        self.report_rooms(members);
    }

    /// Returns `true` if sockets may be disconnected and still resume.
    pub(crate) fn recovers(&self) -> bool {
        self.offsets.is_on()
    }

    /// The offset of the next event, if sent events are kept for recovery.
    #[inline]
    pub(crate) fn next_offset(&self) -> NextOffset {
        self.offsets.next()
    }

    pub(crate) fn join(&self, id: &SocketId, room: &str) -> Result<(), JoinError> {
        let mut members = self.lock();
        let joined = members.join(id, room);
        self.report_rooms(members);
        self.note_change(id);
        joined
    }

    pub(crate) fn name_user(&self, id: &SocketId, user: &str) {
        let mut members = self.lock();
        members.name_user(id, user);
        self.report_rooms(members);
        self.note_change(id);
    }

    pub(crate) fn forget_user(&self, id: &SocketId) {
        let mut members = self.lock();
        if members.forget_user(id) {
            self.report_rooms(members);
            self.note_change(id);
        }
    }

    pub(crate) fn user_of(&self, id: &SocketId) -> Option<String> {
        self.lock().user_of(id)
    }

    /// Removes the socket from the room; returns `true` if it was in. Later no broadcast to the room is queued for it, even
    /// if a sender has already listed it.
    pub(crate) fn leave(&self, id: &SocketId, room: &str) -> bool {
        let mut members = self.lock();
        let left = members.leave(id, room);
        self.report_rooms(members);
        if let Some((session, leave)) = &left {
            session.outbox.note_leave(*leave);
            self.note_change(id);
        }
        left.is_some()
    }

    pub(crate) fn leaves_while_meant(&self, id: &SocketId, selection: &Selection) -> Option<Leaves> {
        self.lock().leaves_while_meant(id, selection)
    }

    pub(crate) fn is_in(&self, id: &SocketId, room: &str) -> bool {
        self.lock().is_in(id, room)
    }

    pub(crate) fn rooms_of(&self, id: &SocketId) -> Vec<String> {
        self.lock().rooms_of(id)
    }

    /// The rooms of a socket, with its user's room.
    pub(crate) fn every_room_of(&self, id: &SocketId) -> Vec<String> {
        self.lock().every_room_of(id)
    }

    /// The names of all rooms, with users' rooms and the sockets' own.
    pub(crate) fn every_room(&self) -> Vec<String> {
        self.lock().every_room()
    }

    /// Returns `true` if the room has a member.
    pub(crate) fn has_room(&self, room: &str) -> bool {
        self.lock().has_room(room)
    }

    pub(crate) fn rooms(&self) -> Vec<(String, usize)> {
        self.lock().rooms()
    }

    pub(crate) fn users(&self) -> Vec<(String, usize)> {
        self.lock().users()
    }

    pub(crate) fn room_counts(&self) -> (usize, usize) {
        self.lock().room_counts()
    }

    pub(crate) fn select(&self, selection: &Selection) -> Recipients {
        self.lock().select(selection)
    }

    pub(crate) fn count(&self, selection: &Selection) -> usize {
        self.lock().count(selection)
    }

    /// Runs `look` on the tables, so that nothing changes meanwhile.
    #[cfg(feature = "admin")]
    pub(super) fn observe<T>(&self, look: impl FnOnce(&Members) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        unpoisoned(self.members.lock())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.forget(&self.name);
        }
    }
}
