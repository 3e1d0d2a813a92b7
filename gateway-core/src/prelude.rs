//! Everything an application usually names: `use gateway_core::prelude::*;`

pub use bytes::Bytes;
pub use http::StatusCode;

pub use crate::{
    Ack, Args, AsyncGuard, Auth, Body, BroadcastResult, Cancellation, CloseCode, ConnectRejection, Context, Counter,
    Data, Disconnect, DisconnectReason, Event, EventName, Exception, Extension, Filter, FilterOutcome, FromContext,
    Grant, Guard, GuardContext, GuardPoint, GuardPoints, Handshake, HandshakeRejection, Injectable, Interceptor,
    IntoException, JoinError, Limits, LocalAddr, Message, Namespace, Next, Overflow, Path, PerSocket, RawArgs,
    Rejection, Reply, RequestError, SendError, Server, ServerHandle, Services, Socket, SocketId, StartError, State,
    Streamed, Target, Valid,
};
pub use crate::{filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message, subscribe};
