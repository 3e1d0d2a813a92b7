//! Several servers of `gateway-core` with one set of rooms over PostgreSQL, in the format of Socket.IO's
//! `@socket.io/postgres-adapter` 0.5: servers in Rust and in Node, and emitters of both, are one cluster.
//!
//! ```no_run
//! use gateway_core::prelude::*;
//! use gateway_postgres::Postgres;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let postgres = Postgres::connect("postgres://app@localhost/app").await?;
//!     Ok(Server::new().cluster(postgres).serve("0.0.0.0:3000").await?)
//! }
//! ```
//!
//! [`Postgres`] is the [`Engine`](gateway_core::cluster::Engine) of a server; [`Postgres::builder`] has the options. An [`Emitter`] sends to the clients of all
//! servers from a program that is none.
//!
//! # The database
//!
//! Messages travel by `NOTIFY` on one channel for each namespace, `socket.io#/chat`. A message with binary parts or of 8000
//! bytes and more is stored in a table, and the notification names its row:
//!
//! ```sql
//! CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea);
//! ```
//!
//! [`PostgresBuilder::create_table`] creates the table at the start. Rows older than 30 seconds are deleted every 30
//! seconds by each server. A server has two connections; neither may go through a pooler in transaction mode, which has no
//! `LISTEN`. The user needs no more than `INSERT`, `SELECT` and `DELETE` on the table and `USAGE` on its sequence.
//!
//! All servers hear all messages of their namespaces, their own included: PostgreSQL does not filter by room or sender. It
//! keeps up to 8 GB of notifications that a connected server has not read, and then refuses new ones.
//!
//! # What is guaranteed
//!
//! * Messages of one server arrive at each other server in order, large ones too.
//! * Both connections are made again after a loss, with a growing and random delay of at most five seconds, and all
//!   channels are subscribed again. PostgreSQL keeps no notification for a server that is away: what others sent meanwhile
//!   is lost here, and [`EngineState::Gap`](gateway_core::cluster::EngineState::Gap) says so.
//! * Another server that ends without a goodbye counts as gone after 10 seconds of silence; until then questions wait for
//!   its answer.
//! * Messages that were under way when the connection broke count as published, since they may have been. What was not yet
//!   handed over is sent later.
//! * A namespace whose channel would be longer than 63 bytes is refused at the start. PostgreSQL would cut the name for the
//!   listener and refuse it for the sender.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `tls` | encrypted connections: `PostgresBuilder::tls` |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod attachment;
mod batch;
mod connections;
mod directory;
mod emitter;
mod engine;
mod error;
mod options;
mod publish;
mod supervisor;
#[cfg(feature = "tls")]
mod tls;

pub use emitter::{Emitter, EmitterTarget};
pub use engine::Postgres;
pub use error::PostgresError;
pub use options::PostgresBuilder;
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
