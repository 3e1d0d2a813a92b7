//! Made code gives nobody a warning that is not about their own.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused)]
#![deny(elided_lifetimes_in_paths, unused_qualifications, unused_lifetimes, unit_bindings, trivial_casts)]
#![deny(single_use_lifetimes, redundant_imports, redundant_lifetimes, unused_results, let_underscore_drop)]
#![forbid(unsafe_code)]

use futures_core::Stream;
use gateway_core::prelude::*;

/// Says that somebody wrote.
#[derive(Debug, serde::Serialize, Event)]
#[event("posted")]
pub struct Posted {
    /// The author.
    pub from: String,
}

/// Why not.
#[derive(Debug, thiserror::Error, Exception)]
pub enum ChatError {
    /// Told by an administrator.
    #[error("muted")]
    Muted,
}

/// Public chat.
#[derive(Debug)]
#[gateway(namespace = "/chat")]
pub struct Chat {
    /// Number of messages.
    #[inject(default)]
    pub seen: u64,
}

#[gateway]
impl Chat {
    /// Comes in.
    #[on_connect]
    pub async fn joined(&self, _socket: Socket) {}

    /// Writes.
    #[subscribe]
    pub async fn message(&self, _socket: Socket, text: Data<String>) -> Result<String, ChatError> {
        if text.is_empty() { Err(ChatError::Muted) } else { Ok(text.0) }
    }

    /// Counts.
    #[subscribe]
    pub fn count(&self) -> u64 {
        self.seen
    }

    /// Counts on.
    #[subscribe]
    pub fn counts(&self) -> impl Stream<Item = u64> {
        futures_util::stream::iter([self.seen])
    }
}

/// A chat of one's own store.
#[derive(Debug)]
#[gateway(namespace = "/own")]
pub struct Own<S: Clone> {
    /// The store.
    pub store: S,
}

#[gateway]
impl<S: Clone> Own<S> {
    /// Goes.
    #[on_disconnect]
    pub fn left(&self) {
        drop(self.store.clone());
    }
}

gateway_core::register!(Own<String>);
