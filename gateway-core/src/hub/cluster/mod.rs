//! Several servers with one set of rooms: what nodes tell and ask each other. How the messages travel is the part of an
//! [`Engine`].

mod engine;
mod follower;
mod interest;
mod options;
mod publisher;
mod queue;
mod receiver;
mod recovery;
mod requests;
mod server_events;
mod start;
mod this_node;

pub use engine::{
    Census, ClusterNode, Engine, EngineError, EngineFuture, EngineState, MessageReceiver, Published, Received,
};
pub use options::{ClusterOptions, EngineAbsence};
pub use recovery::{LogPage, RecoveryStore};
pub(crate) use requests::Collected;
pub(crate) use server_events::{ServerEventFuture, ServerEventHandler};
pub(crate) use start::{ClusterSetup, start};
pub(crate) use this_node::Cluster;
