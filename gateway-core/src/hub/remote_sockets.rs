//! Descriptions of this node's sockets as other nodes get them.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::hub::cluster::RecordSource;
use crate::hub::{Space, Target};
use crate::protocol::cluster::{HandshakeSummary, RemoteSocket, StoredSession, USER_ROOM};
use crate::protocol::entry_of;
use crate::session::{Session, SocketId};
use crate::transport::Handshake;

/// Headers that carry credentials. They stay on their node.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "sec-websocket-protocol"];

/// The data that a socket's handlers made public.
#[derive(Debug)]
pub(crate) struct PublicData(pub(crate) Value);

/// Describes the selected sockets of this node.
pub(crate) fn describe(target: &Target) -> Vec<RemoteSocket> {
    let recipients = target.select();
    let here = recipients.iter().filter(|session| !session.is_away());
    here.map(|session| describe_session(target, session)).collect()
}

fn describe_session(target: &Target, session: &Arc<Session>) -> RemoteSocket {
    let mut socket = RemoteSocket::new(session.id.as_str());
    socket.rooms.push(session.id.as_str().to_owned());
    socket.rooms.extend(target.space().every_room_of(&session.id));
    socket.handshake = summary(&session.handshake);
    if let Some(data) = session.state.find::<PublicData>() {
        socket.data = data.0.clone();
    }
    socket
}

/// A handshake without its credentials.
fn summary(handshake: &Handshake) -> HandshakeSummary {
    let mut headers = Map::new();
    for (name, value) in handshake.headers() {
        if let (false, Ok(value)) = (SECRET.contains(&name.as_str()), value.to_str()) {
            headers.entry(name.as_str()).or_insert_with(|| value.into());
        }
    }
    let query: Map<String, Value> = handshake
        .queries()
        .filter(|(name, _)| *name != "auth")
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    HandshakeSummary {
        headers: Value::Object(headers),
        address: handshake.address().map(|address| address.to_string()).unwrap_or_default(),
        url: handshake.path().to_owned(),
        query: Value::Object(query),
        ..HandshakeSummary::default()
    }
}

impl RecordSource for Space {
    fn describe(&self, session: &Session, node: &str) -> StoredSession {
        let key = session.recovery_key().map_or("", SocketId::as_str);
        let mut stored = StoredSession::new(key, session.id.as_str());
        stored.rooms.push(session.id.as_str().to_owned());
        stored.rooms.extend(self.every_room_of(&session.id));
        // Compared with the record in the store, where the order counts.
        stored.rooms.sort_unstable();
        stored.user = stored.rooms.iter().find_map(|room| room.strip_prefix(USER_ROOM)).map(str::to_owned);
        stored.data = session.state.find::<PublicData>().map_or_else(|| serde_json::json!({}), |data| data.0.clone());
        stored.namespace = Some(self.name.to_string());
        stored.format = Some(session.format.family().to_owned());
        stored.node = Some(node.to_owned());
        stored.start = session.recovery.as_ref().and_then(|recovery| recovery.start()).map(entry_of);
        stored
    }

    fn has_session(&self, session: &Session) -> bool {
        self.has(session)
    }
}
