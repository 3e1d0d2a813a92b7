//! Gateways without macros: the names that the code of a macro consists of, for a person who writes that code.
//!
//! A gateway is a type that says where it was [`Declared`], how its [`Fields`] are filled, and, through a function over
//! [`Handlers`], which of its methods answer which events. A handler is a closure that reads its arguments by
//! [`FromContext`](crate::extract::FromContext) and hands its value on by [`IntoReply`](crate::IntoReply); that of a hook is handed
//! on by [`ConnectOutput`], [`DisconnectOutput`] or [`InitOutput`].
//!
//! ```
//! use gateway_core::extract::{Data, FromContext};
//! use gateway_core::manual::{Declared, Fields, Gateway, HandlerFuture, Handlers, Subscription};
//! use gateway_core::{IntoReply, Server};
//!
//! struct Echo;
//!
//! impl Gateway for Echo {
//!     const NAMESPACE: &'static str = "/echo";
//!     const DECLARED: Declared = Declared::new("Echo", file!(), line!());
//!
//!     fn construct(_: &mut Fields<'_>) -> Option<Self> {
//!         Some(Self)
//!     }
//! }
//!
//! fn handlers(handlers: &mut Handlers<Echo>) {
//!     handlers.subscribe(Subscription::new("say", "say", file!(), line!()), |_, context| {
//!         match Data::<String>::from_context(context) {
//!             Ok(Data(text)) => HandlerFuture::ready(text.into_reply()),
//!             Err(rejection) => HandlerFuture::rejected(rejection),
//!         }
//!     });
//! }
//!
//! let server = Server::empty().gateway_with::<Echo>(handlers);
//! # let _ = server;
//! ```

pub use crate::gateway::{Fields, Gateway, Handlers, Layers, Registered};
pub use crate::handler::{
    Argument, ConnectOutput, Declared, DisconnectOutput, EventOverflow, HandlerFuture, Hook, InitOutput,
    IntoConnectRejection, IntoGuard, Items, RawOutput, Requirements, Service, Subscription, Written,
};
