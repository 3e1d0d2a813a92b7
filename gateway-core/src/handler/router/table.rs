//! Handlers, and the table that finds one by its event.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::handler::context::MethodName;
use crate::handler::router::event_hash::BuildEventHasher;
use crate::handler::router::event_names::{Names, Patterns, is_pattern};
use crate::handler::{EventOverflow, Hooks, Pipeline, Policy, Rate, RunHandler};
use crate::metrics::EventMeter;
use crate::protocol::is_reserved;

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

/// Facts about a handler before it runs.
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
    /// The method `method` at this place answers `event`.
    #[must_use]
    pub const fn new(event: &'static str, method: &'static str, file: &'static str, line: u32) -> Self {
        let policy = Policy { queue: None, surplus: None, timeout: None, rate: None };
        let method = Hook::new(method, file, line);
        Self { event, also: &[], method, arguments: &[], reply: "()", concurrency: 1, policy }
    }

    /// Further names that it answers to. Each may be a pattern, such as `order.*`.
    #[must_use]
    pub const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
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

    /// Sets the number of its events from one socket that may run at once. More than one frees it from the socket's
    /// order.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Sets the number of its events from one socket that may wait. Without it the bound of the socket counts alone.
    #[must_use]
    pub const fn queue(mut self, events: usize) -> Self {
        self.policy.queue = Some(events);
        self
    }

    /// Sets the treatment of events beyond its queue or its rate.
    #[must_use]
    pub const fn overflow(mut self, surplus: EventOverflow) -> Self {
        self.policy.surplus = Some(surplus);
        self
    }

    /// Sets its time limit, in place of the limit `handler_timeout`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Sets the number of its events that one socket may send within this time.
    #[must_use]
    pub const fn rate(mut self, events: u32, within: Duration) -> Self {
        self.policy.rate = Some(Rate { events, within });
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
    /// The name of its event, or those of all its events.
    pub(crate) event: Arc<str>,
    pub(crate) names: Names,
    pub(crate) method: MethodName,
    pub(crate) subscription: Subscription,
    /// Layers around it, if there are any.
    pub(crate) pipeline: Option<Arc<Pipeline>>,
    /// Present where events are measured.
    pub(crate) meter: Option<Arc<EventMeter>>,
    pub(crate) call: RunHandler,
}

impl Handler {
    /// The name of the event that it was found for: where that was by a pattern, what the client said.
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
    exact: HashMap<Arc<str>, Arc<Handler>, BuildEventHasher>,
    /// For what no exact name is.
    patterns: Patterns<Arc<Handler>>,
    handlers: Vec<Arc<Handler>>,
    pub(crate) gateways: Vec<Hooks>,
}

impl Router {
    /// Takes a handler up and gives those whose names it has taken, each with the name.
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

    #[inline]
    pub(crate) fn find(&self, event: &str) -> Option<&Arc<Handler>> {
        self.exact.get(event).or_else(|| self.find_by_pattern(event))
    }

    #[inline(never)]
    fn find_by_pattern(&self, event: &str) -> Option<&Arc<Handler>> {
        self.patterns.find(event).filter(|_| !is_reserved(event))
    }

    /// In the order they were taken up.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.handlers.iter()
    }

    /// Handler of whole messages, in a raw gateway.
    pub(crate) fn raw(&self) -> Option<&crate::handler::GuardedHook<crate::handler::RawReply>> {
        self.gateways.iter().find_map(|hooks| hooks.message.as_ref())
    }
}
