//! The start of a server's part in its cluster, and its tasks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::hub::Hub;
use crate::hub::cluster::cluster_log::{ClusterLog, release_overdue};
use crate::hub::cluster::engine::{ClusterNode, Engine, EngineError, EngineState};
use crate::hub::cluster::follower::Entered;
use crate::hub::cluster::options::{ClusterOptions, EngineAbsence};
use crate::hub::cluster::publisher::publish_all;
use crate::hub::cluster::receiver::Receiver;
use crate::hub::cluster::server_events::ServerEventHandler;
use crate::hub::cluster::session_records::write_records;
use crate::hub::cluster::this_node::Cluster;
use crate::metrics::cluster_unreachable;
use crate::random::random;
use crate::session::Recovery;

/// First and longest pause between attempts to reach the engine.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The parts that a server gives to its cluster.
#[derive(Debug)]
pub(crate) struct ClusterSetup {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) options: ClusterOptions,
    /// Namespaces that are served as long as the server runs. Others are entered when they are first used.
    pub(crate) namespaces: Vec<Arc<str>>,
    /// The handlers of server-side events.
    pub(crate) handler: Arc<dyn ServerEventHandler>,
    /// The options of recovery, if the server has it.
    pub(crate) recovery: Option<Recovery>,
}

/// Connects a server to its cluster.
pub(crate) async fn start(hub: &Arc<Hub>, setup: ClusterSetup) -> Result<(), EngineError> {
    let ClusterSetup { engine, options, namespaces, handler, recovery } = setup;
    let at_start = options.at_start;
    let log = recovery.filter(|_| engine.recovery().is_some() && hub.offsets.take_from_log());
    let log = log.as_ref().map(ClusterLog::new);
    let cluster = Arc::new(Cluster::new(engine, options, namespaces.into_iter().collect(), log));
    let node = ClusterNode::new(Arc::new(Receiver::new(hub, &cluster, handler)));
    let joining = Joining { cluster: Arc::clone(&cluster), hub: Arc::downgrade(hub), node };
    let entered = match at_start {
        EngineAbsence::Fail => {
            joining.connect().await?;
            Some(joining.enter().await)
        }
        EngineAbsence::Wait => {
            joining.connect_in_the_end().await;
            Some(joining.enter().await)
        }
        EngineAbsence::StartAlone => match joining.connect().await {
            Ok(()) => Some(joining.enter().await),
            Err(error) => {
                cluster_unreachable(cluster.engine_name(), &cluster.engine_address(), &error);
                None
            }
        },
    };
    hub.set_cluster(&cluster);
    // Owned by the hub: the task ends when the cluster stops, or the hub is dropped.
    tokio::spawn(joining.run(entered));
    Ok(())
}

/// A node that joins its cluster.
struct Joining {
    cluster: Arc<Cluster>,
    hub: Weak<Hub>,
    node: ClusterNode,
}

impl Joining {
    async fn connect(&self) -> Result<(), EngineError> {
        self.cluster.engine.start(self.node.clone()).await?;
        if !self.cluster.is_connected() {
            self.cluster.change(EngineState::Connected);
        }
        Ok(())
    }

    /// Tries until the engine is reached.
    async fn connect_in_the_end(&self) {
        let (mut pause, longest) = PAUSES;
        while let Err(error) = self.connect().await {
            cluster_unreachable(self.cluster.engine_name(), &self.cluster.engine_address(), &error);
            let [jitter] = random();
            sleep(pause / 2 + pause.mul_f64(f64::from(jitter) / 512.0)).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn enter(&self) -> Entered {
        Entered::enter(&self.cluster).await
    }

    /// Runs until the cluster ends; connects first if that has not happened.
    async fn run(self, entered: Option<Entered>) {
        let entered = async {
            if let Some(entered) = entered {
                return entered;
            }
            self.connect_in_the_end().await;
            self.enter().await
        };
        let entered = tokio::select! {
            entered = entered => entered,
            () = self.cluster.ending.cancelled() => return,
        };
        let Self { cluster, hub, .. } = &self;
        let logging = async {
            if let Some(log) = cluster.log() {
                tokio::join!(release_overdue(cluster, log), write_records(cluster, &log.sessions));
            }
        };
        tokio::join!(publish_all(cluster), entered.follow(cluster, hub), logging);
    }
}
