//! Sessions outside of a server, for recovery on another node, and their record in the format of Node's adapters.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader, MsgpackWriter};
use crate::protocol::{Arity, ContentRef};

/// Bounds of a record that is read.
const LIMITS: MsgpackLimits = MsgpackLimits { depth: 160, attachments: 10_000 };

/// A session as other nodes find it: the members that Node's adapters know, and those of this framework, which Node ignores.
///
/// ```
/// use gateway_core::cluster::StoredSession;
///
/// let mut session = StoredSession::new("private id", "socket id");
/// session.rooms = vec!["socket id".to_owned(), "room".to_owned()];
/// assert_eq!(StoredSession::from_record(&session.to_record()), Some(session));
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StoredSession {
    /// The id of the socket.
    #[serde(rename = "sid")]
    pub socket_id: String,
    /// The private id by which the client comes back.
    #[serde(rename = "pid")]
    pub private_id: String,
    /// The rooms; on nodes of Socket.IO with the socket's id among them.
    pub rooms: Vec<String>,
    /// The data that the socket's handlers made public.
    #[serde(default)]
    pub data: Value,
    /// The namespace. Known to nodes of this framework only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The user. Known to nodes of this framework only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The message format of the connection. Known to nodes of this framework only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The node that wrote the record. Known to nodes of this framework only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The offset of the last message before the session began: a client that has read no event resumes from it. Known to nodes
    /// of this framework only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

impl StoredSession {
    /// Creates a session without rooms and data.
    pub fn new(private_id: impl Into<String>, socket_id: impl Into<String>) -> Self {
        let (private_id, socket_id) = (private_id.into(), socket_id.into());
        let (rooms, data, namespace, user, format, node, start) = Default::default();
        Self { socket_id, private_id, rooms, data, namespace, user, format, node, start }
    }

    /// Writes the record: MessagePack in base64.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "texts and values of JSON can always be written")]
    pub fn to_record(&self) -> String {
        let json = serde_json::to_string(self).expect("texts and values of JSON");
        let mut bytes = Vec::with_capacity(json.len());
        MsgpackWriter::new(&mut bytes).json(&json, &[]);
        BASE64.encode(&bytes)
    }

    /// Reads a record. Binary data becomes base64; `None` if the record is malformed.
    #[must_use]
    pub fn from_record(record: &str) -> Option<Self> {
        let bytes = BASE64.decode(record.as_bytes()).ok()?;
        let (json, attachments) = MsgpackReader::new(&bytes, LIMITS).json().ok()?;
        let mut plain = Vec::with_capacity(json.len());
        ContentRef { json: &json, shape: Arity::One, attachments: &attachments }.write_plain(&mut plain);
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_that_of_node() {
        let mut session = StoredSession::new("p", "s");
        session.rooms = vec!["s".to_owned(), "r".to_owned()];
        session.data = serde_json::json!({"n": 1});
        let bytes = BASE64.decode(session.to_record().as_bytes()).unwrap();
        assert_eq!(bytes, b"\x84\xa3sid\xa1s\xa3pid\xa1p\xa5rooms\x92\xa1s\xa1r\xa4data\x81\xa1n\x01");
        session.user = Some("ann".to_owned());
        session.namespace = Some("/chat".to_owned());
        assert_eq!(StoredSession::from_record(&session.to_record()), Some(session));
    }

    #[test]
    fn a_record_of_node_is_read() {
        // A `Buffer` and no data, as Node's adapter writes them.
        let check = |bytes: &[u8], data: Value| {
            let session = StoredSession::from_record(&BASE64.encode(bytes)).unwrap();
            assert_eq!((&*session.private_id, &*session.socket_id, session.data), ("p", "s", data));
        };
        check(
            b"\x84\xa3sid\xa1s\xa3pid\xa1p\xa5rooms\x90\xa4data\x81\xa1b\xc4\x02\x01\x02",
            serde_json::json!({"b": "AQI="}),
        );
        check(b"\x83\xa3sid\xa1s\xa3pid\xa1p\xa5rooms\x90", Value::Null);
        for malformed in ["", "?", "gA==", "g6Nz"] {
            assert_eq!(StoredSession::from_record(malformed), None, "{malformed}");
        }
    }
}
