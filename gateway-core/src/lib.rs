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
//!     fn joined(&self, socket: Socket) -> Result<(), Refusal> {
//!         Ok(socket.join("general")?)
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
//! | let clients in, or refuse them | [`macro@on_connect`], [`Guard`], [`Refusal`] |
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
//! | `config` | options from a configuration file: `ServerConfig`, `Server::config` |
//! | `deflate` | compressed messages of a WebSocket: `Server::deflate` |
//! | `http-compression` | compressed answers to long polling: `SocketIo::http_compression` |
//!
//! The guide, by task, is in `docs/` of the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod dispatch;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod hub;
mod limits;
mod options;
mod server;
mod session;
mod socket;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod wire;

pub mod prelude;
#[doc(hidden)]
pub mod private;

pub use http;

pub use gateway_macros::{
    Event, Exception, Injectable, filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message,
    subscribe,
};

pub use crate::dispatch::{
    Access, Ack, Argument, AsyncGuard, Auth, Call, Cancellation, Caught, Context, Data, Declared, Door, Doors, Ended,
    EventName, Exception, Extension, Extensions, Faults, Filter, FromContext, Guard, Hook, Interceptor, IntoEnded,
    IntoException, IntoGuard, IntoRawReply, IntoRefusal, IntoReply, IntoStarted, IntoVerdict, Items, Needs, Next, Pass,
    Path, PerSocket, RawReply, Refusal, Rejection, Reply, Running, Service, Started, State, Streamed, Subscription,
    Surplus, Valid, Validate, Verdict, Written, on,
};
pub use crate::gateway::{
    Fields, Gateway, Handlers, Injectable, Layers, NamespaceError, Problem, Provided, Registered, StartError,
    Unprovided,
};
pub use crate::hub::{JoinError, Namespace, Sent, Target};
pub use crate::limits::{Limits, Overflow};
#[cfg(feature = "config")]
pub use crate::server::ServerConfig;
pub use crate::server::{
    Body, Cors, Drain, Endpoint, EngineIo, GatewayService, LocalAddr, Parser, PeerAddr, RunningServer, SameSite,
    Server, ServerHandle, SessionCookie, SocketIo, Targets, TransportName, UpgradeRefusal,
};
pub use crate::session::{DisconnectReason, Recovery, RoomRefusal, SendError, SocketId};
pub use crate::socket::{Answers, Request, RequestError, Requests, Socket};
pub use crate::telemetry::{Counter, Counters, Metrics, Traffic};
#[cfg(feature = "deflate")]
pub use crate::transport::Deflate;
pub use crate::transport::{AuthError, Handshake};
#[cfg(feature = "tls")]
pub use crate::transport::{Tls, TlsError};
pub use crate::wire::{
    Args, Binary, ClientMessage, ClientSays, CloseCode, Disconnect, Event, FormatError, FromArgs, Lenient, Message,
    MessageFormat, RawArgs, Says, ServerSays, Text, ToArgs, TraceParent,
};

/// Registers a generic gateway by naming a concrete type, once: `gateway_core::register!(Chat<MemoryStore>);`
///
/// The type must be declared in the same crate. Its methods may be in up to eight `#[gateway(part = N)]` impl blocks.
#[macro_export]
macro_rules! register {
    ($gateway:ty) => {
        $crate::private::register_concrete! { $crate; $gateway }
    };
}
