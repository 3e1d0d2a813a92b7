//! Clients that come from another node of the cluster: their session is taken from the engine's store, and what they missed is
//! read from its log.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::connection::application::Application;
use crate::connection::socket_driver::{MembershipGuard, ResumeToken};
use crate::hub::cluster::{Cluster, EngineError, LogPage, RecordSource, RecoveryStore};
use crate::hub::{PublicData, Space};
use crate::metrics::{cluster_session_missing, cluster_session_taken};
use crate::protocol::cluster::{ClusterMessage, EventPacket, MessageBody, Selector, StoredSession};
use crate::protocol::{EncodeContext, Encoded, OffsetNumber, Outgoing, WireFormat, entry_of, read_offset};
use crate::session::{Offset, Recovery, Session, SessionRecovery};
use crate::transport::Handshake;

/// Maximum number of pages that are read from the log for one client.
const MOST_PAGES: usize = 1000;

/// Maximum length of ids in a record.
const LONGEST_ID: usize = 128;

/// What is known of the session that a client wants to resume, before its socket is made.
pub(super) enum Takeover {
    /// The session is to be looked for on this node, if at all.
    Here,
    /// The session was on another node.
    Taken(TakenSession),
    /// The session cannot be resumed: the client gets a new socket.
    Missing,
}

/// A session that was taken over from another node, in its namespace and rooms. Dropped, it goes back to the store: its client
/// was gone before it got a socket.
pub(super) struct TakenSession {
    cluster: Arc<Cluster>,
    presence: Option<MembershipGuard>,
}

impl TakenSession {
    /// The session in its namespace, for its socket.
    pub(super) fn into_presence(mut self) -> Option<MembershipGuard> {
        self.presence.take()
    }
}

impl Drop for TakenSession {
    fn drop(&mut self) {
        let Some(presence) = self.presence.take() else { return };
        if let Some(log) = self.cluster.log() {
            log.sessions.keep_lost(presence.session(), &**presence.space(), self.cluster.node_id().as_str());
        }
    }
}

/// A client that wants to resume.
pub(super) struct Returning {
    pub(super) application: Arc<Application>,
    /// The concrete name of the namespace.
    pub(super) namespace: String,
    pub(super) handshake: Handshake,
    pub(super) format: WireFormat,
    pub(super) resume_token: ResumeToken,
}

/// The reason why a session cannot be resumed.
enum MissingSession {
    Reason(&'static str),
    Engine(EngineError),
}

impl From<EngineError> for MissingSession {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Returns `true` if sessions of this server may be on other nodes.
pub(super) fn may_be_elsewhere(application: &Application) -> bool {
    application.hub.cluster().is_some_and(|cluster| cluster.log().is_some())
}

impl Returning {
    /// Looks for the session, on this node and in the store, within the time for questions to other nodes.
    pub(super) async fn look_up(self) -> Takeover {
        let Some(cluster) = self.application.hub.cluster().map(Arc::clone) else { return Takeover::Here };
        let namespace = self.namespace.clone();
        let (found, finding) = oneshot::channel();
        let looking = Arc::clone(&cluster);
        // A task of its own: a session that was taken from the store is not lost when its client is.
        cluster.spawn(async move {
            let _ = found.send(self.find(&looking).await);
        });
        let reason = match timeout(cluster.request_timeout(), finding).await {
            Ok(Ok(Ok(found))) => return found,
            Ok(Ok(Err(MissingSession::Reason(reason)))) => reason.to_owned(),
            Ok(Ok(Err(MissingSession::Engine(error)))) => error.to_string(),
            Ok(Err(_)) => "the server stops".to_owned(),
            Err(_) => "the engine took too long".to_owned(),
        };
        cluster.meter.missing_sessions.add();
        cluster_session_missing(&namespace, &reason);
        Takeover::Missing
    }

    async fn find(&self, cluster: &Arc<Cluster>) -> Result<Takeover, MissingSession> {
        let Some((log, store)) = cluster.log().zip(cluster.recovery_store()) else { return Ok(Takeover::Here) };
        let ResumeToken { key, offset } = &self.resume_token;
        let resumable = &self.application.hub.resumable;
        if resumable.has(key) {
            // While the engine is away the session is believed to be here still.
            let is_own = match store.find(key).await {
                Ok(Some(stored)) => stored.node.as_deref() == Some(cluster.node_id().as_str()),
                Ok(None) => !log.sessions.is_written(key),
                Err(_) => true,
            };
            if is_own {
                return Ok(Takeover::Here);
            }
            resumable.retire(key);
        }
        let number = read_offset(offset).ok_or(MissingSession::Reason("the offset is malformed"))?;
        let space = self.application.hub.space(&self.namespace);
        // From here on messages of other nodes arrive, and are kept for the client beside those of the log.
        cluster.admit(&self.namespace).await?;
        let stored = store.take(key).await?.ok_or(MissingSession::Reason("there is no record of it"))?;
        if let Err(reason) = self.check(&stored) {
            let _ = store.save(&stored, self.recovery().within).await;
            return Err(MissingSession::Reason(reason));
        }
        let start = match (number, &stored.start) {
            (0, Some(start)) => start.clone(),
            (0, None) => return Err(MissingSession::Reason("the client has read no event")),
            (number, _) => entry_of(number),
        };
        let presence = self.enter(&space, &stored, number);
        let session = Arc::clone(presence.session());
        let source: Arc<dyn RecordSource> = space.clone();
        log.sessions.take(&session, &source);
        let taken = TakenSession { cluster: Arc::clone(cluster), presence: Some(presence) };
        let missed = match self.missed(store, (&stored, &start), &session).await {
            Ok(missed) => missed,
            Err(missing) => {
                log.sessions.end(&session);
                drop(taken.into_presence());
                return Err(missing);
            }
        };
        cluster.meter.taken_sessions.add();
        cluster_session_taken(&session.id, missed.len());
        session.outbox.catch_up(missed, session.greeting());
        Ok(Takeover::Taken(taken))
    }

