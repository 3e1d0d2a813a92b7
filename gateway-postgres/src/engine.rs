//! The engine of a server.

use std::collections::HashSet;
use std::fmt;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_core::cluster::node_format::{NodeDecoder, NodeFormatLimits, NodeHeartbeat, encode_heartbeat};
use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, NodeId, Published,
};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_postgres::Client;

use crate::batch::publish_all;
use crate::connections::{Commands, Connections};
use crate::directory::Directory;
use crate::error::{PostgresError, explained};
use crate::options::{Options, PostgresBuilder};
use crate::publish::started;
use crate::supervisor::Supervisor;

/// Time after entering a namespace in which the other nodes introduce themselves. Until then a census waits.
const INTRODUCTION: Duration = Duration::from_millis(300);

/// Time for the goodbye to the other nodes.
const GOODBYE: Duration = Duration::from_secs(2);

/// The engine of a server in a cluster over PostgreSQL; see the [crate's page](crate).
pub struct Postgres {
    shared: Arc<Shared>,
    /// Connections that were opened before the start.
    opened: Mutex<Option<Connections>>,
    supervisor: Mutex<Option<AbortHandle>>,
}

/// State that the engine and its task share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) id: NodeId,
    pub(crate) decoder: NodeDecoder,
    link: Mutex<Option<Link>>,
    directory: Mutex<Directory>,
    node: Mutex<Option<ClusterNode>>,
}

/// The clients of both connections while these live.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) commands: Arc<Commands>,
    pub(crate) listening: Arc<Client>,
}

impl Postgres {
    /// Connects to a database, `postgres://user:password@host/database`, with the default options.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] for a malformed URL, a database that cannot be reached, and a missing table.
    pub async fn connect(url: &str) -> Result<Self, PostgresError> {
        Self::builder(url).connect().await
    }

    /// Begins with the default options.
    #[must_use]
    pub fn builder(url: &str) -> PostgresBuilder {
        PostgresBuilder::new(url)
    }

    pub(crate) fn new(options: Options, opened: Option<Connections>) -> Self {
        let id = random_id();
        let decoder = NodeDecoder::new(id.clone(), NodeFormatLimits::default());
        let (link, directory, node) = Default::default();
        let shared = Arc::new(Shared { options, id, decoder, link, directory, node });
        Self { shared, opened: Mutex::new(opened), supervisor: Mutex::default() }
    }

    async fn start_with(&self, node: ClusterNode) -> Result<(), EngineError> {
        if locked(&self.supervisor).as_ref().is_some_and(|supervisor| !supervisor.is_finished()) {
            return Err(EngineError::new("the engine serves a server already: each server needs its own"));
        }
        *locked(&self.shared.node) = Some(node.clone());
        let opened = locked(&self.opened).take().filter(|opened| !opened.listening.is_closed());
        let connections = match opened {
            Some(connections) => connections,
            None => Connections::open(&self.shared.options).await?,
        };
        self.shared.connected(&connections).await?;
        let supervisor = Supervisor::new(Arc::clone(&self.shared), node);
        *locked(&self.supervisor) = Some(tokio::spawn(supervisor.run(connections)).abort_handle());
        Ok(())
    }

    async fn enter(&self, namespace: &Arc<str>) {
        let channel = match self.shared.options.channel(namespace) {
            Ok(channel) => channel,
            Err(error) => return tracing::error!("{error}; its messages stay on this server"),
        };
        self.shared.directory().enter(channel.clone(), Arc::clone(namespace), Instant::now());
        let Some(link) = self.shared.link() else { return };
        match link.listen(iter::once(channel.as_str())).await {
            Ok(()) => self.shared.beat(&link, &[(channel, Arc::clone(namespace))], NodeHeartbeat::Initial).await,
            Err(error) => tracing::warn!("the channel {channel} is not subscribed: {error}"),
        }
    }

    async fn exit(&self, namespace: &Arc<str>) {
        let Ok(channel) = self.shared.options.channel(namespace) else { return };
        let was_entered = self.shared.directory().exit(&channel);
        let Some(link) = self.shared.link().filter(|_| was_entered) else { return };
        let unlisten = format!("UNLISTEN {}", quoted(&channel));
        if let Err(error) = link.commands.answer(link.listening.batch_execute(&unlisten)).await {
            tracing::debug!("UNLISTEN on {channel} failed: {error}");
        }
        self.shared.beat(&link, &[(channel, Arc::clone(namespace))], NodeHeartbeat::Closing).await;
    }

    async fn publish_now(&self, messages: &[ClusterMessage]) -> Result<Vec<Published>, EngineError> {
        let shared = &self.shared;
        let Some(link) = shared.link() else { return Err(EngineError::new("PostgreSQL is away")) };
        let (published, bytes) = publish_all(&link.commands, &shared.options, &shared.id, messages).await?;
        let channels: HashSet<_> = messages.iter().map(|message| &message.namespace).collect();
        for channel in channels.into_iter().filter_map(|namespace| shared.options.channel(namespace).ok()) {
            shared.directory().published(&channel, Instant::now());
        }
        if let Some(node) = &*locked(&shared.node) {
            node.count_bytes(0, bytes);
        }
        Ok(published)
    }

