//! The Redis that the servers of a cluster share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::cmd;

use crate::connect::{ConnectError, ConnectOptions, Connector, Deployment, Purpose};
use crate::emitter::Emitter;
use crate::pub_sub::PubSub;
use crate::sharded::Sharded;
use crate::streams::Streams;

/// A Redis or Valkey that servers share. Engines and emitters of it open connections of their own.
#[derive(Clone, Debug)]
pub struct Redis {
    connector: Arc<Connector>,
}

/// Options of the connections to Redis; see [`Redis::builder`].
#[derive(Clone)]
pub struct RedisBuilder {
    urls: Vec<String>,
    deployment: Deployment,
    options: ConnectOptions,
}

impl Redis {
    /// Connects once to check that Redis can be reached, with a URL such as `redis://user:password@host:6379/0`,
    /// `rediss://host` for TLS (feature `tls`), or `redis+unix:///path`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the URL is malformed, the server cannot be reached, or refuses the user.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Starts the options of connections to one server.
    pub fn builder(url: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(vec![url.into()], Deployment::Single)
    }

    /// Starts the options of connections to the master that Sentinels know by this name. The URLs are those of the Sentinels;
    /// user, password and database of the first are used for the master.
    ///
    /// # Panics
    ///
    /// If there is no URL.
    pub fn sentinel<U: Into<String>>(urls: impl IntoIterator<Item = U>, master: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(urls.into_iter().map(Into::into).collect(), Deployment::Sentinel(master.into()))
    }

    /// Starts the options of connections to a Redis Cluster, of which at least one of the URLs is a node.
    ///
    /// # Panics
    ///
    /// If there is no URL.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisBuilder {
        RedisBuilder::new(urls.into_iter().map(Into::into).collect(), Deployment::Cluster)
    }

    /// Creates an engine over publish and subscribe that belongs to one cluster with Node servers of
    /// `@socket.io/redis-adapter` (`createAdapter`).
    #[must_use]
    pub fn pub_sub(&self) -> PubSub {
        PubSub::new(Arc::clone(&self.connector))
    }

    /// Creates an engine over shard channels (Redis 7) that belongs to one cluster with Node servers of
    /// `@socket.io/redis-adapter` (`createShardedAdapter`).
    #[must_use]
    pub fn sharded(&self) -> Sharded {
        Sharded::new(Arc::clone(&self.connector))
    }

    /// Creates an engine over streams that belongs to one cluster with Node servers of `@socket.io/redis-streams-adapter`.
    #[must_use]
    pub fn streams(&self) -> Streams {
        Streams::new(Arc::clone(&self.connector))
    }

    /// Creates an emitter for servers with [`Redis::pub_sub`] and Node servers of `@socket.io/redis-adapter`. Those of other
    /// options are created by [`PubSub::emitter`] and [`Streams::emitter`].
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        self.pub_sub().emitter()
    }
}

impl RedisBuilder {
    fn new(urls: Vec<String>, deployment: Deployment) -> Self {
        assert!(!urls.is_empty(), "at least one URL of a server is needed");
        Self { urls, deployment, options: ConnectOptions::default() }
    }

    /// Sets the user name and the password (ACL), instead of those of the URL.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.options.user = Some(name.into());
        self.options.password = Some(password.into());
        self
    }

    /// Sets the root certificates (PEM) that the server's certificate is checked against, instead of the system's.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates().root_cert = Some(pem.into());
        self
    }

    /// Sets the certificate and the key (PEM) that the client shows to the server.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let (client_cert, client_key) = (certificate.into(), key.into());
        self.certificates().client_tls = Some(redis::ClientTlsConfig { client_cert, client_key });
        self
    }

    #[cfg(feature = "tls")]
    fn certificates(&mut self) -> &mut redis::TlsCertificates {
        let none = redis::TlsCertificates { client_tls: None, root_cert: None };
        self.options.certificates.get_or_insert(none)
    }

    /// Sets the first part of the connections' names in `CLIENT LIST`, such as `gateway:subscribe`. Default `gateway`.
    #[must_use]
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.options.name = name.into();
        self
    }

    /// Sets the time after which an attempt to connect has failed. Default 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// Sets the time after which a connection without an answer is given up and opened again. Default 5 s.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.options.response_timeout = timeout;
        self
    }

    /// Sets the first and the longest pause between attempts to reconnect. A pause is twice the one before, and a random part
    /// of up to a half is taken away. Default 50 ms to 5 s.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.options.first_pause = first;
        self.options.longest_pause = longest;
        self
    }

    /// Finishes without connecting: a server decides by its options what happens if Redis is away when the server starts.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Configuration`] if a URL or a certificate is malformed.
    pub fn build(self) -> Result<Redis, ConnectError> {
        let connector = Connector::new(&self.urls, &self.deployment, self.options)?;
        Ok(Redis { connector: Arc::new(connector) })
    }

    /// Finishes, and connects once to check that Redis can be reached.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if an option is wrong, the server cannot be reached, or refuses the user.
    pub async fn connect(self) -> Result<Redis, ConnectError> {
        let redis = self.build()?;
        let nowhere = |_| Ok::<(), std::convert::Infallible>(());
        let mut connection = redis.connector.open(Purpose::Publish, nowhere).await?;
        let answer: Result<(), _> = connection.query(&cmd("PING")).await;
        answer.map_err(|error| ConnectError::new(redis.connector.address(), error))?;
        Ok(redis)
    }
}

impl fmt::Debug for RedisBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisBuilder").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}
