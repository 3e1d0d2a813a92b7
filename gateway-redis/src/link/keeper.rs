//! The task that keeps an engine's connections: it makes subscriptions, notices losses, and connects again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::{ClusterNode, EngineState};
use redis::cmd;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::connect::{Backoff, ConnectError, ConnectionName, Connector, Purpose};
use crate::link::alive::{Alive, LiveConnection};
use crate::link::subscriptions::{Change, Subscriptions, send};
use crate::link::{Publisher, PushReceiver};

/// Time between the questions whether a silent connection still answers.
const PING: Duration = Duration::from_secs(10);

/// Time after which a connection that is lost is opened again at once.
const STABLE: Duration = Duration::from_secs(10);

/// Changes of subscriptions, and the place to tell that they are made.
pub(super) struct Request {
    pub(super) changes: Vec<Change>,
    pub(super) done: oneshot::Sender<()>,
}

/// A subscriber whose connection was lost. The server may count it until it notices.
enum LostSubscriber {
    Named(ConnectionName),
    /// The server did not say its name, or does not let this user end it.
    Unknown,
}

/// The state of the task.
pub(super) struct Keeper {
    connector: Arc<Connector>,
    node: ClusterNode,
    receiver: Arc<dyn PushReceiver>,
    publisher: Publisher,
    subscriber: Option<LiveConnection>,
    /// A lost subscriber that the server may still count.
    lost: Option<LostSubscriber>,
    subscriptions: Subscriptions,
    requests: mpsc::Receiver<Request>,
    losses: Arc<Notify>,
    backoff: Backoff,
    connected: Instant,
    /// The cause of the next loss, if it is known.
    cause: Option<String>,
}

impl Keeper {
    pub(super) fn new(
        connector: Arc<Connector>,
        node: ClusterNode,
        receiver: Arc<dyn PushReceiver>,
        publisher: Publisher,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let (subscriptions, losses) = Default::default();
        let (backoff, connected) = (connector.backoff(), Instant::now());
        let (subscriber, lost, cause) = (None, None, None);
        Self {
            connector,
            node,
            receiver,
            publisher,
            subscriber,
            lost,
            subscriptions,
            requests,
            losses,
            backoff,
            connected,
            cause,
        }
    }

