//! Sessions of all nodes, and the messages that their clients missed: keys and a stream in the format of Node's adapter.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::node_format::{NodeDecoder, NodeFields, NodeFormatLimits, NodeMessage};
use gateway_core::cluster::{
    ClusterMessage, EngineError, EngineFuture, LogPage, NodeId, RecordState, RecoveryStore, StoredSession,
};
use redis::{Cmd, FromRedisValue, cmd};

use crate::streams::Streams;
use crate::streams::entry::Entry;
use crate::streams::position::EntryId;

/// Stores a record if the key still has one of those that this node may have written. A script, so that no other node takes
/// the session between the comparison and the write.
const UPDATE: &str = "\
local record = redis.call('GET', KEYS[1])
if not record then return 0 end
for place = 3, #ARGV do
  if record == ARGV[place] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1
  end
end
return 2";

/// Number of entries of a page.
const PAGE: usize = 500;

impl RecoveryStore for Streams {
    fn save<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<(), EngineError>> {
        Box::pin(async move { self.execute(&self.set(session, keep)).await })
    }

    fn update<'a>(
        &'a self,
        written: &'a [StoredSession],
        session: &'a StoredSession,
        keep: Duration,
    ) -> EngineFuture<'a, Result<RecordState, EngineError>> {
        Box::pin(async move {
            let mut command = cmd("EVAL");
            command.arg(UPDATE).arg(1).arg(self.session_key(&session.private_id));
            command.arg(session.to_record()).arg(milliseconds(keep));
            for written in written {
                command.arg(written.to_record());
            }
            let state: i64 = self.execute(&command).await?;
            Ok(match state {
                0 => RecordState::Missing,
                1 => RecordState::Stored,
                _ => RecordState::OfAnother,
            })
        })
    }

    fn find<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        Box::pin(async move {
            let record: Option<String> = self.execute(cmd("GET").arg(self.session_key(private_id))).await?;
            Ok(record.and_then(|record| StoredSession::from_record(&record)))
        })
    }

    fn take<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        Box::pin(async move {
            let record: Option<String> = self.execute(cmd("GETDEL").arg(self.session_key(private_id))).await?;
            Ok(record.and_then(|record| StoredSession::from_record(&record)))
        })
    }

    fn forget<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<(), EngineError>> {
        Box::pin(async move { self.execute(cmd("DEL").arg(self.session_key(private_id))).await })
    }

    fn messages_after<'a>(
        &'a self,
        namespace: &'a Arc<str>,
        offset: &'a str,
    ) -> EngineFuture<'a, Result<Option<LogPage>, EngineError>> {
        Box::pin(self.page_after(namespace, offset))
    }
}

impl Streams {
    fn session_key(&self, private_id: &str) -> String {
        format!("{}{private_id}", self.options.session_prefix)
    }

    fn set(&self, session: &StoredSession, keep: Duration) -> Cmd {
        let mut command = cmd("SET");
        command.arg(self.session_key(&session.private_id)).arg(session.to_record()).arg("PX").arg(milliseconds(keep));
        command
    }

    async fn execute<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, EngineError> {
        let result = self.running.get()?.link.publisher.query(command).await;
        result.map_err(|failure| EngineError::new(failure.to_string()))
    }

    async fn page_after(&self, namespace: &Arc<str>, offset: &str) -> Result<Option<LogPage>, EngineError> {
        // Clients send offsets, and a malformed one is unknown.
        let Ok(after) = offset.parse::<EntryId>() else { return Ok(None) };
        let stream = self.options.keys.of_namespace(namespace);
        let mut command = cmd("XRANGE");
        // The entry of the offset is read too: if it is there, nothing behind it was removed.
        command.arg(stream).arg(after.to_string()).arg("+").arg("COUNT").arg(PAGE + 1);
        let entries = Entry::read_range(self.execute(&command).await?);
        let entries = entries.map_err(|error| EngineError::new(error.to_string()))?;
        let Some((first, entries)) = entries.split_first().filter(|(first, _)| first.id == after) else {
            return Ok(None);
        };
        let messages = entries.iter().filter_map(|entry| Some((entry.id.to_string(), message(entry, namespace)?)));
        let next = entries.last().unwrap_or(first).id.to_string();
        Ok(Some(LogPage { messages: messages.collect(), next, is_last: entries.len() < PAGE }))
    }
}

/// The message of an entry, of this node too; `None` for other namespaces and what is no message.
fn message(entry: &Entry, namespace: &Arc<str>) -> Option<ClusterMessage> {
    if entry.field("nsp") != Some(namespace) {
        return None;
    }
    let fields = NodeFields {
        message_type: entry.field("type")?.parse().ok()?,
        data: entry.field("data"),
        sender: entry.field("uid"),
        namespace,
    };
    // No node has this id: none of the messages is the own.
    let decoder = NodeDecoder::new(NodeId::new(""), NodeFormatLimits::default());
    match decoder.decode_fields(fields).ok()??.message {
        NodeMessage::Message(message) => Some(message),
        NodeMessage::Heartbeat { .. } => None,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    // Redis takes no time of zero.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
