//! The [`Target`]: a set of sockets to send to, add to rooms or disconnect.

use std::sync::Arc;

use crate::hub::cluster::Cluster;
use crate::hub::logged_target::LogRoute;
use crate::hub::members::{Selection, is_user_room, user_room};
use crate::hub::recipients::Recipients;
use crate::hub::{JoinError, RoomName, Space};
use crate::metrics::{BroadcastClock, broadcast_unsent, traced_event_span};
use crate::protocol::cluster::{BroadcastFlags, EventPacket, MessageBody, Selector};
use crate::protocol::{
    Compress, Content, Disconnect, Encoded, Event, Key, RawArgs, SharedEvent, ToArgs, TraceParent, is_reserved,
};
use crate::session::{
    BurstFrames, Delivery, EmitMode, JoinedBurst, Scope, SendError, VolatileText, burst_to, for_each, write_all_soon,
};
use crate::session::{Leaves, LoggedEvent, NextOffset, Offset, Pushed, Session, UnloggedEvent};

/// A set of sockets of one namespace, selected by rooms. More rooms widen the set; a socket in two rooms counts once.
///
/// In a cluster the set spans all nodes: events, joins, leaves and disconnects reach the sockets of other nodes too, unless
/// the target is [`local`](Target::local). Counts and lists are those of this node.
///
/// The sockets are looked up when a method acts on them, so a stored target always selects the current members.
#[derive(Clone, Debug)]
pub struct Target {
    space: Arc<Space>,
    selection: Selection,
    delivery: Delivery,
    worth: Compress,
    reach: Reach,
    trace: Option<Box<TraceParent>>,
}

/// The nodes whose sockets a target selects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    Cluster,
    ThisNode,
}

/// Result of a broadcast.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct BroadcastResult {
    /// Number of sockets whose outbox accepted the event.
    pub queued: usize,
    /// Number of sockets that read too slowly or were disconnecting. All of them if the value cannot be serialised or the
    /// event's name is reserved; this is logged as an error.
    pub skipped: usize,
    /// Set if the event reaches this node only, although the server is in a cluster: the queue to the engine is full, or the
    /// event is larger than [`message_bytes`](crate::cluster::ClusterOptions::message_bytes). The failure is logged and
    /// counted. An event that is published is not known to have arrived.
    pub not_published: bool,
}

impl Target {
    pub(crate) fn all(space: &Arc<Space>) -> Self {
        Self {
            space: Arc::clone(space),
            selection: Selection::default(),
            delivery: Delivery::Event,
            worth: Compress::Compressing,
            reach: Reach::Cluster,
            trace: None,
        }
    }

    /// Returns the sockets of this node that another node has selected.
    pub(super) fn from_selector(space: &Arc<Space>, selector: Selector) -> Self {
        let Selector { rooms, except, flags } = selector;
        Self {
            space: Arc::clone(space),
            selection: Selection { rooms, except },
            delivery: if flags.volatile { Delivery::Volatile } else { Delivery::Event },
            worth: if flags.uncompressed { Compress::Nothing } else { Compress::Compressing },
            reach: Reach::ThisNode,
            trace: flags.trace_parent.as_deref().and_then(TraceParent::parse).map(Box::new),
        }
    }

