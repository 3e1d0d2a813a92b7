//! Everything an application usually names: `use gateway_core::prelude::*;`

pub use bytes::Bytes;
pub use http::StatusCode;

pub use crate::{
    Access, Ack, Args, AsyncGuard, Auth, Body, Call, Cancellation, Caught, CloseCode, Context, Counter, Data,
    Disconnect, DisconnectReason, Door, Doors, Event, EventName, Exception, Extension, Filter, FromContext, Guard,
    Handshake, Injectable, Interceptor, IntoException, JoinError, Limits, LocalAddr, Message, Namespace, Next,
    Overflow, Pass, Path, PerSocket, Provided, RawArgs, Refusal, Rejection, Reply, RequestError, SendError, Sent,
    Server, ServerHandle, Socket, SocketId, StartError, State, Streamed, Target, UpgradeRefusal, Valid,
};
pub use crate::{filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message, subscribe};