    fn check(&self, stored: &StoredSession) -> Result<(), &'static str> {
        let is_same = |stored: &Option<String>, here: &str| stored.as_deref().is_none_or(|stored| stored == here);
        if !is_same(&stored.namespace, &self.namespace) {
            return Err("it is of another namespace");
        }
        if !is_same(&stored.format, self.format.family()) {
            return Err("it is of another format");
        }
        let ids = [&stored.socket_id, &stored.private_id];
        if stored.private_id != self.resume_token.key
            || ids.iter().any(|id| id.is_empty() || id.len() > LONGEST_ID)
            || stored.rooms.len() > self.application.limits.rooms_per_socket + 2
        {
            return Err("its record is unusable");
        }
        Ok(())
    }

    fn recovery(&self) -> &Recovery {
        static OFF: std::sync::LazyLock<Recovery> = std::sync::LazyLock::new(Recovery::default);
        self.application.recovery.as_ref().unwrap_or(&OFF)
    }

    /// Makes the session and adds it to its rooms. Events that arrive are kept for it.
    fn enter(&self, space: &Arc<Space>, stored: &StoredSession, number: u64) -> MembershipGuard {
        let Application { hub, telemetry, limits, .. } = &*self.application;
        let session = Session::new(&space.name, self.handshake.clone(), self.format, limits, telemetry)
            .with_recovery(self.recovery(), &hub.offsets);
        let offset = OffsetNumber::in_log(number);
        let session = SessionRecovery::take_over(session, stored, offset, self.recovery());
        session.state.insert(PublicData(stored.data.clone()));
        let session = Arc::new(session);
        space.take_in(&session, &stored.rooms);
        hub.resumable.adopt(&session);
        MembershipGuard::new(hub, space, &session)
    }

    /// Reads the events that the client missed.
    async fn missed(
        &self,
        store: &dyn RecoveryStore,
        (stored, start): (&StoredSession, &str),
        session: &Session,
    ) -> Result<Vec<(Offset, Encoded)>, MissingSession> {
        let limits = self.recovery();
        let rooms: HashSet<&str> = stored.rooms.iter().map(String::as_str).chain([&*stored.socket_id]).collect();
        let (mut missed, mut bytes, mut after) = (Vec::new(), 0, start.to_owned());
        for _ in 0..MOST_PAGES {
            let page = store.messages_after(&session.namespace, &after).await?;
            let LogPage { messages, next, is_last } =
                page.ok_or(MissingSession::Reason("the log does not have its offset any more"))?;
            for (offset, message) in messages {
                let Some(packet) = event_for(&rooms, message) else { continue };
                let Some(offset) = OffsetNumber::of_entry(&offset) else { continue };
                let frame = session.identified(self.encode(&packet, offset), Offset::new(offset)).into_shared();
                bytes += frame.len();
                missed.push((Offset::new(offset), frame));
            }
            if missed.len() > limits.events || bytes > limits.bytes {
                return Err(MissingSession::Reason("it has missed more than is kept"));
            }
            if is_last {
                return Ok(missed);
            }
            after = next;
        }
        Err(MissingSession::Reason("it has missed more than is kept"))
    }

    fn encode(&self, EventPacket { event, args }: &EventPacket, offset: OffsetNumber) -> Encoded {
        let (content, offset) = (args.clone().into_content(), offset.text(self.format));
        let outgoing = Outgoing::Event { event, content: content.borrowed(), offset: Some(&offset) };
        self.format.encode(EncodeContext::new(&self.namespace), &outgoing)
    }
}

/// The event of a message for a socket in these rooms, its own among them.
fn event_for(rooms: &HashSet<&str>, message: ClusterMessage) -> Option<EventPacket> {
    let MessageBody::Broadcast { packet, to: Selector { rooms: to, except, flags } } = message.body else {
        return None;
    };
    let is_in = |room: &String| rooms.contains(room.as_str());
    let is_selected = to.is_empty() || to.iter().any(is_in);
    (is_selected && !except.iter().any(is_in) && !flags.volatile).then_some(packet)
}