    /// Restricts the target to the sockets of this server, in a cluster of several.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.reach = Reach::ThisNode;
        self
    }

    /// Adds the sockets in `room`. A socket's id is the name of its own room.
    #[must_use]
    pub fn to(mut self, room: impl RoomName) -> Self {
        self.selection.rooms.push(room.as_ref().to_owned());
        self
    }

    /// Adds all sockets of a user that a guard set with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(self, id: impl AsRef<str>) -> Self {
        self.to(user_room(id.as_ref()))
    }

    /// Excludes the sockets in `room`, even if another selected room contains them.
    #[must_use]
    pub fn except(mut self, room: impl RoomName) -> Self {
        self.selection.except.push(room.as_ref().to_owned());
        self
    }

    /// Sends only to sockets that have nothing queued.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.delivery = Delivery::Volatile;
        self
    }

    /// Sends without compression, even to clients that negotiated it. Use this for data that is already compressed, such as
    /// pictures.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.worth = Compress::Nothing;
        self
    }

    /// Carries a trace to the other nodes of a cluster: they deliver the events of this target in a span with its value, if they
    /// are nodes of this framework.
    #[must_use]
    pub fn traced(mut self, trace: impl Into<Option<TraceParent>>) -> Self {
        self.trace = trace.into().map(Box::new);
        self
    }

    /// Sends an event by name. The event is encoded once and queued without waiting.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.say(event, data.to_args(), None)
    }

    /// Sends an event of which only the latest matters, such as a cursor's position. An older event of the same name and
    /// `key` that is still queued for a socket is removed from its queue. The new event goes to the end of the queue, so every
    /// socket receives events in the same order, without outdated ones. A volatile target sends it like any other event.
    ///
    /// ```no_run
    /// # fn example(socket: gateway_core::Socket) {
    /// socket.to("board").emit_latest("cursor", socket.id(), &[120, 80]);
    /// # }
    /// ```
    pub fn emit_latest<T: ToArgs + ?Sized>(&self, event: &str, key: impl AsRef<str>, data: &T) -> BroadcastResult {
        self.say(event, data.to_args(), Some(key.as_ref()))
    }

    /// Sends a typed event that replaces an older one that is still queued; see [`Target::emit_latest`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send_latest(id, Moved { .. })`")]
    pub fn send_latest<E: Event>(&self, key: impl AsRef<str>, event: E) -> BroadcastResult {
        self.space.note_typed::<E>();
        self.say(E::NAME, RawArgs::event(&event), Some(key.as_ref()))
    }

    /// Pushes to each recipient and returns how many accepted the frame. If a socket left a room after the list was made and
    /// is still selected, the push is repeated once.
    ///
    /// `push` has one call site, so that the compiler inlines it into the loop.
    #[inline]
    fn push_to(
        &self,
        recipients: &Recipients,
        mut push: impl FnMut(&Arc<Session>, Leaves) -> Result<Pushed, SendError>,
    ) -> usize {
        let mut queued = 0;
        let except = recipients.except.as_ref().map_or(std::ptr::null(), Arc::as_ptr);
        let mut left: Vec<(Arc<Session>, Leaves)> = Vec::new();
        let mut once_more: Arc<Session>;
        let (mut sessions, mut leaves) = (&recipients.sessions[..], recipients.leaves);
        loop {
            for_each(sessions, |session| {
                if Arc::as_ptr(session) == except {
                    return;
                }
                match push(session, leaves) {
                    Ok(_) => queued += 1,
                    Err(SendError::Closed) => {
                        let once_more = self.leaves_once_more(session, leaves);
                        left.extend(once_more.map(|leaves| (Arc::clone(session), leaves)));
                    }
                    Err(SendError::Full | SendError::Unserializable | SendError::Reserved) => {}
                }
            });
            let Some((session, listed)) = left.pop() else { return queued };
            once_more = session;
            (sessions, leaves) = (std::slice::from_ref(&once_more), listed);
        }
    }

    /// Current leaves of a socket that is still selected; [`Leaves::ANY`] the second time, and then `None`.
    #[cold]
    fn leaves_once_more(&self, session: &Session, listed: Leaves) -> Option<Leaves> {
        if listed == Leaves::ANY {
            return None;
        }
        let leaves = self.space.leaves_while_meant(&session.id, &self.selection)?;
        Some(if leaves == listed { Leaves::ANY } else { leaves })
    }

    /// Queues one frame for one recipient; [`SendError::Closed`] if it is not selected any more.
    pub(crate) fn push_frame(
        &self,
        (session, mut listed): (&Arc<Session>, Leaves),
        frame: &Encoded,
        delivery: Delivery,
    ) -> Result<(), SendError> {
        if frame.is_nothing() {
            return Ok(());
        }
        loop {
            match session.outbox.push_listed(session.outbox.ready(frame.clone()), delivery, listed) {
                Err(SendError::Closed) => {
                    listed = self.leaves_once_more(session, listed).ok_or(SendError::Closed)?;
                }
                pushed => return pushed.map(|pushed| session.write_after(pushed)),
            }
        }
    }

    /// Notifies listeners. Returns a clock that measures until it is dropped, if broadcasts are measured.
    fn notify<'a>(&self, recipients: &'a Recipients, event: &str, content: &Content) -> Option<BroadcastClock<'a>> {
        let listeners = recipients.sessions.first().and_then(|session| session.telemetry.listeners())?;
        listeners.count_sent(&self.space.name, event, recipients.len());
        let sockets = recipients.iter().map(|session| session.id.as_str());
        listeners.outgoing(&self.space.name, sockets, event, content.borrowed());
        listeners.meters().map(|meters| meters.wire.broadcast(recipients.len()))
    }

    fn say(&self, event: &str, args: Result<RawArgs, serde_json::Error>, key: Option<&str>) -> BroadcastResult {
        self.say_to(&self.select(), event, args, key, None)
    }

    /// Sends an event to the recipients. With a `key` the event replaces a queued older one, unless the target is volatile. An
    /// event from the log of the cluster has an offset.
    pub(super) fn say_to(
        &self,
        recipients: &Recipients,
        event: &str,
        args: Result<RawArgs, serde_json::Error>,
        key: Option<&str>,
        logged: Option<Offset>,
    ) -> BroadcastResult {
        let Some(content) = self.content(event, args) else {
            return BroadcastResult { skipped: recipients.len(), ..BroadcastResult::default() };
        };
        let clock = self.notify(recipients, event, &content);
        let mode = self.mode(key);
        let offset = match (mode, logged) {
            (EmitMode::Volatile, _) => None,
            (EmitMode::Event | EmitMode::LatestOf(_), Some(offset)) => Some(offset),
            (EmitMode::Event | EmitMode::LatestOf(_), None) => match self.space.next_offset() {
                NextOffset::Off => None,
                NextOffset::Assigned(offset) => Some(offset),
                NextOffset::FromLog => return self.say_logged(recipients, event, content, key),
            },
        };
        let (encoding, number) = (self.space.encode_context(), offset.map(Offset::position));
        let shared = SharedEvent::new(encoding, event, content.borrowed(), number).worth(self.worth);
        let shared = match mode {
            EmitMode::LatestOf(key) => shared.with_key(Key::new(event, key)),
            EmitMode::Event | EmitMode::Volatile => shared,
        };
        let mut sent = BurstFrames::default();
        // Decided once here instead of for each socket.
        let queued = match (mode, offset) {
            (EmitMode::Event, None) => {
                let burst = JoinedBurst::new(&shared, burst_to(recipients.list()));
                let queued = self.push_to(recipients, |session, leaves| burst.push(&session.outbox, leaves));
                sent = burst.into_frames();
                queued
            }
            (EmitMode::LatestOf(_), None) => {
                self.push_to(recipients, |session, leaves| session.outbox.push_shared_latest(&shared, leaves))
            }
            (EmitMode::Volatile, _) => {
                let text = || VolatileText::new(encoding, event, content.borrowed(), self.worth);
                let mut text = if self.space.recovers() { text() } else { None };
                self.push_to(recipients, |session, leaves| session.queue_volatile(&shared, text.as_mut(), leaves))
            }
            (EmitMode::Event | EmitMode::LatestOf(_), Some(offset)) => {
                self.push_to(recipients, |session, leaves| session.queue_numbered(&shared, offset, leaves))
            }
        };
        drop(clock);
        drop(shared);
        write_all_soon(recipients.list(), sent);
        let not_published = match self.cluster() {
            Some(cluster) => !self.publish_event(cluster, event, content, key),
            None => false,
        };
        BroadcastResult { queued, skipped: recipients.len() - queued, not_published }
    }

    /// Sends an event by the log of the cluster, if the target spans all nodes.
    #[cold]
    #[inline(never)]
    fn say_logged(&self, recipients: &Recipients, event: &str, content: Content, key: Option<&str>) -> BroadcastResult {
        let (encoding, worth) = (self.space.encode_context(), self.worth);
        let key_of_event = key.map(|key| Key::new(event, key));
        let Some((cluster, log)) = self.cluster().zip(self.space.event_log()) else {
            let shared = SharedEvent::new(encoding, event, content.borrowed(), None).worth(worth);
            let shared = key_of_event.into_iter().fold(shared, SharedEvent::with_key);
            let unlogged = UnloggedEvent { event, content: content.borrowed() };
            let queued = self.push_to(recipients, |session, leaves| unlogged.queue(session, &shared, leaves));
            write_all_soon(recipients.list(), BurstFrames::default());
            return BroadcastResult { queued, skipped: recipients.len() - queued, not_published: false };
        };
        let mut to = self.selector();
        to.flags.latest = key.map(str::to_owned);
        let route = LogRoute { cluster, log, selection: &self.selection };
        let namespace = Arc::clone(&self.space.name);
        let event = LoggedEvent { namespace, event: event.to_owned(), content, key: key_of_event, worth };
        let mut selected = None;
        let (queued, is_published) = route.send(event, to, encoding, |push| {
            // A socket that came from another node since has the event neither in its log nor in the older list.
            let recipients = selected.insert(self.select());
            self.push_to(recipients, push)
        });
        let selected = selected.as_ref().unwrap_or(recipients);
        write_all_soon(selected.list(), BurstFrames::default());
        BroadcastResult { queued, skipped: selected.len() - queued, not_published: !is_published }
    }

    /// The cluster, if the target spans all nodes of one.
    #[inline]
    pub(crate) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.space.cluster().filter(|_| self.reach == Reach::Cluster)
    }

    #[cold]
    #[inline(never)]
    fn publish_event(&self, cluster: &Arc<Cluster>, event: &str, content: Content, key: Option<&str>) -> bool {
        let packet = EventPacket { event: event.to_owned(), args: content.into() };
        let mut to = self.selector();
        to.flags.latest = key.map(str::to_owned);
        let body = MessageBody::Broadcast { packet, to };
        match self.space.event_log() {
            Some(log) => {
                let route = LogRoute { cluster, log, selection: &self.selection };
                route.publish_volatile(&self.space.name, body)
            }
            None => cluster.publish(&self.space.name, body),
        }
    }

    #[cold]
    #[inline(never)]
    fn publish_room(&self, cluster: &Cluster, room: &str, body: fn(Selector, Vec<String>) -> MessageBody) {
        // A failure is logged and counted.
        if !is_user_room(room) {
            cluster.publish(&self.space.name, body(self.selector(), vec![room.to_owned()]));
        }
    }

    /// Describes the target to other nodes.
    pub(crate) fn selector(&self) -> Selector {
        let Selection { rooms, except } = self.selection.clone();
        let flags = BroadcastFlags {
            volatile: self.delivery == Delivery::Volatile,
            uncompressed: self.worth == Compress::Nothing,
            trace_parent: self.trace.as_ref().map(|trace| trace.as_str().to_owned()),
            ..BroadcastFlags::default()
        };
        Selector { rooms, except, flags }
    }

    /// Sends an event of another node. `logged` is the offset of its entry in the log.
    pub(super) fn deliver(&self, event: &str, args: RawArgs, key: Option<&str>, logged: Option<Offset>) {
        let say = || self.say_to(&self.select(), event, Ok(args), key, logged);
        match &self.trace {
            None => say(),
            Some(trace) => traced_event_span(event, trace.as_str()).in_scope(say),
        };
    }

    fn mode<'a>(&self, key: Option<&'a str>) -> EmitMode<'a> {
        match (self.delivery, key) {
            (Delivery::Volatile, _) => EmitMode::Volatile,
            (Delivery::Event | Delivery::Answer, Some(key)) => EmitMode::LatestOf(key),
            (Delivery::Event | Delivery::Answer, None) => EmitMode::Event,
        }
    }

    /// Sends a typed event. The event is encoded once and queued without waiting.
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        self.space.note_typed::<E>();
        self.say(E::NAME, RawArgs::event(&event), None)
    }

    /// Returns the payload of an event. A failure is logged because a broadcast has no other place to report it.
    fn content(&self, name: &str, args: Result<RawArgs, serde_json::Error>) -> Option<Content> {
        match args {
            Ok(_) if is_reserved(name) => {
                broadcast_unsent(&self.space.name, name, &"clients keep this name for themselves");
                None
            }
            Ok(args) => Some(args.into_content()),
            Err(error) => {
                broadcast_unsent(&self.space.name, name, &error);
                None
            }
        }
    }

    /// Adds every socket to `room` without running guards. Returns how many of this node's sockets are now in the room.
    ///
    /// # Errors
    ///
    /// The first [`JoinError`]; the other sockets still join. A socket that has just disconnected is not an error.
    pub fn join(&self, room: &str) -> Result<usize, JoinError> {
        let mut joined = 0;
        let mut failure = None;
        for session in self.select().iter() {
            match self.space.join(&session.id, room) {
                Ok(()) => joined += 1,
                Err(JoinError::Gone) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(cluster) = self.cluster() {
            self.publish_room(cluster, room, |to, rooms| MessageBody::Join { to, rooms });
        }
        failure.map_or(Ok(joined), Err)
    }

    /// Removes every socket from `room`. Returns how many of this node's sockets were in the room.
    #[allow(clippy::must_use_candidate, reason = "done for its effect")]
    pub fn leave(&self, room: &str) -> usize {
        let left = self.select().iter().filter(|session| self.space.leave(&session.id, room)).count();
        if let Some(cluster) = self.cluster() {
            self.publish_room(cluster, room, |to, rooms| MessageBody::Leave { to, rooms });
        }
        left
    }

    /// Disconnects every socket after its queued events are sent. Returns how many of this node were. Sockets of other nodes
    /// are disconnected with [`Disconnect::default`], as the nodes' formats have no room for another.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::must_use_candidate,
        reason = "done for its effect; reads `disconnect(Disconnect::default())`"
    )]
    pub fn disconnect(&self, disconnect: Disconnect) -> usize {
        self.disconnect_all(&disconnect, Scope::Socket)
    }

    /// Closes the whole connection of every socket, with all its namespaces; see [`Target::disconnect`].
    #[allow(clippy::needless_pass_by_value, clippy::must_use_candidate, reason = "as `disconnect`")]
    pub fn disconnect_connections(&self, disconnect: Disconnect) -> usize {
        self.disconnect_all(&disconnect, Scope::Connection)
    }

    fn disconnect_all(&self, disconnect: &Disconnect, scope: Scope) -> usize {
        let disconnected = self.disconnect_here(disconnect, scope);
        if let Some(cluster) = self.cluster() {
            let body = MessageBody::Disconnect { to: self.selector(), close: scope == Scope::Connection };
            // A failure is logged and counted.
            cluster.publish(&self.space.name, body);
        }
        disconnected
    }

    /// Disconnects every socket of this node.
    pub(super) fn disconnect_here(&self, disconnect: &Disconnect, scope: Scope) -> usize {
        let sessions = self.select();
        for session in sessions.iter() {
            session.disconnect(disconnect.clone(), scope);
        }
        sessions.len()
    }

    /// Number of this node's sockets selected at this moment.
    #[must_use]
    pub fn count(&self) -> usize {
        if self.space.recovers() {
            return self.select().iter().filter(|session| !session.is_away()).count();
        }
        self.space.count(&self.selection)
    }

    pub(crate) fn select(&self) -> Recipients {
        self.space.select(&self.selection)
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.space
    }
}
