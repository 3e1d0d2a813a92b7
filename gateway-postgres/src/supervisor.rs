//! The engine's task: it handles notifications, sends heartbeats, deletes old attachments, and reconnects.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::node_format::{NodeEnvelope, NodeHeartbeat, NodeMessage};
use gateway_core::cluster::{ClusterNode, EngineError, EngineState, Received};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use tokio_postgres::Notification;

use crate::attachment::{header, load};
use crate::connections::Connections;
use crate::engine::{Link, Shared};

/// Notifications that are handled together: their attachments are read by one statement.
const BATCH: usize = 128;

/// Messages whose events for a client leave in one write.
const TOGETHER: usize = 16;

/// Number of own connections that are remembered.
const MOST_PROCESSES: usize = 8;

/// Delay of the first attempt to reconnect; each further one takes twice as long, up to [`LONGEST_DELAY`].
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The engine's task.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    node: ClusterNode,
    /// When the last notification arrived, an own one included.
    heard: Instant,
    /// The numbers of this node's publishing connections, the last ones.
    processes: VecDeque<i32>,
}

/// Channels and their namespaces.
type Channels = BTreeSet<(String, Arc<str>)>;

/// Where the message of a notification is.
enum Content {
    /// The message is in the payload.
    Whole,
    /// The message is in this row.
    Stored(i64),
    /// This node sent it.
    Own,
    /// Another node sent it, which has the id of this one.
    OfTwin,
}

impl Supervisor {
    pub(crate) fn new(shared: Arc<Shared>, node: ClusterNode) -> Self {
        Self { shared, node, heard: Instant::now(), processes: VecDeque::new() }
    }

    /// Runs until it is aborted.
    pub(crate) async fn run(mut self, mut connections: Connections) {
        loop {
            self.heard = Instant::now();
            self.processes.push_front(connections.commands.process);
            self.processes.truncate(MOST_PROCESSES);
            let reason = self.serve(&mut connections).await;
            self.shared.disconnected();
            drop(connections);
            self.node.state_changed(EngineState::Lost { reason });
            connections = self.reconnect().await;
            self.node.state_changed(EngineState::Gap { messages: None });
            self.node.state_changed(EngineState::Connected);
        }
    }

