//! Everything an application usually names: `use gateway_core::prelude::*;`

pub use bytes::Bytes;
pub use http::StatusCode;

pub use crate::{
    Ack, Args, Body, CloseCode, Context, Counter, Data, Disconnect, DisconnectReason, Event, EventName, Exception,
    FromContext, Handshake, IntoException, JoinError, Limits, LocalAddr, Message, Namespace, Overflow, Path, RawArgs,
    Refusal, Rejection, Reply, RequestError, SendError, Sent, Server, ServerHandle, Socket, SocketId, StartError,
    State, Streamed, Target, UpgradeRefusal, Valid,
};
pub use crate::{gateway, on_connect, on_disconnect, on_init, on_message, subscribe};
