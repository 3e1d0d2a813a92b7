//! Failures of the engine and the emitter.

use std::time::Duration;

use gateway_core::cluster::EngineError;

/// Failure of the engine or the emitter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The URL of the database is malformed.
    #[error("the URL of the database is malformed")]
    Url(#[source] tokio_postgres::Error),
    /// The name of the table has other characters than letters, digits, `_`, `$` and one dot between schema and table.
    #[error("`{0}` is not the name of a table, with or without its schema")]
    TableName(String),
    /// The channel of a namespace, prefix and `#` included, is longer than PostgreSQL's 63 bytes, or has a NUL character.
    #[error("the channel `{0}` is longer than the 63 bytes that PostgreSQL allows, or has a NUL character")]
    ChannelName(String),
    /// The database cannot be reached, or refuses the connection.
    #[error("the database cannot be reached")]
    Connect(#[source] tokio_postgres::Error),
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    Timeout(Duration),
    /// The table of large and binary messages does not exist.
    #[error("the table `{0}` is missing; it is created by `PostgresBuilder::create_table` or by hand")]
    TableMissing(String),
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[source] tokio_postgres::Error),
    /// An event cannot be written as JSON.
    #[error("the event cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The name of an event is one that Socket.IO keeps for itself, such as `disconnect`.
    #[error("`{0}` is a reserved event name")]
    ReservedEvent(String),
}

impl From<PostgresError> for EngineError {
    fn from(error: PostgresError) -> Self {
        let text = error.to_string();
        match error {
            PostgresError::Url(source) | PostgresError::Connect(source) | PostgresError::Statement(source) => {
                Self::new(format!("{text}: {}", explained(&source))).with_source(source)
            }
            PostgresError::Json(source) => Self::new(text).with_source(source),
            PostgresError::TableName(_)
            | PostgresError::ChannelName(_)
            | PostgresError::Timeout(_)
            | PostgresError::TableMissing(_)
            | PostgresError::ReservedEvent(_) => Self::new(text),
        }
    }
}

/// The database's own words where it has some; the client library says "db error" only.
pub(crate) fn explained(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(answer), _) => answer.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
