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

impl KeyedCommand {
    /// The command that publishes bytes on a channel, in one allocation.
    pub(crate) fn publish(verb: &str, channel: &str, bytes: &[u8]) -> Cmd {
        let mut command = Cmd::with_capacity(3, verb.len() + channel.len() + bytes.len());
        command.arg(verb).arg(channel).arg(bytes);
        command
    }
}

/// A server's own name of a connection. The number alone names another connection once the server was started again, or another
/// server is the master.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ConnectionName {
    id: i64,
    /// Address of this end, as the server sees it.
    address: String,
}

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server, with the server's name of the connection.
    Single(MultiplexedConnection, Option<ConnectionName>),
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

    /// The name by which the server can end the connection.
    pub(crate) fn name(&self) -> Option<&ConnectionName> {
        match self {
            Self::Single(_, name) => name.as_ref(),
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
                if let [KeyedCommand { command, .. }] = &commands[..] {
                    return Ok(vec![result_of(connection.send_packed_command(command).await?)]);
                }
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

impl ConnectionName {
    /// Reads the answer to `CLIENT INFO`.
    pub(crate) fn from_info(info: &str) -> Option<Self> {
        let member = |name: &str| info.split_ascii_whitespace().find_map(|member| member.strip_prefix(name));
        Some(Self { id: member("id=")?.parse().ok()?, address: member("addr=")?.to_owned() })
    }

    /// The command that ends the connection, if it is still there.
    pub(crate) fn kill(&self) -> Cmd {
        let mut command = redis::cmd("CLIENT");
        command.arg("KILL").arg("ID").arg(self.id).arg("ADDR").arg(&self.address).arg("SKIPME").arg("yes");
        command
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_named_by_its_number_and_its_address() {
        let info = "id=7 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name=gateway:subscribe db=0 resp=3\n";
        let name = ConnectionName::from_info(info).unwrap();
        assert_eq!(name, ConnectionName { id: 7, address: "127.0.0.1:50000".to_owned() });
        let command = String::from_utf8(name.kill().get_packed_command()).unwrap();
        assert!(command.contains("KILL") && command.contains("127.0.0.1:50000"), "{command}");
        assert_eq!(ConnectionName::from_info("id=x addr=y"), None);
    }
}
