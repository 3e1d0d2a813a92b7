//! NestJS-style WebSocket gateways for Rust: annotate a struct, and its methods answer the events of a namespace.
//!
//! ```no_run
//! use gateway_core::prelude::*;
//!
//! #[gateway(namespace = "/chat")]
//! struct Chat;
//!
//! #[gateway]
//! impl Chat {
//!     #[on_connect]
//!     async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
//!         Ok(socket.join("general").await?)
//!     }
//!
//!     #[subscribe("message")]
//!     async fn message(&self, socket: Socket, Data(text): Data<String>) -> usize {
//!         socket.to("general").emit("posted", &text).queued
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), StartError> {
//!     Server::new().serve("127.0.0.1:3000").await
//! }
//! ```
//!
//! Plain WebSocket clients and unmodified Socket.IO clients reach the same gateways on one port, and meet in the same rooms. A
//! request has exactly one end: its reply, the end of its stream, or an exception. What is wrong with a program is found by
//! the compiler, or all at once before the port opens. With the feature `testing` a test connects in memory, on a paused
//! clock.
//!
//! | to | see |
//! | --- | --- |
//! | declare a gateway, and read its arguments | [`macro@gateway`], [`macro@subscribe`], [`FromContext`](extract::FromContext) |
//! | let clients in, or refuse them | [`macro@on_connect`], [`Guard`](pipeline::Guard), [`ConnectRejection`] |
//! | answer, and fail | [`IntoReply`], [`struct@Exception`] |
//! | send to one, to a room, to everybody | [`Socket`], [`Target`], [`Namespace`], [`ServerHandle`], [`trait@Event`] |
//! | serve | [`Server`], [`SocketIo`](socket_io::SocketIo), [`Limits`](limits::Limits), [`GatewayService`](serve::GatewayService) |
//!
//! # Features
//!
//! None is on by default; each only adds.
//!
//! | feature | adds |
//! | --- | --- |
//! | `testing` | clients and servers in memory: the module `testing`, `Server::test` |
//! | `garde` | rules for [`Valid`](validation::Valid) arguments by `#[derive(garde::Validate)]` |
//! | `tls` | `https://` and `wss://`: `Endpoint::tls` |
//! | `http2` | HTTP/2, with WebSockets inside it: `Server::http2` |
//! | `systemd` | listening sockets of systemd's socket activation: `serve::InheritedSockets` |
//! | `config` | options from TOML files and the environment: the module `config`, `Server::config` |
//! | `contract` | the contract as AsyncAPI: the module `contract`, `Server::contract` |
//! | `explorer` | a page that shows the contract and sends events: `Server::explorer` |
//! | `admin` | the server behind the page of Socket.IO's Admin UI: `Server::admin` |
//! | `deflate` | compressed messages of a WebSocket: `Server::deflate` |
//! | `http-compression` | compressed answers to long polling: `SocketIo::http_compression` |
//!
//! The guide, by task, is in `docs/` of the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

/// Options of a server from TOML files and environment variables (feature `config`).
#[cfg(feature = "config")]
pub mod config {
    pub use crate::config_file::{ConfigError, ConfigFault, ConfigReader};
    pub use crate::server::ServerConfig;
}
#[cfg(feature = "contract")]
mod asyncapi;
#[cfg(feature = "config")]
mod config_file;
mod connection;
/// The contract of a server: what its clients may send and receive, as data and as a document of AsyncAPI (feature `contract`).
#[cfg(feature = "contract")]
pub mod contract {
    pub use crate::asyncapi::{
        AsyncApiVersion, Change, ChangeKind, CheckFailure, ClientEvent, ClientReply, Contract, ContractCheck,
        ContractError, ContractServer, ErrorCode, Failures, GuardContract, NamespaceContract, Parameter, Payload,
        PayloadStyle, Sender, ServerEvent, SourcePlace, Verdict, WireProtocol,
    };
    pub use crate::server::assert_current;
    pub use crate::server::contract_main as main;
}
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod handler;
mod hub;
pub mod limits;
pub mod manual;
pub mod metrics;
mod nearest;
mod options;
mod protocol;
mod random;
mod server;
mod session;
mod socket;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

#[doc(hidden)]
pub mod private;

pub use http;

pub use gateway_macros::{
    Event, Exception, Injectable, filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message,
    subscribe,
};

pub use crate::error::{ConnectRejection, Exception, Rejection};
pub use crate::gateway::{Injectable, NamespaceError, Problem, ServiceMissing, Services, StartError};
pub use crate::handler::{Context, IntoException, IntoReply, Reply, Streamed};
pub use crate::hub::{BroadcastResult, JoinError, Namespace, RequestError, Target};
pub use crate::protocol::{CloseCode, Disconnect, Event, Message, Text};
pub use crate::server::{Server, ServerHandle, ServerTarget};
pub use crate::session::{DisconnectReason, SendError, SocketId};
pub use crate::socket::Socket;
pub use crate::transport::{AuthError, Handshake};

/// Arguments of handlers and hooks: extractors, and the traits to write one.
pub mod extract {
    pub use crate::handler::{
        Ack, Auth, Cancellation, Data, EventName, Extension, Extensions, FromContext, FromServerEvent, Path, PerSocket,
        State, on,
    };
    pub use crate::protocol::{Args, Binary, FromArgs, Lenient, RawArgs, ToArgs, TraceParent};
}

/// Layers around handlers: guards before them, interceptors around them, filters for their failures.
pub mod pipeline {
    pub use crate::handler::{
        AsyncGuard, Filter, FilterOutcome, Grant, Guard, GuardContext, GuardPoint, GuardPoints, Interceptor, Next,
    };
}

/// Rules that arguments are checked against before the handler runs.
pub mod validation {
    pub use crate::handler::{Valid, Validate, ValidationErrors};
}

/// Requests from the server to its clients, and volatile events. Both start at a [`Socket`] or a [`Target`].
pub mod emit {
    pub use crate::socket::{AckRequest, AckRequests, Responses, ServerRequest, VolatileSocket};
}

/// Custom message formats.
pub mod format {
    pub use crate::protocol::{
        ClientMessage, FormatError, IncomingMessage, MessageFormat, OutgoingKind, OutgoingMessage,
    };
}

/// Several servers with one set of rooms: the [`Engine`](cluster::Engine) between them, and their messages.
pub mod cluster {
    pub use gateway_macros::on_server_event;

    pub use crate::hub::cluster::{
        Census, ClusterNode, ClusterOptions, Engine, EngineAbsence, EngineError, EngineFuture, EngineState, LogPage,
        MessageReceiver, Published, Received, RecordState, RecoveryStore,
    };
    pub use crate::hub::{ClusterCount, ClusterList};
    pub use crate::protocol::cluster::{
        Answer, BroadcastFlags, ClusterMessage, EventPacket, HandshakeSummary, MessageBody, NodeId, Question,
        RemoteSocket, Selector, StoredSession,
    };

    /// The format of the classic Redis adapter of Socket.IO and of its emitter.
    pub mod classic {
        pub use crate::protocol::cluster::classic::{channel, read, write, write_socket_ids};
        pub use crate::protocol::cluster::{ClassicChannel, ClassicError, ClassicMessage, ClassicSender};
    }

    /// The message format of Node's sharded Redis, Redis streams and PostgreSQL adapters, for engines that talk to them.
    pub mod node_format {
        pub use crate::protocol::cluster::node_format::{
            NodeDecoder, NodeEnvelope, NodeFields, NodeFormatError, NodeFormatLimits, NodeHeartbeat, NodeMessage,
            encode, encode_data, encode_heartbeat, encode_msgpack, has_binary, message_type,
        };
    }
}

/// Options of Socket.IO and Engine.IO endpoints.
pub mod socket_io {
    pub use crate::server::{Cors, EngineIo, Parser, SameSite, SessionCookie, SocketIo, TransportName};
}

/// Endpoints, the service for other HTTP servers, and running and stopping a server.
pub mod serve {
    pub use crate::connection::Drain;
    #[cfg(feature = "admin")]
    pub use crate::server::Admin;
    #[cfg(feature = "http2")]
    pub use crate::server::Http2;
    #[cfg(all(unix, feature = "systemd"))]
    pub use crate::server::InheritedSockets;
    pub use crate::server::{
        Body, Endpoint, GatewayService, HandshakeRejection, LocalAddr, PeerAddr, RunningServer, ServerSentEvents,
    };
    pub use crate::session::Recovery;
    #[cfg(feature = "deflate")]
    pub use crate::transport::Deflate;
}

/// Certificates of a server (feature `tls`).
#[cfg(feature = "tls")]
pub mod tls {
    pub use crate::transport::{PeerCertificate, Tls, TlsError};
}

// Behind the other modules: the compiler names a type by the first path it finds.
pub mod prelude;

/// Registers a generic gateway by naming a concrete type, once: `gateway_core::register!(Chat<MemoryStore>);`
///
/// The type must be declared in the same crate. Its methods may be in up to eight `#[gateway(part = N)]` impl blocks.
#[macro_export]
macro_rules! register {
    ($gateway:ty) => {
        $crate::private::register_concrete! { $crate; $gateway }
    };
}
