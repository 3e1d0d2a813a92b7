//! The task that reads a stream on a connection of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use redis::{PushInfo, RedisResult, cmd};
use tokio::time::sleep;

use crate::connect::{Connection, Connector, Purpose};
use crate::streams::entry::{Entry, EntryReceiver};
use crate::streams::position::{Missing, Position, StreamInfo, malformed};
use crate::streams::states::States;

/// A reader of one stream.
pub(super) struct StreamReader {
    pub(super) connector: Arc<Connector>,
    pub(super) stream: String,
    pub(super) position: Position,
    pub(super) limits: ReadLimits,
    pub(super) receiver: EntryReceiver,
    pub(super) states: Arc<States>,
}

/// Entries whose events for a client leave in one write.
const TOGETHER: usize = 16;

/// Bounds of one reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadLimits {
    /// Number of entries.
    pub(super) count: usize,
    /// Longest wait for an entry.
    pub(super) block: Duration,
}

impl StreamReader {
    /// Reads until the task is dropped.
    pub(super) async fn run(mut self) {
        let mut backoff = self.connector.backoff();
        loop {
            let failure = match self.connect().await {
                Ok(mut connection) => {
                    self.states.restore(&self.stream);
                    backoff = self.connector.backoff();
                    let Err(error) = self.read_all(&mut connection).await;
                    error.to_string()
                }
                Err(error) => error,
            };
            self.states.lose(&self.stream, format!("stream {}: {failure}", self.stream));
            sleep(backoff.pause()).await;
        }
    }

    /// Connects, and reads what came meanwhile.
    async fn connect(&mut self) -> Result<Connection, String> {
        let nowhere = |_: PushInfo| Ok::<(), Infallible>(());
        let purpose = Purpose::Read { block: self.limits.block };
        let opened = self.connector.open(purpose, nowhere).await;
        let mut connection = opened.map_err(|error| error.to_string())?;
        self.catch_up(&mut connection).await.map_err(|error| error.to_string())?;
        Ok(connection)
    }

    async fn read_all(&mut self, connection: &mut Connection) -> RedisResult<Infallible> {
        loop {
            let entries = self.wait(connection).await?;
            // As many as there may be: more may have been written, and the oldest removed.
            if entries.len() >= self.limits.count {
                self.catch_up(connection).await?;
            } else {
                self.deliver(&entries);
            }
        }
    }

    /// Waits for entries.
    async fn wait(&self, connection: &mut Connection) -> RedisResult<Vec<Entry>> {
        let mut command = cmd("XREAD");
        command.arg("COUNT").arg(self.limits.count).arg("BLOCK").arg(self.limits.block.as_millis().to_string());
        command.arg("STREAMS").arg(&self.stream).arg(self.position.id.to_string());
        Entry::read_stream(connection.query(&command).await?)
    }

    /// Reads until nothing is left, and reports what is missing: the state and the entries are of the same moment.
    async fn catch_up(&mut self, connection: &mut Connection) -> RedisResult<()> {
        loop {
            let (info, entries) = self.read_checked(connection).await?;
            let read_from = self.position.id;
            if let Missing::Entries(count) = self.position.check(&info) {
                self.states.report_gap(count);
            }
            if self.position.id != read_from {
                continue;
            }
            let is_last = entries.len() < self.limits.count;
            self.deliver(&entries);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn read_checked(&self, connection: &mut Connection) -> RedisResult<(StreamInfo, Vec<Entry>)> {
        let mut range = cmd("XRANGE");
        range.arg(&self.stream).arg(format!("({}", self.position.id)).arg("+").arg("COUNT").arg(self.limits.count);
        let mut answers = connection.transaction(&[StreamInfo::command(&self.stream), range]).await?.into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Err(malformed()));
        let info = StreamInfo::read(next())?;
        Ok((info, Entry::read_range(next()?)?))
    }

    fn deliver(&mut self, entries: &[Entry]) {
        for few in entries.chunks(TOGETHER) {
            let Self { receiver, position, .. } = self;
            receiver.node.receive_together(|| {
                for entry in few {
                    receiver.receive(entry);
                    position.advance(entry.id);
                }
            });
        }
    }
}
