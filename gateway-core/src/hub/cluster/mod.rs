//! Several servers with one set of rooms: what nodes tell and ask each other. How the messages travel is the part of an
//! [`Engine`].

mod engine;

pub use engine::{
    Census, ClusterNode, Engine, EngineError, EngineFuture, EngineState, MessageReceiver, Published, Received,
};
