//! Events of a target in a cluster that keeps a log: sockets that can resume get them with the offset of their entry, all
//! others at once.

use std::sync::Arc;

use crate::hub::Space;
use crate::hub::cluster::{Cluster, LogFate};
use crate::hub::event_log::{EventLog, LoggedBroadcast};
use crate::hub::members::Selection;
use crate::protocol::cluster::{BroadcastFlags, EventPacket, MessageBody, Selector};
use crate::protocol::{Compress, Content, EncodeContext, Key, SharedEvent};
use crate::session::{EmitMode, Leaves, LoggedDelivery, LoggedEvent, Pushed, SendError, Session, UnloggedEvent};

/// The way of one event into the log of a namespace.
#[derive(Clone, Copy)]
pub(super) struct LogRoute<'a> {
    pub(super) cluster: &'a Arc<Cluster>,
    pub(super) log: &'a EventLog,
    pub(super) selection: &'a Selection,
}

impl LogRoute<'_> {
    /// Publishes an event and queues it for the recipients, in the order of all events of the namespace. `push` visits the
    /// recipients.
    pub(super) fn send(
        &self,
        event: LoggedEvent,
        to: Selector,
        encoding: EncodeContext<'_>,
        push: impl FnOnce(&mut dyn FnMut(&Arc<Session>, Leaves) -> Result<Pushed, SendError>) -> usize,
    ) -> (usize, bool) {
        let event = Arc::new(event);
        let packet = EventPacket { event: event.event.clone(), args: event.content.clone().into() };
        let fate = Arc::<LogFate>::default();
        let entry = self.log.begin();
        let body = MessageBody::Broadcast { packet, to };
        let is_published = self.cluster.publish_logged(&event.namespace, body, &fate);
        let waits = is_published && self.cluster.is_connected();
        let shared = SharedEvent::new(encoding, &event.event, event.content.borrowed(), None).worth(event.worth);
        let shared = match &event.key {
            Some(key) => shared.with_key(Arc::clone(key)),
            None => shared,
        };
        let mut accepted = Vec::new();
        let queued = push(&mut |session, leaves| {
            if waits && session.recovery.is_some() {
                accepted.push(LoggedDelivery(&event).hold(session, leaves)?);
                return Ok(Pushed::WillBeWritten);
            }
            let unlogged = UnloggedEvent { event: &event.event, content: event.content.borrowed() };
            let pushed = unlogged.queue(session, &shared, leaves);
            if session.recovery.is_some() && (pushed.is_ok() || session.is_away()) {
                accepted.push(Arc::clone(session));
            }
            pushed
        });
        if !waits && !accepted.is_empty() {
            self.cluster.meter.without_offset.add();
        }
        if !waits && !entry.has_room_for(accepted.len()) {
            // What is kept for sockets while the engine is away is bounded; a client that misses an event is told.
            accepted.drain(..).filter(|session| session.is_away()).for_each(|session| session.retire());
        }
        if is_published {
            entry.add(LoggedBroadcast::new(&event, self.selection.clone(), fate).accepted(accepted, !waits));
        }
        if waits {
            self.cluster.log_filled.notify_one();
        }
        (queued, is_published)
    }

    /// Publishes an event that is never kept, in the order of all events of the namespace. Returns `false` if it is not
    /// published.
    pub(super) fn publish_volatile(&self, namespace: &Arc<str>, body: MessageBody) -> bool {
        let fate = Arc::<LogFate>::default();
        let entry = self.log.begin();
        let is_published = self.cluster.publish_logged(namespace, body, &fate);
        if is_published {
            entry.add(LoggedBroadcast::volatile(self.selection.clone(), fate));
        }
        is_published
    }
}

/// Sends an event to one socket by the log of the cluster, if its client can resume.
pub(crate) fn emit_logged(
    space: &Space,
    session: &Arc<Session>,
    (name, content): (&str, Content),
    mode: EmitMode<'_>,
) -> Result<(), SendError> {
    if session.recovery.is_none() {
        return session.emit(name, content.borrowed(), mode, None);
    }
    let (key, latest) = match mode {
        EmitMode::LatestOf(key) => (Some(Key::new(name, key)), Some(key.to_owned())),
        EmitMode::Event | EmitMode::Volatile => (None, None),
    };
    let Some((cluster, log)) = space.cluster().zip(space.event_log()) else {
        let shared = SharedEvent::new(space.encode_context(), name, content.borrowed(), None);
        let shared = key.into_iter().fold(shared, SharedEvent::with_key);
        let unlogged = UnloggedEvent { event: name, content: content.borrowed() };
        let pushed = unlogged.queue(session, &shared, Leaves::ANY)?;
        session.write_after(pushed);
        return Ok(());
    };
    let selection = Selection { rooms: vec![session.id.as_str().to_owned()], except: Vec::new() };
    let flags = BroadcastFlags { latest, ..BroadcastFlags::default() };
    let to = Selector { rooms: selection.rooms.clone(), except: Vec::new(), flags };
    let worth = Compress::Compressing;
    let event = LoggedEvent { namespace: Arc::clone(&space.name), event: name.to_owned(), content, key, worth };
    let mut outcome = Ok(());
    let route = LogRoute { cluster, log, selection: &selection };
    route.send(event, to, space.encode_context(), |push| {
        outcome = push(session, Leaves::ANY).map(|pushed| session.write_after(pushed));
        usize::from(outcome.is_ok())
    });
    outcome
}
