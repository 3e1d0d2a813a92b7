//! An engine's connections between its start and its stop, and what all engines do with them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gateway_core::cluster::{Census, ClusterNode, EngineError, Published};
use redis::{RedisResult, Value, cmd};

use crate::connect::{Connector, KeyedCommand};
use crate::link::{Link, PublishFailure, PushReceiver, Subscription};

/// The connections of an engine, if it is started.
#[derive(Debug, Default)]
pub(crate) struct Running(RwLock<Option<Arc<Started>>>);

/// The connections of an engine that is started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) link: Link,
    pub(crate) node: ClusterNode,
}

impl Running {
    pub(crate) async fn start(
        &self,
        connector: &Arc<Connector>,
        node: ClusterNode,
        receiver: Arc<dyn PushReceiver>,
    ) -> Result<Arc<Started>, EngineError> {
        if self.get().is_ok() {
            return Err(EngineError::new("the engine serves a server already: each server needs its own"));
        }
        let link = Link::open(Arc::clone(connector), node.clone(), receiver).await;
        let link = link.map_err(|error| EngineError::new(error.to_string()).with_source(error))?;
        let started = Arc::new(Started { link, node });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&started));
        Ok(started)
    }

    pub(crate) async fn stop(&self) {
        let started = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(started) = started {
            started.link.close().await;
        }
    }

    pub(crate) fn get(&self) -> Result<Arc<Started>, EngineError> {
        let started = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        started.ok_or_else(|| EngineError::new("the engine is not started"))
    }

    pub(crate) async fn subscribe(&self, subscriptions: impl IntoIterator<Item = Subscription>) {
        if let Ok(started) = self.get() {
            started.link.subscribe(subscriptions).await;
        }
    }

    pub(crate) async fn unsubscribe(&self, subscriptions: impl IntoIterator<Item = Subscription>) {
        if let Ok(started) = self.get() {
            started.link.unsubscribe(subscriptions).await;
        }
    }
}

impl Started {
    /// Publishes on channels: each message at most once.
    pub(crate) async fn publish(&self, commands: Vec<KeyedCommand>) -> Result<Vec<Published>, EngineError> {
        let count = commands.len();
        let results = self.link.publisher.run(commands).await.map_err(|failure| {
            let published = match &failure {
                PublishFailure::Away => 0,
                // Sent again they might arrive twice.
                PublishFailure::Unknown { .. } => count,
                PublishFailure::Refused { executed, .. } => *executed,
            };
            EngineError::new(failure.to_string()).after_publishing(published)
        })?;
        Ok(results.into_iter().map(published).collect())
    }

    /// Counts the other subscribers of a channel by `NUMSUB` or `SHARDNUMSUB`.
    pub(crate) async fn census(&self, question: &str, channel: &str) -> Result<Census, EngineError> {
        let mut command = cmd("PUBSUB");
        command.arg(question).arg(channel);
        let counts: Result<HashMap<String, usize>, _> = self.link.publisher.query(&command).await;
        let counts = counts.map_err(|failure| EngineError::new(failure.to_string()))?;
        Ok(Census::Count(counts.get(channel).map_or(0, |nodes| nodes.saturating_sub(1))))
    }
}

/// The result of a message for the framework.
fn published(result: RedisResult<Value>) -> Published {
    match result {
        Ok(_) => Published::without_offset(),
        Err(error) => refused(&error),
    }
}

/// Logs a message that the server does not take, such as for a lack of permission.
pub(crate) fn refused(error: &redis::RedisError) -> Published {
    tracing::error!(%error, "Redis refused a message");
    Published::too_large()
}
