//! The connection that commands are executed on.

use std::sync::{Arc, Mutex, PoisonError};

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value};

use crate::connect::{ConnectionName, KeyedCommand};
use crate::link::alive::LiveConnection;

/// The connection that commands are executed on, if there is one. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Publisher(Arc<Mutex<Option<LiveConnection>>>);

/// Failure to execute commands because of the connection.
#[derive(Debug)]
pub(crate) enum PublishFailure {
    /// Nothing was sent.
    Away,
    /// The connection was lost before the server answered: the commands may have been executed.
    Unknown {
        error: RedisError,
        /// The name of the lost connection, by which the server can end it.
        connection: Option<ConnectionName>,
    },
    /// The server executes no commands of this kind now, such as while it loads, or as a replica.
    Refused {
        /// Number of commands that were executed before.
        executed: usize,
        error: RedisError,
    },
}

impl Publisher {
    pub(super) fn set(&self, connection: Option<LiveConnection>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.live().is_none()
    }

    /// Executes commands in their order, and returns the result of each.
    pub(crate) async fn run(&self, commands: Vec<KeyedCommand>) -> Result<Vec<RedisResult<Value>>, PublishFailure> {
        let mut live = self.live().ok_or(PublishFailure::Away)?;
        let results = live.connection.pipeline(commands).await.map_err(|error| {
            live.lose();
            PublishFailure::Unknown { error, connection: live.connection.name().cloned() }
        })?;
        let unable = |result: &RedisResult<Value>| result.as_ref().err().filter(|error| is_unable(error)).cloned();
        let refused = results.iter().enumerate().find_map(|(executed, result)| Some((executed, unable(result)?)));
        match refused {
            None => Ok(results),
            Some((executed, error)) => {
                if is_elsewhere(&error) {
                    live.lose();
                }
                Err(PublishFailure::Refused { executed, error })
            }
        }
    }

    /// Executes a command that changes nothing.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, PublishFailure> {
        let mut live = self.live().ok_or(PublishFailure::Away)?;
        live.connection.query(command).await.map_err(|error| {
            if error.is_unrecoverable_error() || error.is_timeout() {
                live.lose();
            }
            PublishFailure::Unknown { error, connection: None }
        })
    }

    fn live(&self) -> Option<LiveConnection> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.clone().filter(|connection| !connection.is_lost())
    }
}

/// Returns `true` for errors of the server's state, not of the command: another server, or this one later, may execute it.
fn is_unable(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
        )
    ) || matches!(error.code(), Some("OOM" | "MISCONF" | "NOREPLICAS"))
}

/// Returns `true` if another server may be the master now.
fn is_elsewhere(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown))
}

impl std::fmt::Display for PublishFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Away => formatter.write_str("Redis is away"),
            Self::Unknown { error, .. } => write!(formatter, "the connection to Redis was lost: {error}"),
            Self::Refused { error, .. } => write!(formatter, "Redis does not take messages now: {error}"),
        }
    }
}
