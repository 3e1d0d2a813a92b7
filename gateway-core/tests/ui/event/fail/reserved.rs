use gateway_core::prelude::*;

#[derive(serde::Serialize, Event)]
#[event("connect")]
struct Connect;

#[derive(serde::Serialize, Event)]
#[event("connect_error")]
struct ConnectError;

#[derive(serde::Serialize, Event)]
#[event("disconnect")]
struct Disconnected;

#[derive(serde::Serialize, Event)]
#[event("disconnecting")]
struct Disconnecting;

#[derive(serde::Serialize, Event)]
#[event("newListener")]
struct NewListener;

#[derive(serde::Serialize, Event)]
#[event("removeListener")]
struct RemoveListener;

fn main() {}
