//! The two connections of an engine: one listens, the other publishes, reads and deletes attachments.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Notification, Socket, Statement};

use crate::error::{PostgresError, explained};
use crate::options::Options;

/// Notifications that were read from the connection and not yet handled: at most 8 MB. When they are that many, no more are
/// read, and PostgreSQL keeps the rest.
const WAITING_NOTIFICATIONS: usize = 1024;

/// The key of the lock under which the table is created: two servers that create a table at once would fail.
const CREATION_LOCK: i64 = 0x736f_636b_6574_696f;

/// Number of messages that one statement publishes at most.
const LONGEST_RUN: usize = 128;

const NOTIFY: &str = "SELECT pg_notify($1, $2)";
const NOTIFY_ALL: &str =
    "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS message (channel, payload)";
const ABOUT: &str = "SELECT pg_backend_pid(), current_setting('server_encoding')";

/// Both connections.
pub(crate) struct Connections {
    pub(crate) commands: Arc<Commands>,
    pub(crate) listening: Arc<Client>,
    pub(crate) notifications: mpsc::Receiver<Notification>,
    /// The tasks that drive the connections. Each ends with the reason for which its connection was lost.
    pub(crate) drivers: JoinSet<String>,
}

/// The connection for statements, and these.
pub(crate) struct Commands {
    pub(crate) client: Client,
    pub(crate) notify: Statement,
    pub(crate) notify_all: Statement,
    pub(crate) attach: Statement,
    pub(crate) load: Statement,
    cleanup: String,
    answer_timeout: Duration,
    /// Number of messages that one statement publishes at most.
    pub(crate) longest_run: usize,
    /// The number by which notifications name this connection.
    pub(crate) process: i32,
}

/// A connection for statements on its own, and the task that drives it.
pub(crate) struct OwnCommands {
    pub(crate) commands: Arc<Commands>,
    _driver: JoinSet<String>,
}

impl Connections {
    pub(crate) async fn open(options: &Options) -> Result<Self, PostgresError> {
        within(options.answer_timeout, async {
            let mut drivers = JoinSet::new();
            let (waiting, notifications) = mpsc::channel(WAITING_NOTIFICATIONS);
            let commands = Commands::prepare(connect(options, &mut drivers, None).await?, options).await?;
            let listening = connect(options, &mut drivers, Some(waiting)).await?;
            Ok(Self { commands: Arc::new(commands), listening: Arc::new(listening), notifications, drivers })
        })
        .await
    }
}

/// Opens a connection for statements alone.
pub(crate) async fn open_commands(options: &Options) -> Result<OwnCommands, PostgresError> {
    within(options.answer_timeout, async {
        let mut driver = JoinSet::new();
        let client = connect(options, &mut driver, None).await?;
        let commands = Arc::new(Commands::prepare(client, options).await?);
        Ok(OwnCommands { commands, _driver: driver })
    })
    .await
}

/// Waits for an answer of the database, but not longer than this.
async fn within<T>(time: Duration, answer: impl Future<Output = Result<T, PostgresError>>) -> Result<T, PostgresError> {
    timeout(time, answer).await.unwrap_or(Err(PostgresError::Timeout(time)))
}

impl Commands {
    async fn prepare(client: Client, options: &Options) -> Result<Self, PostgresError> {
        let table = &options.table;
        // Notifications do not survive a crash of the database, so nothing has to reach its disk first.
        client.batch_execute("SET synchronous_commit TO off").await.map_err(PostgresError::Statement)?;
        if options.create_table {
            let create = format!(
                "SELECT pg_advisory_xact_lock({CREATION_LOCK}); CREATE TABLE IF NOT EXISTS {table} \
                 (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)"
            );
            client.batch_execute(&create).await.map_err(PostgresError::Statement)?;
        }
        let missing = |error: tokio_postgres::Error| match error.code() {
            Some(code) if *code == SqlState::UNDEFINED_TABLE => PostgresError::TableMissing(table.clone()),
            Some(_) | None => PostgresError::Statement(error),
        };
        let notify = client.prepare(NOTIFY).await.map_err(PostgresError::Statement)?;
        let notify_all = client.prepare(NOTIFY_ALL).await.map_err(PostgresError::Statement)?;
        let attach = format!(
            "WITH stored AS (INSERT INTO {table} (payload) VALUES ($1) RETURNING id) \
             SELECT pg_notify($2, $3::text || stored.id::text || $4::text) FROM stored"
        );
        let attach = client.prepare(&attach).await.map_err(missing)?;
        let load = format!("SELECT id, payload FROM {table} WHERE id = ANY($1)");
        let load = client.prepare(&load).await.map_err(missing)?;
        let about = client.query_one(ABOUT, &[]).await.map_err(PostgresError::Statement)?;
        let age = options.cleanup_interval.as_millis();
        let cleanup = format!("DELETE FROM {table} WHERE created_at < now() - interval '{age} milliseconds'");
        // A database of another encoding refuses a statement for one character that it does not have.
        let longest_run = if about.get::<_, &str>(1) == "UTF8" { LONGEST_RUN } else { 1 };
        let (process, answer_timeout) = (about.get(0), options.answer_timeout);
        Ok(Self { client, notify, notify_all, attach, load, cleanup, answer_timeout, longest_run, process })
    }

    /// Deletes old attachments.
    pub(crate) async fn clean_up(&self) -> Result<(), PostgresError> {
        self.answer(self.client.batch_execute(&self.cleanup)).await
    }

    /// Waits for the answer to a statement.
    pub(crate) async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, PostgresError> {
        within(self.answer_timeout, async { answer.await.map_err(PostgresError::Statement) }).await
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Commands").field("process", &self.process).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").field("commands", &self.commands).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnCommands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.commands.fmt(formatter)
    }
}

async fn connect(
    options: &Options,
    drivers: &mut JoinSet<String>,
    waiting: Option<mpsc::Sender<Notification>>,
) -> Result<Client, PostgresError> {
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        let (client, connection) = options.config.connect(tls.clone()).await.map_err(PostgresError::Connect)?;
        drivers.spawn(drive(connection, waiting));
        return Ok(client);
    }
    let (client, connection) = options.config.connect(NoTls).await.map_err(PostgresError::Connect)?;
    drivers.spawn(drive(connection, waiting));
    Ok(client)
}

/// Reads and writes until the connection is lost, and returns the reason.
async fn drive<T>(mut connection: Connection<Socket, T>, waiting: Option<mpsc::Sender<Notification>>) -> String
where
    T: TlsStream + Unpin,
{
    loop {
        let slot = match &waiting {
            None => None,
            Some(waiting) => match waiting.reserve().await {
                Ok(slot) => Some(slot),
                Err(_) => return "the engine stopped".to_owned(),
            },
        };
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(notification))) => {
                    if let Some(slot) = slot {
                        slot.send(notification);
                    }
                    break;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return explained(&error),
                None => return "the connection was closed".to_owned(),
            }
        }
    }
}
