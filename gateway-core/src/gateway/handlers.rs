//! A gateway's methods, bound to its value.

use std::fmt;
use std::sync::Arc;

use crate::dispatch::{
    Context, Declared, Ended, Handler, Hook, Names, RawReply, RunHook, Running, Started, Subscription, Verdict,
};

/// Takes up the methods of one gateway: what the macros write is what a person could.
pub struct Handlers<G> {
    /// `None` where it could not be built: what it would take up is still looked at, to report all that is wrong.
    gateway: Option<Arc<G>>,
    declared: Declared,
    pub(crate) bound: Bound,
}

/// The methods of one gateway, its type erased.
#[derive(Default)]
pub(crate) struct Bound {
    pub(crate) handlers: Vec<Handler>,
    pub(crate) init: Vec<(Hook, RunHook<Started>)>,
    pub(crate) connect: Vec<(Hook, RunHook<Verdict>)>,
    pub(crate) disconnect: Vec<(Hook, RunHook<Ended>)>,
    pub(crate) message: Vec<(Hook, RunHook<RawReply>)>,
}

macro_rules! hooks {
    ($($(#[$doc:meta])* $name:ident => $list:ident: $outcome:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name<F>(&mut self, hook: Hook, run: F) -> &mut Self
        where
            F: Fn(&Arc<G>, &Context<'_>) -> Running<$outcome> + Send + Sync + 'static,
        {
            let gateway = self.gateway.clone();
            self.bound.$list.push((hook, Box::new(move |context| run(built(gateway.as_ref()), context))));
            self
        }
    )*};
}

// No bound on `Gateway`: a struct without its attribute is then one error, where the block is registered, and not four.
impl<G: Send + Sync + 'static> Handlers<G> {
    pub(crate) fn new(gateway: Option<Arc<G>>, declared: Declared) -> Self {
        Self { gateway, declared, bound: Bound::default() }
    }

    /// Answers an event.
    pub fn subscribe<F>(&mut self, subscription: Subscription, handle: F) -> &mut Self
    where
        F: Fn(&Arc<G>, &Context<'_>) -> Running + Send + Sync + 'static,
    {
        let gateway = self.gateway.clone();
        let (names, event) = Names::new(subscription.event, subscription.also);
        self.bound.handlers.push(Handler {
            event,
            names,
            gateway: self.declared.name,
            subscription,
            call: Box::new(move |context| handle(built(gateway.as_ref()), context)),
        });
        self
    }

    hooks! {
        /// Runs once, before the port opens.
        on_init => init: Started;
        /// Decides on every new socket.
        on_connect => connect: Verdict;
        /// Runs for every socket that was accepted and has gone.
        on_disconnect => disconnect: Ended;
        /// Takes whole messages without an envelope: makes this a raw gateway.
        on_message => message: RawReply;
    }
}

fn built<G>(gateway: Option<&Arc<G>>) -> &Arc<G> {
    gateway.expect("a server whose gateways could not be built does not start")
}

impl<G> fmt::Debug for Handlers<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handlers")
            .field("gateway", &self.declared)
            .field("events", &self.bound.handlers)
            .finish_non_exhaustive()
    }
}

impl Bound {
    pub(crate) fn joined(mut self, mut other: Self) -> Self {
        self.handlers.append(&mut other.handlers);
        self.init.append(&mut other.init);
        self.connect.append(&mut other.connect);
        self.disconnect.append(&mut other.disconnect);
        self.message.append(&mut other.message);
        self
    }

    /// The registry has no order: the source has.
    pub(crate) fn sort(&mut self) {
        self.handlers.sort_by_key(|handler| place(handler.subscription.method));
        self.init.sort_by_key(|(hook, _)| place(*hook));
        self.connect.sort_by_key(|(hook, _)| place(*hook));
        self.disconnect.sort_by_key(|(hook, _)| place(*hook));
    }
}

fn place(hook: Hook) -> (&'static str, u32) {
    (hook.file, hook.line)
}

impl fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bound").field("handlers", &self.handlers).finish_non_exhaustive()
    }
}
