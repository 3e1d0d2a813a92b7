//! Failures to connect.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Failure to connect to Redis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL or an option cannot be used.
    #[error("the connection to Redis is not configured correctly")]
    Configuration(#[source] RedisError),
    /// No server was reached.
    #[error("Redis at {address} cannot be reached")]
    Unreachable {
        /// The address, without credentials.
        address: String,
        /// The cause.
        #[source]
        source: RedisError,
    },
    /// The server refused the user name or the password.
    #[error("Redis at {address} refused the user name or the password")]
    Refused {
        /// The address, without credentials.
        address: String,
        /// The cause.
        #[source]
        source: RedisError,
    },
    /// The server is older than Redis 6, or not Redis.
    #[error("the server at {address} does not speak RESP3: Redis 6.2 or later, or Valkey, is needed")]
    TooOld {
        /// The address, without credentials.
        address: String,
        /// The cause.
        #[source]
        source: RedisError,
    },
}

impl ConnectError {
    pub(crate) fn new(address: &str, source: RedisError) -> Self {
        let address = address.to_owned();
        match source.kind() {
            ErrorKind::InvalidClientConfig => Self::Configuration(source),
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Self::Refused { address, source }
            }
            ErrorKind::RESP3NotSupported => Self::TooOld { address, source },
            _ if matches!(source.code(), Some("NOAUTH" | "WRONGPASS")) => Self::Refused { address, source },
            _ => Self::Unreachable { address, source },
        }
    }
}
