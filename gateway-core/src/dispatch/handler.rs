//! Handlers, and the table that finds one by its event.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::dispatch::event_hash::BuildEventHasher;
use crate::dispatch::{Context, Hooks, Running};

/// Where a gateway was declared.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Declared {
    /// Source file, as the compiler names it.
    pub file: &'static str,
    /// Line in it.
    pub line: u32,
    /// Name of the gateway's type.
    pub name: &'static str,
}

impl Declared {
    /// A declaration.
    #[must_use]
    pub const fn new(name: &'static str, file: &'static str, line: u32) -> Self {
        Self { file, line, name }
    }
}

/// What is known of a handler before it runs.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub(crate) event: &'static str,
    pub(crate) method: Hook,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) reply: &'static str,
    pub(crate) concurrency: usize,
}

impl Subscription {
    /// The method `method` at this place answers `event`.
    #[must_use]
    pub const fn new(event: &'static str, method: &'static str, file: &'static str, line: u32) -> Self {
        Self { event, method: Hook::new(method, file, line), arguments: &[], reply: "()", concurrency: 1 }
    }

    /// The types of its arguments, as written.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }

    /// The type it returns, as written.
    #[must_use]
    pub const fn reply(mut self, reply: &'static str) -> Self {
        self.reply = reply;
        self
    }

    /// How many of its events from one socket may run at once. More than one frees it from the socket's order.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }
}

/// A method and where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hook {
    /// Name of the method.
    pub method: &'static str,
    /// Source file, as the compiler names it.
    pub file: &'static str,
    /// Line in it.
    pub line: u32,
}

impl Hook {
    /// A method at this place.
    #[must_use]
    pub const fn new(method: &'static str, file: &'static str, line: u32) -> Self {
        Self { method, file, line }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}:{})", self.method, self.file, self.line)
    }
}

/// A handler bound to its gateway.
pub(crate) struct Handler {
    pub(crate) event: Arc<str>,
    pub(crate) gateway: &'static str,
    pub(crate) subscription: Subscription,
    pub(crate) call: Box<dyn Fn(&Context<'_>) -> Running + Send + Sync>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handler")
            .field("event", &self.event)
            .field("method", &self.subscription.method)
            .finish_non_exhaustive()
    }
}

/// The handlers and hooks of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Router {
    handlers: HashMap<Arc<str>, Arc<Handler>, BuildEventHasher>,
    pub(crate) gateways: Vec<Hooks>,
}

impl Router {
    /// Takes a handler up and gives the one whose event it has taken, if there was one.
    pub(crate) fn insert(&mut self, handler: Arc<Handler>) -> Option<Arc<Handler>> {
        self.handlers.insert(Arc::clone(&handler.event), handler)
    }

    pub(crate) fn find(&self, event: &str) -> Option<&Arc<Handler>> {
        self.handlers.get(event)
    }

    pub(crate) fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.handlers.values()
    }

    /// Whether whole messages go to a handler of their own.
    pub(crate) fn raw(&self) -> Option<&super::RunHook<super::RawReply>> {
        self.gateways.iter().find_map(|hooks| hooks.message.as_ref())
    }
}
