//! Publication of messages: entries of streams, and messages on channels.

use std::collections::HashMap;

use gateway_core::cluster::{ClusterMessage, EngineError, NodeId, Published, node_format};
use redis::{RedisResult, Value, cmd};

use crate::connect::{ConnectionName, KeyedCommand};
use crate::link::{PublishFailure, Started, refused};
use crate::streams::entry::Entry;
use crate::streams::keys::{StreamKeys, is_kept};
use crate::streams::position::{EntryId, StreamInfo, id_of};

/// Maximum number of entries read at once when the own ones are looked for.
const PAGE: usize = 1000;

/// The writing side of an engine.
#[derive(Debug)]
pub(super) struct Writer {
    node_id: NodeId,
    keys: StreamKeys,
    max_len: usize,
    /// The command that publishes on channels.
    publish: &'static str,
    /// The last entry of each stream that is known to be written by this node or by others before it.
    written: HashMap<String, EntryId>,
    uncertain: Option<Uncertain>,
}

/// Entries whose fate is not known: the connection was lost while they were written.
#[derive(Clone, Debug)]
struct Uncertain {
    /// Number of messages at the front of the queue.
    count: usize,
    /// The lost connection.
    connection: Option<ConnectionName>,
}

impl Writer {
    pub(super) fn new(node_id: NodeId, keys: StreamKeys, max_len: usize, publish: &'static str) -> Self {
        Self { node_id, keys, max_len, publish, written: HashMap::new(), uncertain: None }
    }

    /// Notes the end of a stream before this node writes to it.
    pub(super) fn begin(&mut self, stream: &str, info: &StreamInfo) {
        self.written.entry(stream.to_owned()).or_insert(info.last);
    }

    /// Publishes messages in their order. Entries are written once, also if the connection is lost while they are written.
    pub(super) async fn publish(
        &mut self,
        started: &Started,
        messages: &[ClusterMessage],
    ) -> Result<Vec<Published>, EngineError> {
        let mut published = Vec::with_capacity(messages.len());
        if let Some(Uncertain { count, .. }) = self.uncertain {
            published = self.find_written(started, &messages[..count.min(messages.len())]).await?;
        }
        for run in messages[published.len()..].chunk_by(|one, next| is_kept(&one.body) == is_kept(&next.body)) {
            let (commands, sizes): (Vec<_>, Vec<_>) = run.iter().map(|message| self.command(message)).unzip();
            let sent = if is_kept(&run[0].body) {
                self.write(started, commands).await
            } else {
                started.publish(commands).await
            };
            match sent {
                Ok(sent) => {
                    started.node.count_bytes(0, sizes.into_iter().sum());
                    published.extend(sent);
                }
                Err(error) => {
                    let count = published.len() + error.published();
                    return Err(error.after_publishing(count));
                }
            }
        }
        Ok(published)
    }

    async fn write(&mut self, started: &Started, commands: Vec<KeyedCommand>) -> Result<Vec<Published>, EngineError> {
        let count = commands.len();
        let streams: Vec<String> = commands.iter().map(|command| command.key.clone()).collect();
        let results = started.link.publisher.run(commands).await.map_err(|failure| {
            let text = failure.to_string();
            let executed = match failure {
                PublishFailure::Away => 0,
                PublishFailure::Unknown { connection, .. } => {
                    self.uncertain = Some(Uncertain { count, connection });
                    0
                }
                PublishFailure::Refused { executed, .. } => executed,
            };
            EngineError::new(text).after_publishing(executed)
        })?;
        Ok(streams.into_iter().zip(results).map(|(stream, result)| self.written(stream, result)).collect())
    }

    fn written(&mut self, stream: String, result: RedisResult<Value>) -> Published {
        match result {
            Ok(id) => match id_of(&id) {
                Some(id) => {
                    self.written.insert(stream, id);
                    Published::at(id.to_string())
                }
                None => Published::without_offset(),
            },
            Err(error) => refused(&error),
        }
    }

    /// Looks for the entries of the messages whose fate is not known: the streams keep the order of writing, so those that
    /// were written are the first. Returns the results of these; the other messages are to be written.
    async fn find_written(
        &mut self,
        started: &Started,
        uncertain: &[ClusterMessage],
    ) -> Result<Vec<Published>, EngineError> {
        if let Some(Uncertain { connection: Some(lost), .. }) = &self.uncertain {
            // The server may not have read the end of the connection yet, nor the commands before it.
            let ended: Result<i64, _> = started.link.publisher.query(&lost.kill()).await;
            ended.map_err(|failure| EngineError::new(failure.to_string()))?;
        }
        let mut published = Vec::new();
        let mut own: HashMap<String, std::vec::IntoIter<EntryId>> = HashMap::new();
        for message in uncertain {
            let stream = self.keys.of_namespace(&message.namespace);
            if !own.contains_key(&stream) {
                let entries = self.own_entries(started, &stream).await?;
                own.insert(stream.clone(), entries.into_iter());
            }
            let Some(id) = own.get_mut(&stream).and_then(Iterator::next) else { break };
            self.written.insert(stream, id);
            published.push(Published::at(id.to_string()));
        }
        self.uncertain = None;
        Ok(published)
    }

    /// The entries of this node behind the last known one.
    async fn own_entries(&self, started: &Started, stream: &str) -> Result<Vec<EntryId>, EngineError> {
        let mut own = Vec::new();
        let mut after = self.written.get(stream).copied().unwrap_or_default();
        loop {
            let mut command = cmd("XRANGE");
            command.arg(stream).arg(format!("({after}")).arg("+").arg("COUNT").arg(PAGE);
            let answer = started.link.publisher.query(&command).await;
            let answer = answer.map_err(|failure| EngineError::new(failure.to_string()))?;
            let entries = Entry::read_range(answer).map_err(|error| EngineError::new(error.to_string()))?;
            let is_own = |entry: &&Entry| entry.field("uid") == Some(self.node_id.as_str());
            own.extend(entries.iter().filter(is_own).map(|entry| entry.id));
            match entries.last() {
                Some(last) if entries.len() == PAGE => after = last.id,
                _ => return Ok(own),
            }
        }
    }

    /// The command that publishes a message, and the bytes of its content.
    fn command(&self, message: &ClusterMessage) -> (KeyedCommand, usize) {
        if !is_kept(&message.body) {
            let (channel, bytes) = (self.keys.channel_of(message), node_format::encode_msgpack(&self.node_id, message));
            let size = bytes.len();
            let command = KeyedCommand::publish(self.publish, &channel, &bytes);
            return (KeyedCommand { key: channel, command }, size);
        }
        entry_command(self.node_id.as_str(), (&self.keys, self.max_len), message)
    }
}

/// The command that adds a message to its stream, and the bytes of its content.
pub(crate) fn entry_command(
    sender: &str,
    (keys, max_len): (&StreamKeys, usize),
    ClusterMessage { namespace, body }: &ClusterMessage,
) -> (KeyedCommand, usize) {
    let (key, data) = (keys.of_namespace(namespace), node_format::encode_data(body));
    let size = data.len();
    let mut command = cmd("XADD");
    command.arg(&key).arg("MAXLEN").arg("~").arg(max_len).arg("*").arg("uid").arg(sender).arg("nsp").arg(&**namespace);
    command.arg("type").arg(node_format::message_type(body).to_string()).arg("data").arg(data);
    (KeyedCommand { key, command }, size)
}
