//! The [`Cluster`]: this server's part in its cluster.

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::hub::cluster::cluster_log::ClusterLog;
use crate::hub::cluster::engine::{Census, Engine, EngineError, EngineState};
use crate::hub::cluster::interest::Interest;
use crate::hub::cluster::log_fate::LogFate;
use crate::hub::cluster::options::ClusterOptions;
use crate::hub::cluster::queue::Queue;
use crate::hub::cluster::recovery::RecoveryStore;
use crate::hub::cluster::requests::{Collected, Requests};
use crate::metrics::{
    ClusterMeter, cluster_gap, cluster_incomplete, cluster_joined, cluster_lost, cluster_not_published,
};
use crate::protocol::cluster::{ClusterMessage, MessageBody, NodeId, Question};

/// The engine of a server, the queue to it, and the open questions. Knows no sockets.
pub(crate) struct Cluster {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) options: ClusterOptions,
    pub(super) queue: Queue,
    pub(super) requests: Requests,
    pub(crate) interest: Interest,
    /// Set if the engine routes messages by room.
    pub(crate) routes_rooms: bool,
    /// Set if the engine also routes messages for single sockets.
    pub(crate) routes_sockets: bool,
    /// Namespaces that are entered at the start and never given up.
    pub(super) fixed: HashSet<Arc<str>>,
    pub(crate) meter: ClusterMeter,
    connection: watch::Sender<Connection>,
    /// The events and sessions in the engine's log, if it keeps one and the server has recovery.
    log: Option<ClusterLog>,
    /// Notified when an event begins to wait for its offset.
    pub(crate) log_filled: Notify,
    /// Cancelled when the tasks of the cluster have to end.
    pub(super) ending: CancellationToken,
    /// Cancelled when the engine is stopped.
    ended: CancellationToken,
}

/// State of the connection to the engine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Connection {
    pub(crate) is_up: bool,
    /// Number of times that the connection was made.
    times: u64,
}

