//! The channels that an engine is subscribed to.

use std::collections::HashSet;

use redis::{Cmd, RedisError, cmd};

use crate::connect::{Connection, KeyedCommand};

/// The kinds of channels.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum ChannelKind {
    Channel,
    Pattern,
    /// A shard channel (Redis 7).
    Shard,
}

/// A channel or a pattern of channels.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) kind: ChannelKind,
    pub(crate) name: String,
    /// Set for a channel whose name has the id of this node: nobody else is subscribed to it.
    is_own: bool,
}

/// A change of the subscriptions.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Add(Subscription),
    Remove(Subscription),
}

/// The subscriptions that an engine wants.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(HashSet<Subscription>);

/// Maximum number of subscriptions sent before the first is confirmed.
const AT_ONCE: usize = 256;

impl Subscription {
    pub(crate) fn channel(name: impl Into<String>) -> Self {
        Self { kind: ChannelKind::Channel, name: name.into(), is_own: false }
    }

    pub(crate) fn pattern(name: impl Into<String>) -> Self {
        Self { kind: ChannelKind::Pattern, name: name.into(), is_own: false }
    }

    pub(crate) fn shard(name: impl Into<String>) -> Self {
        Self { kind: ChannelKind::Shard, name: name.into(), is_own: false }
    }

    /// Marks a channel whose name has the id of this node.
    pub(crate) fn own(self) -> Self {
        Self { is_own: true, ..self }
    }
}

impl Subscriptions {
    /// Notes the change; returns `false` if nothing changes.
    pub(super) fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Add(subscription) => self.0.insert(subscription.clone()),
            Change::Remove(subscription) => self.0.remove(subscription),
        }
    }

    /// A channel whose name has the id of this node, if there is one, and the question for the number of its subscribers.
    pub(super) fn own_channel(&self) -> Option<(&str, &'static str)> {
        let own = self.0.iter().find(|subscription| subscription.is_own)?;
        let question = if own.kind == ChannelKind::Shard { "SHARDNUMSUB" } else { "NUMSUB" };
        Some((&own.name, question))
    }

    /// Makes all subscriptions on a new connection.
    pub(super) async fn renew(&self, connection: &mut Connection) -> Result<(), RedisError> {
        let changes: Vec<_> = self.0.iter().cloned().map(Change::Add).collect();
        send(connection, &changes).await
    }
}

/// Makes changes on a connection, in their order. Returns when all are confirmed.
pub(super) async fn send(connection: &mut Connection, changes: &[Change]) -> Result<(), RedisError> {
    for changes in changes.chunks(AT_ONCE) {
        match connection {
            Connection::Single(..) => send_pipelined(connection, changes).await?,
            Connection::Cluster(cluster) => {
                for change in changes {
                    match change {
                        Change::Add(Subscription { kind, name, .. }) => match kind {
                            ChannelKind::Channel => cluster.subscribe(name).await?,
                            ChannelKind::Pattern => cluster.psubscribe(name).await?,
                            ChannelKind::Shard => cluster.ssubscribe(name).await?,
                        },
                        Change::Remove(Subscription { kind, name, .. }) => match kind {
                            ChannelKind::Channel => cluster.unsubscribe(name).await?,
                            ChannelKind::Pattern => cluster.punsubscribe(name).await?,
                            ChannelKind::Shard => cluster.sunsubscribe(name).await?,
                        },
                    }
                }
            }
        }
    }
    Ok(())
}

/// Each command names one channel, so that each has one confirmation, and shard channels of different slots are allowed.
async fn send_pipelined(connection: &mut Connection, changes: &[Change]) -> Result<(), RedisError> {
    let commands = changes.iter().map(command).collect();
    for result in connection.pipeline(commands).await? {
        result?;
    }
    Ok(())
}

fn command(change: &Change) -> KeyedCommand {
    let (name, verb) = match change {
        Change::Add(Subscription { kind, name, .. }) => match kind {
            ChannelKind::Channel => (name, "SUBSCRIBE"),
            ChannelKind::Pattern => (name, "PSUBSCRIBE"),
            ChannelKind::Shard => (name, "SSUBSCRIBE"),
        },
        Change::Remove(Subscription { kind, name, .. }) => match kind {
            ChannelKind::Channel => (name, "UNSUBSCRIBE"),
            ChannelKind::Pattern => (name, "PUNSUBSCRIBE"),
            ChannelKind::Shard => (name, "SUNSUBSCRIBE"),
        },
    };
    let mut command: Cmd = cmd(verb);
    command.arg(name);
    KeyedCommand { key: name.clone(), command }
}
