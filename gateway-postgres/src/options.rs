//! The options of the engine and the emitter.

use std::fmt;
use std::time::Duration;

use tokio_postgres::config::Host;

use crate::connections::open_commands;
use crate::engine::Postgres;
use crate::error::PostgresError;
use crate::{Emitter, connections};

/// Longest name of a channel in bytes: one less than PostgreSQL's NAMEDATALEN.
const LONGEST_CHANNEL: usize = 63;

const DEFAULT_PORT: u16 = 5432;

/// Most bytes of a notification, and one more.
const PAYLOAD_LIMIT: usize = 8000;

/// Options of the engine, by the names that `@socket.io/postgres-adapter` has for them. All servers and emitters of a
/// cluster use the same prefix and table.
#[derive(Clone)]
pub struct PostgresBuilder {
    url: String,
    prefix: String,
    table: String,
    create_table: bool,
    payload_threshold: usize,
    heartbeat_interval: Duration,
    heartbeat_timeout: Duration,
    cleanup_interval: Duration,
    answer_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::RustlsConnector>,
}

/// Checked options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) prefix: String,
    pub(crate) table: String,
    pub(crate) create_table: bool,
    pub(crate) payload_threshold: usize,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_timeout: Duration,
    pub(crate) cleanup_interval: Duration,
    pub(crate) answer_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::RustlsConnector>,
}

impl PostgresBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "socket.io".to_owned(),
            table: "socket_io_attachments".to_owned(),
            create_table: false,
            payload_threshold: PAYLOAD_LIMIT,
            heartbeat_interval: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(10),
            cleanup_interval: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Sets the prefix of the channels, `socket.io` by default. Clusters with different prefixes share a database.
    #[must_use]
    pub fn channel_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets the table of large and binary messages, `socket_io_attachments` by default, with or without its schema.
    #[must_use]
    pub fn table_name(self, table: impl Into<String>) -> Self {
        Self { table: table.into(), ..self }
    }

    /// Creates the table at the start if it is missing. Off by default, as in Node's adapter.
    #[must_use]
    pub fn create_table(self) -> Self {
        Self { create_table: true, ..self }
    }

    /// Sets the size in bytes from which a message goes through the table: 8000 by default, and at most that, since a
    /// notification carries up to 7999 bytes.
    #[must_use]
    pub fn payload_threshold(self, bytes: usize) -> Self {
        Self { payload_threshold: bytes.min(PAYLOAD_LIMIT), ..self }
    }

    /// Sets the time after which a server that sent nothing in a namespace sends a sign of life: 5 seconds by default.
    #[must_use]
    pub fn heartbeat_interval(self, interval: Duration) -> Self {
        Self { heartbeat_interval: interval, ..self }
    }

    /// Sets the time of silence after which another server counts as gone: 10 seconds by default.
    #[must_use]
    pub fn heartbeat_timeout(self, timeout: Duration) -> Self {
        Self { heartbeat_timeout: timeout, ..self }
    }

    /// Sets the age at which rows of the table are deleted, and the time between deletions: 30 seconds by default.
    #[must_use]
    pub fn cleanup_interval(self, interval: Duration) -> Self {
        Self { cleanup_interval: interval, ..self }
    }

    /// Sets the time for opening the connections and for the answer to a statement: 10 seconds by default. A database that
    /// is silent for longer counts as lost, at the latest after the heartbeat interval and this.
    #[must_use]
    pub fn answer_timeout(self, timeout: Duration) -> Self {
        Self { answer_timeout: timeout, ..self }
    }

    /// Encrypts the connections, with the certificates that this configuration trusts. The mode of the URL decides:
    /// `sslmode=require` refuses a server without TLS, `prefer` (the default) does not.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(self, config: impl Into<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>) -> Self {
        Self { tls: Some(crate::tls::RustlsConnector::new(config.into())), ..self }
    }

    /// Connects, and creates the engine.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] for wrong options, a database that cannot be reached, and a missing table.
    pub async fn connect(self) -> Result<Postgres, PostgresError> {
        let options = self.check()?;
        let connections = connections::Connections::open(&options).await?;
        Ok(Postgres::new(options, Some(connections)))
    }

    /// Creates the engine without connecting: the server's start connects.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] for wrong options.
    pub fn build(self) -> Result<Postgres, PostgresError> {
        Ok(Postgres::new(self.check()?, None))
    }

    /// Connects, and creates an emitter.
    ///
    /// # Errors
    ///
    /// As [`connect`](PostgresBuilder::connect).
    pub async fn connect_emitter(self) -> Result<Emitter, PostgresError> {
        let options = self.check()?;
        let commands = open_commands(&options).await?;
        Ok(Emitter::new(options, commands))
    }

    fn check(self) -> Result<Options, PostgresError> {
        let mut config: tokio_postgres::Config = self.url.parse().map_err(PostgresError::Url)?;
        if config.get_application_name().is_none() {
            config.application_name("gateway-postgres");
        }
        if !is_table_name(&self.table) {
            return Err(PostgresError::TableName(self.table));
        }
        let options = Options {
            config,
            prefix: self.prefix,
            table: self.table,
            create_table: self.create_table,
            payload_threshold: self.payload_threshold,
            heartbeat_interval: self.heartbeat_interval,
            heartbeat_timeout: self.heartbeat_timeout,
            cleanup_interval: self.cleanup_interval,
            answer_timeout: self.answer_timeout,
            #[cfg(feature = "tls")]
            tls: self.tls,
        };
        options.channel("/")?;
        Ok(options)
    }
}