    /// Runs until the handle is dropped.
    pub(super) async fn run(mut self) {
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.is_lost() && !self.reconnect().await {
                return;
            }
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.fulfil(request).await,
                    None => return,
                },
                () = self.losses.notified() => {}
                _ = pings.tick() => self.ping().await,
            }
        }
    }

    fn is_subscriber_lost(&self) -> bool {
        self.subscriber.as_ref().is_none_or(LiveConnection::is_lost)
    }

    fn is_lost(&self) -> bool {
        self.is_subscriber_lost() || self.publisher.is_lost()
    }

    /// Opens the connections that are missing, and makes all subscriptions on a new one.
    pub(super) async fn connect(&mut self) -> Result<(), ConnectError> {
        if self.is_subscriber_lost() {
            if let Some(live) = self.subscriber.take() {
                self.lost =
                    Some(live.connection.name().cloned().map_or(LostSubscriber::Unknown, LostSubscriber::Named));
            }
            let mut live = self.open(Purpose::Subscribe).await?;
            let renewed = self.subscriptions.renew(&mut live.connection).await;
            renewed.map_err(|error| ConnectError::new(self.connector.address(), error))?;
            self.subscriber = Some(live);
        }
        if self.publisher.is_lost() {
            self.publisher.set(None);
            let live = self.open(Purpose::Publish).await?;
            self.publisher.set(Some(live));
        }
        self.end_lost().await;
        Ok(())
    }

    /// Ends the lost subscriber at the server, which may not have noticed yet: it would count as one more node.
    async fn end_lost(&mut self) {
        let Some(LostSubscriber::Named(name)) = &self.lost else { return };
        let ended: Result<i64, _> = self.publisher.query(&name.kill()).await;
        self.lost = ended.is_err().then_some(LostSubscriber::Unknown);
    }

    async fn open(&self, purpose: Purpose) -> Result<LiveConnection, ConnectError> {
        let alive = Alive::new(&self.losses);
        let receiver = match purpose {
            Purpose::Subscribe => Some(Arc::clone(&self.receiver)),
            Purpose::Publish | Purpose::Read { .. } => None,
        };
        let connection = self.connector.open(purpose, alive.pushes(receiver)).await?;
        Ok(LiveConnection::new(connection, alive))
    }

    /// Reports the loss, and tries until both connections are there. Returns `false` if the handle is dropped.
    async fn reconnect(&mut self) -> bool {
        let is_deaf = self.is_subscriber_lost();
        let side = if is_deaf { "subscribed" } else { "publishing" };
        let reason = self.cause.take().unwrap_or_else(|| format!("the {side} connection was closed"));
        self.node.state_changed(EngineState::Lost { reason });
        let mut is_gap = is_deaf;
        if self.connected.elapsed() > STABLE {
            self.backoff = self.connector.backoff();
        } else if !self.pause().await {
            return false;
        }
        while self.is_lost() {
            is_gap |= self.is_subscriber_lost();
            if let Err(error) = self.connect().await {
                report(&error);
                if !self.pause().await {
                    return false;
                }
            }
        }
        self.connected = Instant::now();
        if is_gap {
            self.node.state_changed(EngineState::Gap { messages: None });
        }
        self.node.state_changed(EngineState::Connected);
        self.check_id().await;
        true
    }

    /// Waits, and notes changes of subscriptions meanwhile. Returns `false` if the handle is dropped.
    async fn pause(&mut self) -> bool {
        let pause = sleep(self.backoff.pause());
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return true,
                request = self.requests.recv() => {
                    let Some(Request { changes, done }) = request else { return false };
                    for change in &changes {
                        self.subscriptions.apply(change);
                    }
                    let _ = done.send(());
                }
            }
        }
    }

    /// Makes the changes of this request and of those that wait behind it.
    async fn fulfil(&mut self, first: Request) {
        let had_own = self.subscriptions.own_channel().is_some();
        let mut changes = Vec::new();
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(Request { changes: wanted, done }) = next {
            changes.extend(wanted.into_iter().filter(|change| self.subscriptions.apply(change)));
            waiting.push(done);
            next = self.requests.try_recv().ok();
        }
        if let Some(live) = self.subscriber.as_mut().filter(|_| !changes.is_empty())
            && let Err(error) = send(&mut live.connection, &changes).await
        {
            self.cause = Some(format!("Redis did not confirm a subscription: {error}"));
            live.lose();
        }
        for done in waiting {
            let _ = done.send(());
        }
        if !had_own {
            self.check_id().await;
        }
    }

    /// Asks on the publishing connection who is subscribed to a channel that only this node is subscribed to.
    async fn check_id(&self) {
        let Some((channel, question)) = self.subscriptions.own_channel() else {
            let _: Result<(), _> = self.publisher.query(&cmd("PING")).await;
            return;
        };
        let mut command = cmd("PUBSUB");
        command.arg(question).arg(channel);
        let counts: Result<HashMap<String, usize>, _> = self.publisher.query(&command).await;
        // A Redis Cluster has connections that come and go unseen.
        let is_certain = self.lost.is_none() && self.subscriber.as_ref().is_some_and(LiveConnection::is_single);
        if is_certain && counts.is_ok_and(|counts| counts.get(channel).is_some_and(|nodes| *nodes > 1)) {
            self.node.duplicate_id();
        }
    }

    /// Gives up connections that do not answer.
    async fn ping(&mut self) {
        if let Some(live) = self.subscriber.as_mut() {
            let answer: Result<(), _> = live.connection.query(&cmd("PING")).await;
            if answer.is_err_and(|error| error.is_unrecoverable_error() || error.is_timeout()) {
                live.lose();
            }
        }
        self.check_id().await;
    }
}

fn report(error: &ConnectError) {
    let is_away = matches!(error, ConnectError::Unreachable { .. });
    let error = error as &dyn std::error::Error;
    if is_away {
        tracing::debug!(error, "Redis cannot be reached yet");
    } else {
        // This ends by what people do.
        tracing::warn!(error, "Redis refuses the connection or its subscriptions");
    }
}
