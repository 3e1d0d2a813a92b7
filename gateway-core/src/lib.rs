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
//! | declare a gateway, and read its arguments | [`macro@gateway`], [`macro@subscribe`], [`FromContext`] |
//! | let clients in, or refuse them | [`macro@on_connect`], [`Guard`], [`ConnectRejection`] |
//! | answer, and fail | [`IntoReply`], [`struct@Exception`] |
//! | send to one, to a room, to everybody | [`Socket`], [`Target`], [`Namespace`], [`ServerHandle`], [`trait@Event`] |
//! | serve | [`Server`], [`SocketIo`], [`Limits`], [`GatewayService`] |
//!
//! # Features
//!
//! None is on by default; each only adds.
//!
//! | feature | adds |
//! | --- | --- |
//! | `testing` | clients and servers in memory: the module `testing`, `Server::test` |
//! | `garde` | rules for [`Valid`] arguments by `#[derive(garde::Validate)]` |
//! | `tls` | `https://` and `wss://`: `Endpoint::tls` |
//! | `config` | options from a configuration file: the module `config`, `Server::config` |
//! | `deflate` | compressed messages of a WebSocket: `Server::deflate` |
//! | `http-compression` | compressed answers to long polling: `SocketIo::http_compression` |
//!
//! The guide, by task, is in `docs/` of the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

/// Options of a server that stand in a configuration file (feature `config`).
#[cfg(feature = "config")]
pub mod config {
    pub use crate::server::ServerConfig;
}
mod connection;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod handler;
mod hub;
mod limits;
mod metrics;
mod options;
mod protocol;
mod random;
mod server;
mod session;
mod socket;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

pub mod prelude;
#[doc(hidden)]
pub mod private;

pub use http;

pub use gateway_macros::{
    Event, Exception, Injectable, filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message,
    subscribe,
};

pub use crate::connection::Drain;
pub use crate::error::{ConnectRejection, Exception, Rejection};
pub use crate::gateway::{
    Fields, Gateway, Handlers, Injectable, Layers, NamespaceError, Problem, Registered, ServiceMissing, Services,
    StartError,
};
pub use crate::handler::{
    Ack, Argument, AsyncGuard, Auth, Cancellation, ConnectOutput, Context, Data, Declared, DisconnectOutput, EventName,
    EventOverflow, Extension, Extensions, Filter, FilterOutcome, FromContext, Grant, Guard, GuardContext, GuardPoint,
    GuardPoints, HandlerFuture, Hook, InitOutput, Interceptor, IntoConnectRejection, IntoException, IntoGuard,
    IntoReply, Items, Next, Path, PerSocket, RawOutput, Reply, Requirements, Service, State, Streamed, Subscription,
    Valid, Validate, ValidationErrors, Written, on,
};
pub use crate::hub::{BroadcastResult, JoinError, Namespace, Target};
pub use crate::limits::{Limits, Overflow};
pub use crate::metrics::{Counter, EventInfo, Metrics};
pub use crate::protocol::{
    Args, Binary, ClientMessage, CloseCode, Disconnect, Event, FormatError, FromArgs, IncomingMessage, Lenient,
    Message, MessageFormat, OutgoingKind, OutgoingMessage, RawArgs, Text, ToArgs, TraceParent,
};
pub use crate::server::{
    Body, Cors, Endpoint, EngineIo, GatewayService, HandshakeRejection, LocalAddr, Parser, PeerAddr, RunningServer,
    SameSite, Server, ServerHandle, ServerTarget, SessionCookie, SocketIo, TransportName,
};
pub use crate::session::{DisconnectReason, Recovery, SendError, SocketId};
pub use crate::socket::{AckRequest, AckRequests, RequestError, Responses, Socket, VolatileSocket};
#[cfg(feature = "deflate")]
pub use crate::transport::Deflate;
pub use crate::transport::{AuthError, Handshake};
#[cfg(feature = "tls")]
pub use crate::transport::{Tls, TlsError};

/// Registers a generic gateway by naming a concrete type, once: `gateway_core::register!(Chat<MemoryStore>);`
///
/// The type must be declared in the same crate. Its methods may be in up to eight `#[gateway(part = N)]` impl blocks.
#[macro_export]
macro_rules! register {
    ($gateway:ty) => {
        $crate::private::register_concrete! { $crate; $gateway }
    };
}