impl Options {
    /// The channel of a namespace.
    pub(crate) fn channel(&self, namespace: &str) -> Result<String, PostgresError> {
        let channel = format!("{}#{namespace}", self.prefix);
        let fits = channel.len() <= LONGEST_CHANNEL && !channel.contains('\0');
        if fits { Ok(channel) } else { Err(PostgresError::ChannelName(channel)) }
    }

    /// Hosts and database without credentials, such as `localhost:5432/app`.
    pub(crate) fn address(&self) -> String {
        let (config, ports) = (&self.config, self.config.get_ports());
        let port = |index: usize| ports.get(index).or(ports.last()).copied().unwrap_or(DEFAULT_PORT);
        let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(index)),
            #[cfg(unix)]
            Host::Unix(directory) => format!("{}:{}", directory.display(), port(index)),
        });
        let hosts: Vec<_> = hosts.collect();
        format!("{}/{}", hosts.join(","), config.get_dbname().or(config.get_user()).unwrap_or_default())
    }
}

impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        let mut fields = formatter.debug_struct("PostgresBuilder");
        fields.field("prefix", &self.prefix).field("table", &self.table).finish_non_exhaustive()
    }
}

/// The name is written into statements as it is, so that PostgreSQL folds its case as in Node's adapter.
fn is_table_name(name: &str) -> bool {
    let is_identifier = |part: &str| {
        let is_letter = |letter: char| letter.is_alphabetic() || letter == '_';
        part.starts_with(is_letter)
            && part.chars().all(|letter| is_letter(letter) || letter.is_numeric() || letter == '$')
    };
    let (schema, table) = name.split_once('.').unwrap_or(("public", name));
    is_identifier(schema) && is_identifier(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_identifiers() {
        for name in ["socket_io_attachments", "Äpfel", "app.attachments$2", "_a1"] {
            assert!(is_table_name(name), "{name}");
        }
        for name in ["", ".", "a.", ".a", "a.b.c", "1a", "a b", "a;b", "a\"b", "a-b", "a(b", "a\0"] {
            assert!(!is_table_name(name), "{name}");
        }
    }

    #[test]
    fn a_channel_has_at_most_63_bytes() {
        let options = PostgresBuilder::new("postgres://localhost").check().unwrap();
        assert_eq!(options.channel("/").unwrap(), "socket.io#/");
        let longest = format!("/{}", "a".repeat(52));
        assert_eq!(options.channel(&longest).unwrap().len(), 63);
        assert!(options.channel(&format!("{longest}a")).is_err());
        assert!(options.channel(&format!("/{}", "ä".repeat(27))).is_err());
        assert!(options.channel("/a\0").is_err());
        let prefix = PostgresBuilder::new("postgres://localhost").channel_prefix("p".repeat(62));
        assert!(matches!(prefix.build(), Err(PostgresError::ChannelName(_))));
    }

    #[test]
    fn an_address_has_no_credentials() {
        let check = |url: &str, expected: &str| {
            assert_eq!(PostgresBuilder::new(url).check().unwrap().address(), expected);
        };
        check("postgres://app:geheim@db.example/chat", "db.example:5432/chat");
        check("postgres://app:geheim@one,two:6000/", "one:5432,two:6000/app");
        check("host=/run/postgresql port=6000 user=app", "/run/postgresql:6000/app");
        check("user=app", "/app");
    }

    #[test]
    fn a_password_is_in_no_debug_text() {
        let builder = PostgresBuilder::new("postgres://app:geheim@localhost/app");
        assert!(!format!("{builder:?} {:?}", builder.clone().check().unwrap()).contains("geheim"));
    }
}
