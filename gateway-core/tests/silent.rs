//! Made code is silent under every lint that people turn on, and it needs no leave from one that is forbidden. Clippy looks at this file
//! as at every other.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused,
    clippy::pedantic,
    clippy::nursery,
    clippy::all
)]
#![deny(elided_lifetimes_in_paths, unused_lifetimes, unit_bindings, trivial_casts, unnameable_types)]
#![deny(
    single_use_lifetimes,
    redundant_imports,
    redundant_lifetimes,
    unused_results,
    let_underscore_drop,
    unused_import_braces,
    variant_size_differences
)]
#![forbid(unsafe_code, unused_imports, unused_mut)]
#![forbid(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::unused_async,
    clippy::must_use_candidate,
    clippy::missing_const_for_fn,
    clippy::items_after_statements,
    clippy::trivially_copy_pass_by_ref,
    clippy::default_trait_access,
    clippy::redundant_pub_crate,
    clippy::future_not_send
)]

use futures_core::Stream;
use gateway_core::extract::Data;
use gateway_core::pipeline::{Filter, FilterOutcome, Grant, Guard, GuardContext};
use gateway_core::{
    Context, Event, Exception, Injectable, Socket, filter, gateway, guard, intercept, on_connect, on_disconnect,
    on_init, subscribe,
};
use std::sync::Arc;

#[allow(
    unreachable_pub,
    non_upper_case_globals,
    dead_code,
    non_camel_case_types,
    missing_docs,
    missing_debug_implementations
)]
mod colliding {
    pub const value: u8 = 1;
    pub static a0: u8 = 1;
    #[derive(Debug)]
    pub struct cx;
    #[derive(Debug)]
    pub struct gateway;
    #[derive(Debug)]
    pub struct fields;
    pub const handlers: u8 = 1;
    pub const HANDLERS: u8 = 3;
    pub const layers: u8 = 1;
    pub const written: u8 = 1;
    pub const made: u8 = 1;
    pub const rejection: u8 = 1;
    pub const items: u8 = 1;
    pub const exception: u8 = 1;
    pub const error: u8 = 1;
    pub const seen: u8 = 1;
    pub const field_0: u8 = 1;
}
#[allow(clippy::wildcard_imports)]
use colliding::*;
/// f
#[must_use]
pub fn all() -> u8 {
    let _ = (gateway, fields, cx);
    value + a0 + handlers + HANDLERS + layers + written + made + rejection + items + exception + error + field_0 + seen
}

/// Blanket.
pub trait Blanket: Sized {
    /// m
    fn make(&self) {}
    /// m
    fn add(&self) {}
    /// m
    fn guard(self) {}
    /// m
    fn filter(self) {}
    /// m
    fn forward(self) {}
    /// m
    fn around(self) {}
    /// m
    fn arguments(self) {}
    /// m
    fn provided(self) {}
    /// m
    fn rejected(self) {}
    /// m
    fn subscribe(self) {}
    /// m
    fn also(self) {}
    /// m
    fn reply(self) {}
    /// m
    fn concurrency(self) {}
    /// m
    fn timeout(self) {}
    /// m
    fn into_reply(self) {}
    /// m
    fn text(self) {}
    /// m
    fn keep(self) {}
    /// m
    fn into_exception(self) {}
}
impl<T> Blanket for T {}

/// Said.
#[deprecated = "x"]
#[derive(Debug, serde::Serialize, Event)]
#[event("posted")]
pub struct Posted {
    /// The author.
    pub from: String,
}
/// Said.
#[derive(Debug, serde::Serialize, Event)]
#[event("posted2")]
pub struct Posted2 {
    /// The author.
    #[deprecated]
    pub from: String,
}
/// Why.
#[derive(Debug, thiserror::Error, Exception)]
pub enum ChatError {
    /// Told.
    #[error("muted")]
    Muted,
    /// Told.
    #[error("muted")]
    #[deprecated]
    Muted2,
    /// x
    #[error(transparent)]
    #[exception(hide)]
    Io(#[from] std::io::Error),
}
/// G
#[derive(Debug, Injectable)]
#[allow(non_snake_case)]
pub struct Yes {
    /// x
    #[deprecated]
    pub camelCase: Arc<u8>,
    #[inject(default)]
    value: u8,
}
impl Guard for Yes {
    type Grants = ();
    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, gateway_core::Exception> {
        Grant::when(self.value > 1)
    }
}
/// F
#[derive(Debug, Default)]
pub struct Fil;
impl Filter for Fil {
    type Error = ChatError;
    fn catch(&self, _: &ChatError, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::rethrow()
    }
}
/// I
#[derive(Debug, Default)]
pub struct Int;
impl gateway_core::pipeline::Interceptor for Int {
    async fn intercept(&self, _: &Context<'_>, next: gateway_core::pipeline::Next<'_>) -> gateway_core::Reply {
        next.run().await
    }
}

/// Public chat.
#[derive(Debug)]
#[gateway(namespace = "/chat")]
#[deprecated]
#[guard(Yes)]
pub struct Chat {
    /// Number of messages.
    #[inject(default)]
    #[deprecated]
    pub seen: u64,
    /// x
    pub value: Arc<u8>,
    #[inject(with = std::default::Default::default)]
    fields: Vec<u8>,
}
#[allow(deprecated)]
#[gateway]
impl Chat {
    /// Comes in.
    #[on_connect]
    pub async fn joined(&self, _socket: Socket) {}
    /// Comes in.
    #[on_init]
    pub fn begin(&self) {}
    /// Comes in.
    #[on_disconnect]
    pub fn left(&self) {}
    /// Writes.
    ///
    /// # Errors
    /// yes
    #[subscribe]
    #[guard(Yes)]
    #[filter(Fil)]
    #[intercept(Int)]
    #[deprecated]
    pub async fn message(
        &self,
        _socket: Socket,
        text: Data<String>,
        Data(list): Data<Vec<u8>>,
    ) -> Result<String, ChatError> {
        if text.is_empty() || list.is_empty() { Err(ChatError::Muted) } else { Ok(text.0) }
    }
    /// Counts.
    #[subscribe("count", concurrency = 4, timeout = "5s", rate = "3/s")]
    pub fn count(&self, _list: Data<Vec<u8>>) -> u64 {
        3
    }
    /// Counts.
    #[subscribe]
    pub async fn count2(&self) -> u64 {
        3
    }
    #[subscribe]
    fn count3(&self, s: Data<String>) -> u64 {
        s.len() as u64 + self.fields.len() as u64
    }
    /// Counts.
    #[subscribe]
    pub(crate) fn count4(&self) -> u64 {
        3
    }
    /// Counts on.
    #[subscribe]
    pub fn counts(&self) -> impl Stream<Item = u64> + use<> {
        futures_util::stream::iter([3])
    }
    /// Counts.
    #[subscribe]
    #[allow(deprecated)]
    pub fn old(&self) -> gateway_core::extract::Data<Posted2> {
        gateway_core::extract::Data(Posted2 { from: String::new() })
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
    #[deprecated]
    pub fn left(&self) {
        drop(self.store.clone());
    }
}
gateway_core::register!(Own<String>);

#[test]
fn made_code_gives_no_warning() {
    assert_eq!(
        all(),
        value
            + a0
            + handlers
            + HANDLERS
            + layers
            + written
            + made
            + rejection
            + items
            + exception
            + error
            + field_0
            + seen
    );
}