    async fn others(&self, namespace: &Arc<str>) -> Result<Census, EngineError> {
        let channel = self.shared.options.channel(namespace)?;
        let census = |shared: &Shared| {
            shared.link().ok_or_else(|| EngineError::new("PostgreSQL is away"))?;
            Ok::<_, EngineError>(shared.directory().census(&channel))
        };
        let Some((entered, nodes)) = census(&self.shared)? else { return Ok(Census::Nodes(HashSet::new())) };
        let introduced = entered + INTRODUCTION;
        if introduced <= Instant::now() {
            return Ok(Census::Nodes(nodes));
        }
        sleep_until(introduced).await;
        Ok(Census::Nodes(census(&self.shared)?.map(|(_, nodes)| nodes).unwrap_or_default()))
    }

    async fn say_goodbye(&self) {
        let all = self.shared.directory().all();
        if let Some(link) = self.shared.link() {
            let goodbye = self.shared.beat(&link, &all, NodeHeartbeat::Closing);
            if timeout(GOODBYE, goodbye).await.is_err() {
                tracing::debug!("PostgreSQL did not take the goodbye in time");
            }
        }
        self.end_supervisor();
    }

    fn end_supervisor(&self) {
        if let Some(supervisor) = locked(&self.supervisor).take() {
            supervisor.abort();
        }
        self.shared.disconnected();
    }
}

impl Shared {
    pub(crate) fn link(&self) -> Option<Link> {
        locked(&self.link).clone()
    }

    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        locked(&self.directory)
    }

    /// Subscribes all channels on new connections and says so to the other nodes.
    pub(crate) async fn connected(&self, connections: &Connections) -> Result<(), EngineError> {
        let link = Link { commands: Arc::clone(&connections.commands), listening: Arc::clone(&connections.listening) };
        // A namespace that is entered from here on is subscribed by `enter`, too.
        *locked(&self.link) = Some(link.clone());
        self.directory().reset_silence(Instant::now());
        let all = self.directory().all();
        if let Err(error) = link.listen(all.iter().map(|(channel, _)| channel.as_str())).await {
            self.disconnected();
            return Err(error.into());
        }
        self.beat(&link, &all, NodeHeartbeat::Initial).await;
        Ok(())
    }

    pub(crate) fn disconnected(&self) {
        *locked(&self.link) = None;
    }

    /// Publishes a heartbeat on these channels. A failure is noticed by the supervisor, as the loss of a connection.
    pub(crate) async fn beat(&self, link: &Link, channels: &[(String, Arc<str>)], heartbeat: NodeHeartbeat) {
        let mut sent = Vec::with_capacity(channels.len());
        for (channel, namespace) in channels {
            let payload = encode_heartbeat(&self.id, namespace, heartbeat);
            self.directory().published(channel, Instant::now());
            sent.push(started(notify(&link.commands, channel, payload)).await);
        }
        let all = async {
            for mut sending in sent {
                sending.as_mut().await;
                if let Some(Err(error)) = sending.as_mut().take_output() {
                    tracing::debug!("a heartbeat failed: {}", explained(&error));
                }
            }
        };
        if timeout(self.options.answer_timeout, all).await.is_err() {
            tracing::debug!("PostgreSQL took no heartbeat in time");
        }
    }
}

impl Link {
    async fn listen(&self, channels: impl Iterator<Item = &str>) -> Result<(), PostgresError> {
        let statements: Vec<_> = channels.map(|channel| format!("LISTEN {}", quoted(channel))).collect();
        self.commands.answer(self.listening.batch_execute(&statements.join("; "))).await
    }
}

async fn notify(commands: &Commands, channel: &str, payload: String) -> Result<u64, tokio_postgres::Error> {
    commands.client.execute(&commands.notify, &[&channel, &payload]).await
}

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn address(&self) -> String {
        self.shared.options.address()
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        Box::pin(self.start_with(node))
    }

    fn node_id(&self) -> &NodeId {
        &self.shared.id
    }

    fn check_namespace(&self, namespace: &str) -> Result<(), EngineError> {
        Ok(self.shared.options.channel(namespace).map(drop)?)
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(self.enter(namespace))
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(self.exit(namespace))
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        Box::pin(self.publish_now(messages))
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        Box::pin(self.others(namespace))
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        Box::pin(self.say_goodbye())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end_supervisor();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("id", &self.shared.id).finish_non_exhaustive()
    }
}

/// The name of a channel as it stands in a statement.
fn quoted(channel: &str) -> String {
    format!("\"{}\"", channel.replace('"', "\"\""))
}

/// Sixteen hexadecimal digits, as Node's adapter has them.
fn random_id() -> NodeId {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system's random source works");
    NodeId::new(data_encoding::HEXLOWER.encode(&bytes))
}

// No user code runs under these locks, so a poisoned lock still guards whole data.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
