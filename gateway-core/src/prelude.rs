//! Everything an application usually names: `use gateway_core::prelude::*;`

pub use bytes::Bytes;

pub use crate::extract::{Ack, Auth, Data, FromContext, State};
pub use crate::pipeline::{Grant, Guard, GuardContext, Interceptor, Next};
pub use crate::validation::Valid;
pub use crate::{
    ConnectRejection, Context, DisconnectReason, Event, Exception, Handshake, Injectable, Message, Namespace,
    Rejection, Reply, Server, Socket, StartError,
};
pub use crate::{filter, gateway, guard, intercept, on_connect, on_disconnect, on_init, on_message, subscribe};
