//! A connection, to a server or to a Redis Cluster.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Value};

/// A command, and the key or channel that decides which node of a Redis Cluster executes it.
#[derive(Debug)]
pub(crate) struct KeyedCommand {
    pub(crate) key: String,
    pub(crate) command: Cmd,
}

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server, with the number that the server gave the connection.
    Single(MultiplexedConnection, Option<i64>),
    /// To the nodes of a Redis Cluster.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Executes a command.
    pub(crate) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(connection, _) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// The number by which the server can end the connection.
    pub(crate) fn id(&self) -> Option<i64> {
        match self {
            Self::Single(_, id) => *id,
            Self::Cluster(_) => None,
        }
    }

    /// Executes commands of one key at the same moment, and returns the result of each.
    pub(crate) async fn transaction(&mut self, commands: &[Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        pipeline.atomic().ignore_errors();
        for command in commands {
            pipeline.add_command(command.clone());
        }
        match self {
            Self::Single(connection, _) => pipeline.query_async(connection).await,
            Self::Cluster(connection) => pipeline.query_async(connection).await,
        }
    }

    /// Executes commands in their order, and returns the result of each. Fails if the connection does.
    pub(crate) async fn pipeline(&mut self, commands: Vec<KeyedCommand>) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::Single(connection, _) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                let count = commands.len();
                for KeyedCommand { command, .. } in commands {
                    pipeline.add_command(command);
                }
                let values = connection.req_packed_commands(&pipeline, 0, count).await?;
                Ok(values.into_iter().map(result_of).collect())
            }
            Self::Cluster(connection) => pipeline_by_node(connection, commands).await,
        }
    }
}

/// Sends commands for one slot after the other together. Commands of one key keep their order.
async fn pipeline_by_node(
    connection: &mut ClusterConnection,
    commands: Vec<KeyedCommand>,
) -> RedisResult<Vec<RedisResult<Value>>> {
    let mut results = Vec::with_capacity(commands.len());
    let mut commands = commands.into_iter().peekable();
    while let Some(KeyedCommand { key, command }) = commands.next() {
        let route = Route::with_key(&key, SlotAddr::Master);
        let mut pipeline = Pipeline::new();
        pipeline.ignore_errors().add_command(command);
        while let Some(more) = commands.next_if(|next| Route::with_key(&next.key, SlotAddr::Master) == route) {
            pipeline.add_command(more.command);
        }
        let count = pipeline.len();
        let route = SingleNodeRoutingInfo::SpecificNode(route);
        let values = connection.route_pipeline(pipeline, 0, count, route).await?;
        results.extend(values.into_iter().map(result_of));
    }
    Ok(results)
}

fn result_of(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(RedisError::from(error)),
        value => Ok(value),
    }
}