    /// Works until a connection is lost, and returns the reason.
    async fn serve(&mut self, connections: &mut Connections) -> String {
        let Connections { commands, listening, notifications, drivers } = connections;
        let link = Link { commands: Arc::clone(commands), listening: Arc::clone(listening) };
        let options = &self.shared.options;
        let often = (options.heartbeat_interval.min(options.heartbeat_timeout) / 5).min(Duration::from_secs(1));
        let mut beats = every(often);
        let mut deletions = every(options.cleanup_interval);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = notifications.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return ended(drivers).await;
                    }
                    if let Err(error) = self.handle(&link, &mut batch).await {
                        return error.to_string();
                    }
                }
                reason = ended(drivers) => {
                    return reason;
                }
                _ = beats.tick() => {
                    if let Some(reason) = self.beat(&link).await {
                        return reason;
                    }
                }
                _ = deletions.tick() => {
                    if let Err(error) = link.commands.clean_up().await {
                        tracing::warn!("old attachments were not deleted: {error}");
                    }
                }
            }
        }
    }

    /// Handles notifications in the order of their arrival.
    async fn handle(&mut self, link: &Link, batch: &mut Vec<Notification>) -> Result<(), EngineError> {
        self.heard = Instant::now();
        let contents: Vec<_> = batch.iter().map(|notification| self.content(notification)).collect();
        let rows: Vec<_> = contents.iter().filter_map(Content::row).collect();
        let loaded = if rows.is_empty() { Ok(HashMap::new()) } else { load(&link.commands, &rows).await };
        // The messages without attachment are handled also when the connection breaks.
        let (mut stored, failure) = loaded.map_or_else(|error| (HashMap::new(), Some(error)), |stored| (stored, None));
        let mut answered = BTreeSet::new();
        let mut received: Vec<_> = batch.drain(..).zip(contents).collect();
        while !received.is_empty() {
            let few: Vec<_> = received.drain(..received.len().min(TOGETHER)).collect();
            self.node.receive_together(|| {
                for (notification, content) in few {
                    let (channel, payload) = (notification.channel(), notification.payload());
                    match content {
                        Content::Own => {}
                        Content::OfTwin => self.node.duplicate_id(),
                        Content::Whole => self.receive(channel, payload.as_bytes(), &mut answered),
                        Content::Stored(row) => match stored.remove(&row) {
                            Some(bytes) => self.receive(channel, &bytes, &mut answered),
                            None => self.node.ignore("the attachment is not in the table, or cannot be read"),
                        },
                    }
                }
            });
        }
        if !answered.is_empty() {
            let answered: Vec<_> = answered.into_iter().collect();
            self.shared.beat(link, &answered, NodeHeartbeat::Regular).await;
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    fn content(&self, notification: &Notification) -> Content {
        // What was sent before a connection was lost may arrive on the next one.
        if self.processes.contains(&notification.process_id()) {
            return Content::Own;
        }
        match header(notification.payload()) {
            Some(header) if header.uid.as_deref() == Some(self.shared.id.as_str()) => Content::OfTwin,
            Some(header) => Content::Stored(header.row),
            None => Content::Whole,
        }
    }

    /// Decodes a message and hands it on. A channel whose initial heartbeat is to be answered is added to `answered`.
    fn receive(&self, channel: &str, bytes: &[u8], answered: &mut Channels) {
        self.node.count_bytes(bytes.len(), 0);
        // A channel that was left has a few notifications more.
        let Some(namespace) = self.shared.directory().namespace(channel).cloned() else { return };
        let NodeEnvelope { from, message } = match self.shared.decoder.decode(bytes, &namespace) {
            Ok(Some(envelope)) => envelope,
            // The own messages are known by their connection.
            Ok(None) => return self.node.duplicate_id(),
            Err(error) => return self.node.ignore(&error.to_string()),
        };
        let is_closing = matches!(message, NodeMessage::Heartbeat { heartbeat: NodeHeartbeat::Closing, .. });
        if let Some(from) = &from {
            let mut directory = self.shared.directory();
            if !is_closing {
                directory.heard(channel, from.clone(), Instant::now());
            } else if directory.left(channel, from) {
                drop(directory);
                self.node.node_left_namespace(from, &namespace);
            }
        }
        match message {
            NodeMessage::Message(message) => self.node.receive(Received { from, message, offset: None }),
            NodeMessage::Heartbeat { heartbeat: NodeHeartbeat::Initial, .. } => {
                answered.insert((channel.to_owned(), namespace));
            }
            NodeMessage::Heartbeat { heartbeat: NodeHeartbeat::Regular | NodeHeartbeat::Closing, .. } => {}
        }
    }

    /// Sends due heartbeats and forgets silent nodes. Returns a reason if the listening connection is silent: the own
    /// heartbeats arrive there, too.
    async fn beat(&self, link: &Link) -> Option<String> {
        let (interval, timeout) = (self.shared.options.heartbeat_interval, self.shared.options.heartbeat_timeout);
        let now = Instant::now();
        let expired = self.shared.directory().expire(timeout, now);
        for (node, namespace) in expired {
            self.node.node_left_namespace(&node, &namespace);
        }
        let due = self.shared.directory().silent(interval, now);
        if !due.is_empty() {
            self.shared.beat(link, &due, NodeHeartbeat::Regular).await;
        }
        let most = interval + timeout.max(self.shared.options.answer_timeout);
        let is_silent = !self.shared.directory().is_empty() && now.duration_since(self.heard) > most;
        is_silent.then(|| format!("no notification arrived for {most:?}"))
    }

    /// Tries until both connections are open and all channels subscribed.
    async fn reconnect(&self) -> Connections {
        let mut delay = FIRST_DELAY;
        loop {
            sleep(jittered(delay)).await;
            delay = (2 * delay).min(LONGEST_DELAY);
            let opened = Connections::open(&self.shared.options).await.map_err(EngineError::from);
            let connected = match opened {
                Ok(connections) => self.shared.connected(&connections).await.map(|()| connections),
                Err(error) => Err(error),
            };
            match connected {
                Ok(connections) => return connections,
                Err(error) => tracing::debug!("PostgreSQL is still away: {error}"),
            }
        }
    }
}

impl Content {
    fn row(&self) -> Option<i64> {
        match self {
            Self::Stored(row) => Some(*row),
            Self::Whole | Self::Own | Self::OfTwin => None,
        }
    }
}

/// The reason for which a connection was lost.
async fn ended(drivers: &mut JoinSet<String>) -> String {
    match drivers.join_next().await {
        Some(Ok(reason)) => reason,
        Some(Err(error)) => error.to_string(),
        None => "the connections are closed".to_owned(),
    }
}

fn every(period: Duration) -> Interval {
    // A period of nothing is no period.
    let period = period.max(Duration::from_millis(1));
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Between half of the delay and all of it.
fn jittered(delay: Duration) -> Duration {
    let mut byte = [0];
    getrandom::fill(&mut byte).expect("the system's random source works");
    delay / 2 + delay / 2 * u32::from(byte[0]) / 255
}
