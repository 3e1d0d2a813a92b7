//! Opening of connections.

use std::fmt;
use std::time::Duration;

use redis::aio::AsyncPushSender;
use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisResult,
    cmd,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::connect::{Backoff, ConnectError, Connection, ConnectionName};

/// The servers that an engine talks to.
#[derive(Clone, Debug, Default)]
pub(crate) enum Deployment {
    /// One server.
    #[default]
    Single,
    /// The master of this name, as the Sentinels know it.
    Sentinel(String),
    /// A Redis Cluster.
    Cluster,
}

/// Options of connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) name: String,
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    #[cfg(feature = "tls")]
    pub(crate) certificates: Option<redis::TlsCertificates>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            name: "gateway".to_owned(),
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(5),
            user: None,
            password: None,
            #[cfg(feature = "tls")]
            certificates: None,
        }
    }
}

/// The use of a connection, for its name in `CLIENT LIST` and for its limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Publish,
    Subscribe,
    /// Waits for entries of a stream, each time as long as this.
    Read {
        block: Duration,
    },
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Read { .. } => "read",
        }
    }

    /// Time in which the server is silent by intention.
    fn silence(self) -> Duration {
        match self {
            Self::Publish | Self::Subscribe => Duration::ZERO,
            Self::Read { block } => block,
        }
    }
}

/// Opens connections.
pub(crate) struct Connector {
    servers: Servers,
    address: String,
    pub(crate) options: ConnectOptions,
}

enum Servers {
    Single(Client),
    Sentinel(Mutex<SentinelClient>),
    Cluster(Vec<ConnectionInfo>),
}

impl Connector {
    pub(crate) fn new(urls: &[String], deployment: &Deployment, options: ConnectOptions) -> Result<Self, ConnectError> {
        #[cfg(feature = "tls")]
        // Another provider that the program has chosen stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let configured = || -> RedisResult<(String, Servers)> {
            let infos: Vec<_> = urls.iter().map(|url| connection_info(url, &options)).collect::<RedisResult<_>>()?;
            let addresses: Vec<_> = infos.iter().map(|info| info.addr().to_string()).collect();
            Ok((addresses.join(", "), servers(infos, deployment, &options)?))
        };
        let (address, servers) = configured().map_err(ConnectError::Configuration)?;
        Ok(Self { servers, address, options })
    }

    /// The pauses between attempts to connect, from the first.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.options.first_pause, self.options.longest_pause)
    }

    /// The address without credentials.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Opens a connection whose pushed messages go to `pushes`, the end of the connection among them.
    pub(crate) async fn open(
        &self,
        purpose: Purpose,
        pushes: impl AsyncPushSender,
    ) -> Result<Connection, ConnectError> {
        // The library's limit does not cover the questions to Sentinels.
        let opened = timeout(self.options.connect_timeout, self.connect(purpose, pushes)).await;
        let opened = opened.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        opened.map_err(|error| ConnectError::new(&self.address, error))
    }

    async fn connect(&self, purpose: Purpose, pushes: impl AsyncPushSender) -> RedisResult<Connection> {
        let ConnectOptions { connect_timeout, response_timeout, name, .. } = &self.options;
        let response_timeout = *response_timeout + purpose.silence();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(*connect_timeout))
            .set_response_timeout(Some(response_timeout));
        let mut connection = match &self.servers {
            Servers::Single(client) => {
                let config = config.set_push_sender(pushes);
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?, None)
            }
            Servers::Sentinel(sentinel) => {
                let client = sentinel.lock().await.async_get_client().await?;
                let config = config.set_push_sender(pushes);
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?, None)
            }
            Servers::Cluster(nodes) => {
                return self.cluster(nodes, pushes, response_timeout).await.map(Connection::Cluster);
            }
        };
        // A user may lack the permission: one name only helps people, and the other is of use after rare failures.
        let purpose = format!("{name}:{}", purpose.name());
        let _: Result<(), _> = connection.query(cmd("CLIENT").arg("SETNAME").arg(purpose)).await;
        let info: Option<String> = connection.query(cmd("CLIENT").arg("INFO")).await.ok();
        if let Connection::Single(_, name) = &mut connection {
            *name = info.and_then(|info| ConnectionName::from_info(&info));
        }
        Ok(connection)
    }

    async fn cluster(
        &self,
        nodes: &[ConnectionInfo],
        pushes: impl AsyncPushSender,
        response_timeout: Duration,
    ) -> RedisResult<redis::cluster_async::ClusterConnection> {
        let builder = ClusterClientBuilder::new(nodes.to_vec())
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(self.options.connect_timeout)
            .response_timeout(response_timeout)
            .push_sender(pushes);
        #[cfg(feature = "tls")]
        let builder = match &self.options.certificates {
            Some(certificates) => builder.certs(certificates.clone()),
            None => builder,
        };
        builder.build()?.get_async_connection().await
    }
}

fn connection_info(url: &str, options: &ConnectOptions) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let mut redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    if let Some(user) = &options.user {
        redis = redis.set_username(user);
    }
    if let Some(password) = &options.password {
        redis = redis.set_password(password);
    }
    Ok(info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

fn servers(mut infos: Vec<ConnectionInfo>, deployment: &Deployment, options: &ConnectOptions) -> RedisResult<Servers> {
    Ok(match deployment {
        Deployment::Single => Servers::Single(client(infos.swap_remove(0), options)?),
        Deployment::Sentinel(master) => Servers::Sentinel(Mutex::new(sentinel(&infos, master, options)?)),
        Deployment::Cluster => Servers::Cluster(infos),
    })
}

fn client(info: ConnectionInfo, options: &ConnectOptions) -> RedisResult<Client> {
    #[cfg(feature = "tls")]
    if let Some(certificates) = &options.certificates {
        return Client::build_with_tls(info, certificates.clone());
    }
    let _ = options;
    Client::open(info)
}

/// User, password and database are those of the server; Sentinels are asked without.
fn sentinel(infos: &[ConnectionInfo], master: &str, options: &ConnectOptions) -> RedisResult<SentinelClient> {
    let redis = infos[0].redis_settings().clone();
    let is_encrypted = matches!(infos[0].addr(), ConnectionAddr::TcpTls { .. });
    let sentinels = infos.iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_redis_db(redis.db())
        .set_client_to_redis_tcp_settings(TcpSettings::default().set_nodelay(true));
    if let Some(user) = redis.username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = redis.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if is_encrypted {
        builder = builder.set_client_to_redis_tls_mode(redis::TlsMode::Secure);
    }
    #[cfg(feature = "tls")]
    if let Some(certificates) = &options.certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates.clone());
    }
    let _ = options;
    builder.build()
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}
