//! Several servers with one set of rooms: what nodes tell and ask each other. How the messages travel is the part of an
//! [`Engine`].

mod cluster_log;
mod engine;
mod follower;
mod interest;
mod log_fate;
mod options;
mod publisher;
mod queue;
mod receiver;
mod recovery;
mod requests;
mod server_events;
mod session_records;
mod start;
mod this_node;

pub use engine::{
    Census, ClusterNode, Engine, EngineError, EngineFuture, EngineState, MessageReceiver, Published, Received,
};
pub(crate) use log_fate::LogFate;
pub use options::{ClusterOptions, EngineAbsence};
pub use recovery::{LogPage, RecordState, RecoveryStore};
pub(crate) use requests::Collected;
pub(crate) use server_events::{ServerEventFuture, ServerEventHandler};
pub(crate) use session_records::RecordSource;
pub(crate) use start::{ClusterSetup, start};
pub(crate) use this_node::Cluster;
