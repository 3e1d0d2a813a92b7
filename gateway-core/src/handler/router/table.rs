//! Handlers and the table to find them by event.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxBuildHasher;

use crate::handler::context::MethodName;
use crate::handler::router::event_names::{Names, Patterns, is_pattern};
use crate::handler::{EventOverflow, Hooks, Pipeline, Policy, Rate, RunHandler};
use crate::metrics::EventMeter;
use crate::protocol::is_reserved;

/// The declaration of a gateway.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Declared {
    /// The source file, as named by the compiler.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// Name of the gateway's type.
    pub name: &'static str,
}

impl Declared {
    /// Creates a declaration.
    #[must_use]
    pub const fn new(name: &'static str, file: &'static str, line: u32) -> Self {
        Self { file, line, name }
    }
}

/// The description of a handler.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub(crate) event: &'static str,
    pub(crate) also: &'static [&'static str],
    pub(crate) method: Hook,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) reply: &'static str,
    pub(crate) concurrency: usize,
    pub(crate) policy: Policy,
}

impl Subscription {
    /// Creates a subscription of `method` to `event`, with its source location.
    #[must_use]
    pub const fn new(event: &'static str, method: &'static str, file: &'static str, line: u32) -> Self {
        let policy = Policy { queue: None, surplus: None, timeout: None, rate: None };
        let method = Hook::new(method, file, line);
        Self { event, also: &[], method, arguments: &[], reply: "()", concurrency: 1, policy }
    }

    /// Sets further events. Each may be a pattern such as `order.*`.
    #[must_use]
    pub const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    /// Sets the source text of the arguments' types.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }

    /// Sets the source text of the return type.
    #[must_use]
    pub const fn reply(mut self, reply: &'static str) -> Self {
        self.reply = reply;
        self
    }

    /// Sets the number of events of one socket that may run concurrently. More than one gives up the socket's order.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets the maximum number of queued events of one socket. Default: only the limit of the whole socket.
    #[must_use]
    pub const fn queue(mut self, events: usize) -> Self {
        self.policy.queue = Some(events);
        self
    }

    /// Sets the treatment of events above the queue or the rate.
    #[must_use]
    pub const fn overflow(mut self, surplus: EventOverflow) -> Self {
        self.policy.surplus = Some(surplus);
        self
    }

    /// Sets the time limit in place of `handler_timeout`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Sets the number of events that one socket may send within a time.
    #[must_use]
    pub const fn rate(mut self, events: u32, within: Duration) -> Self {
        self.policy.rate = Some(Rate { events, within });
        self
    }
}

/// A hook method with its source location.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hook {
    /// The method's name.
    pub method: &'static str,
    /// The source file, as named by the compiler.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Hook {
    /// Creates a hook.
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
    /// The name of the event, or of all events.
    pub(crate) event: Arc<str>,
    pub(crate) names: Names,
    pub(crate) method: MethodName,
    pub(crate) subscription: Subscription,
    /// Layers, if any.
    pub(crate) pipeline: Option<Arc<Pipeline>>,
    /// Present if events are measured.
    pub(crate) meter: Option<Arc<EventMeter>>,
    pub(crate) call: RunHandler,
}

impl Handler {
    /// The name of the found event; for a pattern, the name sent by the client.
    pub(crate) fn named(&self, event: &str) -> Cow<'_, Arc<str>> {
        self.names.of_event(&self.event, event)
    }

    pub(crate) fn names(&self) -> &[Arc<str>] {
        self.names.all(&self.event)
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
    /// Clients look names up and insert none, so the hash needs no secret.
    exact: HashMap<Arc<str>, Arc<Handler>, FxBuildHasher>,
    /// Patterns, for events without an exact name.
    patterns: Patterns<Arc<Handler>>,
    handlers: Vec<Arc<Handler>>,
    pub(crate) gateways: Vec<Hooks>,
}

impl Router {
    /// Adds a handler. Returns the handlers it replaces, each with the name.
    pub(crate) fn insert(&mut self, handler: &Arc<Handler>) -> Vec<(Arc<str>, Arc<Handler>)> {
        self.handlers.push(Arc::clone(handler));
        let mut taken = Vec::new();
        for name in handler.names() {
            let rival = if is_pattern(name) {
                self.patterns.insert(name, Arc::clone(handler))
            } else {
                self.exact.insert(Arc::clone(name), Arc::clone(handler))
            };
            taken.extend(rival.map(|rival| (Arc::clone(name), rival)));
        }
        taken
    }

    /// Adds a handler of the framework, which is not listed, for a name that no other handler has.
    pub(crate) fn insert_unlisted(&mut self, name: &str, handler: &Arc<Handler>) {
        self.exact.entry(name.into()).or_insert_with(|| Arc::clone(handler));
    }

    #[inline]
    pub(crate) fn find(&self, event: &str) -> Option<&Arc<Handler>> {
        self.exact.get(event).or_else(|| self.find_by_pattern(event))
    }

    #[inline(never)]
    fn find_by_pattern(&self, event: &str) -> Option<&Arc<Handler>> {
        self.patterns.find(event).filter(|_| !is_reserved(event))
    }

    /// All handlers in the order they were added.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.handlers.iter()
    }

    /// The handler of whole messages, in a raw gateway.
    pub(crate) fn raw(&self) -> Option<&crate::handler::GuardedHook<crate::handler::RawReply>> {
        self.gateways.iter().find_map(|hooks| hooks.message.as_ref())
    }
}
