//! Handlers, and the table that finds one by its event.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::dispatch::event_hash::BuildEventHasher;
use crate::dispatch::{Context, Hooks, Pipeline, Running};
use crate::wire::{CATCH_ALL, is_reserved};

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
    /// What stands around it, if anything does.
    pub(crate) pipeline: Option<Arc<Pipeline>>,
    pub(crate) call: Box<dyn Fn(&Context<'_>) -> Running + Send + Sync>,
}

impl Handler {
    /// The name of the event that it was found for: of one that answers every event, what the client said.
    pub(crate) fn named(&self, event: &str) -> Cow<'_, Arc<str>> {
        if self.is_catch_all() { Cow::Owned(event.into()) } else { Cow::Borrowed(&self.event) }
    }

    pub(crate) fn is_catch_all(&self) -> bool {
        *self.event == *CATCH_ALL
    }
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
    /// The one among them that answers what no other does.
    catch_all: Option<Arc<Handler>>,
    pub(crate) gateways: Vec<Hooks>,
}

impl Router {
    /// Takes a handler up and gives the one whose event it has taken, if there was one.
    pub(crate) fn insert(&mut self, handler: Arc<Handler>) -> Option<Arc<Handler>> {
        if handler.is_catch_all() {
            self.catch_all = Some(Arc::clone(&handler));
        }
        self.handlers.insert(Arc::clone(&handler.event), handler)
    }

    pub(crate) fn find(&self, event: &str) -> Option<&Arc<Handler>> {
        self.handlers.get(event).or_else(|| self.catch_all.as_ref().filter(|_| !is_reserved(event)))
    }

    pub(crate) fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.handlers.values()
    }

    /// Whether whole messages go to a handler of their own.
    pub(crate) fn raw(&self) -> Option<&super::Guarded<super::RawReply>> {
        self.gateways.iter().find_map(|hooks| hooks.message.as_ref())
    }
}
