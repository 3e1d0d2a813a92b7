//! Connections to Redis: a server, one found by Sentinel, or a Redis Cluster. Knows nothing of subscriptions and messages.

mod backoff;
mod connection;
mod connector;
mod error;

pub(crate) use backoff::Backoff;
pub(crate) use connection::{Connection, ConnectionName, KeyedCommand};
pub(crate) use connector::{ConnectOptions, Connector, Deployment, Purpose};
pub use error::ConnectError;