impl Cluster {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        options: ClusterOptions,
        fixed: HashSet<Arc<str>>,
        log: Option<ClusterLog>,
    ) -> Self {
        Self {
            queue: Queue::new(options.queue_messages, options.queue_bytes),
            requests: Requests::default(),
            interest: Interest::new(),
            routes_rooms: engine.routes_rooms(),
            routes_sockets: engine.routes_sockets(),
            fixed,
            meter: ClusterMeter::default(),
            connection: watch::Sender::default(),
            log,
            log_filled: Notify::new(),
            ending: CancellationToken::new(),
            ended: CancellationToken::new(),
            engine,
            options,
        }
    }

    /// Name of the engine.
    pub(crate) fn engine_name(&self) -> &'static str {
        self.engine.name()
    }

    /// Address of the engine.
    pub(crate) fn engine_address(&self) -> String {
        self.engine.address()
    }

    pub(crate) fn node_id(&self) -> &NodeId {
        self.engine.node_id()
    }

    /// The events and sessions in the engine's log, if it keeps one and the server has recovery.
    pub(crate) fn log(&self) -> Option<&ClusterLog> {
        self.log.as_ref()
    }

    /// The engine's store of sessions, if it has one.
    pub(crate) fn recovery_store(&self) -> Option<&dyn RecoveryStore> {
        self.engine.recovery()
    }

    /// Returns `true` while the engine is connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.borrow().is_up
    }

    /// Number and bytes of the messages that are not published yet.
    pub(crate) fn queued(&self) -> (usize, usize) {
        self.queue.load()
    }

    /// Number of questions of this node that wait for answers.
    pub(crate) fn open_requests(&self) -> usize {
        self.requests.len()
    }

    /// Queues a message to the other nodes, without waiting. Returns `false` if it is too large or the queue is full.
    pub(crate) fn publish(&self, namespace: &Arc<str>, body: MessageBody) -> bool {
        self.enqueue(namespace, body, None)
    }

    /// Queues an event for the log, without waiting. The outcome is noted in `fate`.
    pub(crate) fn publish_logged(&self, namespace: &Arc<str>, body: MessageBody, fate: &Arc<LogFate>) -> bool {
        self.enqueue(namespace, body, Some(Arc::clone(fate)))
    }

    fn enqueue(&self, namespace: &Arc<str>, body: MessageBody, fate: Option<Arc<LogFate>>) -> bool {
        if self.ending.is_cancelled() {
            return false;
        }
        let bytes = body.bytes() + namespace.len();
        // Answers are bounded by the queue alone: the description of many sockets is large.
        let is_answer = matches!(body, MessageBody::Answer { .. });
        let (count, reason) = if bytes > self.options.message_bytes && !is_answer {
            (&self.meter.too_large, "it is too large")
        } else if self.queue.push(ClusterMessage { namespace: Arc::clone(namespace), body }, bytes, fate) {
            return true;
        } else {
            (&self.meter.not_published, "the queue is full")
        };
        count.add();
        cluster_not_published(namespace, reason, count.read());
        false
    }

    /// Asks all other nodes and collects their answers, at most for `time`.
    pub(crate) async fn ask(&self, namespace: &Arc<str>, question: Question, time: Duration) -> Collected {
        let name = question.name();
        self.meter.requests.add();
        let collected = self.ask_nodes(namespace, question, time).await;
        let missing = (collected.missing_nodes, collected.missing_clients);
        if missing != (0, 0) || collected.is_unasked {
            self.meter.incomplete_requests.add();
            cluster_incomplete(namespace, name, missing);
        }
        collected
    }

    async fn ask_nodes(&self, namespace: &Arc<str>, question: Question, time: Duration) -> Collected {
        let mut clock = pin!(sleep(time));
        let census = tokio::select! {
            census = self.engine.census(namespace) => census,
            () = &mut clock => return Collected::unasked(),
        };
        let census = match census {
            Ok(Census::Count(0)) => return Collected::default(),
            Ok(Census::Nodes(nodes)) if nodes.is_empty() => return Collected::default(),
            Ok(census) => census,
            Err(_) => return Collected::unasked(),
        };
        let opened = self.requests.open(namespace, census);
        if !self.publish(namespace, MessageBody::Ask { request: opened.id.clone(), question }) {
            return Collected::unasked();
        }
        // What has arrived by the deadline is the result.
        tokio::select! {
            () = opened.complete() => {}
            () = clock => {}
        }
        opened.close()
    }

    /// Number of other nodes that serve the namespace; `None` if the engine is away.
    pub(crate) async fn other_nodes(&self, namespace: &Arc<str>) -> Option<usize> {
        let census = timeout(self.options.request_timeout, self.engine.census(namespace)).await;
        census.ok()?.ok().map(|census| match census {
            Census::Count(count) => count,
            Census::Nodes(nodes) => nodes.len(),
        })
    }

    /// Runs a task until it completes or the cluster ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                () = ending.cancelled() => {}
            }
        });
    }

    /// The time for answers of other nodes.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// Completes when the engine routes messages for this room to this node, or at once if the engine is away.
    pub(crate) async fn room_entered(&self, namespace: &str, room: &str) {
        if self.routes_rooms {
            self.entered(namespace, Some(room)).await;
        }
    }

    /// Completes when the engine receives messages of this namespace, or at once if the engine is away.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine cannot carry a namespace of this name.
    pub(crate) async fn admit(&self, namespace: &str) -> Result<(), EngineError> {
        if self.fixed.contains(namespace) {
            return Ok(());
        }
        self.engine.check_namespace(namespace)?;
        self.entered(namespace, None).await;
        Ok(())
    }

    async fn entered(&self, namespace: &str, room: Option<&str>) {
        let Some(round) = self.interest.round_of(namespace, room) else { return };
        let mut connection = self.connection.subscribe();
        let finished = async {
            tokio::select! {
                () = self.interest.finished(round) => {}
                _ = connection.wait_for(|connection| !connection.is_up) => {}
            }
        };
        // After the limit the engine's confirmation is not awaited any more.
        let _ = timeout(self.options.join_timeout, finished).await;
    }

    /// Notes a change of the connection to the engine.
    pub(super) fn change(&self, state: EngineState) {
        let engine = self.engine.name();
        match state {
            EngineState::Connected => {
                let was_up = self.is_connected();
                self.connection.send_modify(|connection| {
                    *connection = Connection { is_up: true, times: connection.times + 1 };
                });
                if !was_up {
                    cluster_joined(engine, &self.engine.address(), self.engine.node_id());
                }
            }
            EngineState::Lost { reason } => {
                let was_up = self.connection.send_if_modified(|connection| std::mem::take(&mut connection.is_up));
                if was_up {
                    self.meter.losses.add();
                    cluster_lost(engine, &reason);
                }
            }
            EngineState::Gap { messages } => {
                self.meter.gaps.add();
                cluster_gap(engine, messages);
            }
        }
    }

    /// A receiver of changes of the connection.
    pub(super) fn watch_connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    /// Publishes the messages that still wait, within a limit, and stops the engine.
    pub(crate) async fn stop(&self) {
        if self.is_connected() {
            let written = async {
                self.queue.emptied().await;
                if let Some(log) = &self.log {
                    log.sessions.written().await;
                }
            };
            let _ = timeout(self.options.request_timeout, written).await;
        }
        self.ending.cancel();
        let _ = timeout(self.options.request_timeout, self.engine.stop()).await;
        self.ended.cancel();
    }

    /// The longest time that [`Cluster::stop`] takes.
    pub(crate) fn longest_stop(&self) -> Duration {
        self.options.request_timeout * 2
    }

    /// Completes when the engine is stopped.
    pub(crate) async fn stopped(&self) {
        self.ended.cancelled().await;
    }

    /// Ends the tasks of a server that is dropped, without waiting.
    pub(crate) fn abandon(&self) {
        self.ending.cancel();
        self.ended.cancel();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("engine", &self.engine.name())
            .field("node", self.engine.node_id())
            .finish_non_exhaustive()
    }
}
