//! Registration of a gateway's methods.

use std::fmt;
use std::sync::Arc;

use crate::error::{ConnectRejection, Exception};
use crate::gateway::layers::{AddLayers, Layers};
use crate::gateway::method_entry::{Describe, MethodEntry, SubscriptionEntry};
use crate::handler::{
    Argument, Context, Declared, ErrorTypes, Handler, HandlerFuture, Hook, MethodName, Names, RawReply, RunHandler,
    RunHook, Subscription,
};
use crate::protocol::Message;

/// A collector of a gateway's methods. Macro output uses only what hand-written code can use too.
pub struct Handlers<G> {
    /// `None` if the gateway could not be built. Its methods are still checked, to report all problems.
    gateway: Option<Arc<G>>,
    declared: Declared,
    pub(crate) bound: Bound,
    /// The method that [`Handlers::around`] and [`Handlers::arguments`] refer to.
    last: LastAdded,
}

/// The list that the last method was added to.
#[derive(Clone, Copy, Debug)]
enum LastAdded {
    Nothing,
    Subscribe,
    Init,
    Connect,
    Disconnect,
    Message,
    ServerEvent,
}

/// The methods of a gateway with its type erased.
#[derive(Default)]
pub(crate) struct Bound {
    pub(crate) handlers: Vec<Bare<Handler>>,
    pub(crate) init: Vec<Bare<RunHook<Result<(), String>>>>,
    pub(crate) connect: Vec<Bare<RunHook<Result<(), ConnectRejection>>>>,
    pub(crate) disconnect: Vec<Bare<RunHook<Result<(), Exception>>>>,
    pub(crate) message: Vec<Bare<RunHook<RawReply>>>,
    pub(crate) server_events: Vec<Bare<Handler>>,
}

/// A method without its layers, which are created when all methods are known.
pub(crate) struct Bare<T> {
    pub(crate) hook: Hook,
    pub(crate) run: T,
    pub(crate) more: More,
}

/// Data of a method besides its function.
#[derive(Debug, Default)]
pub(crate) struct More {
    pub(crate) around: Option<AddLayers>,
    pub(crate) arguments: Vec<Argument>,
    /// The error types it may return; `None` means any.
    pub(crate) error_types: Option<fn(&mut ErrorTypes)>,
    pub(crate) describe: Option<Describe>,
}

impl<T> Bare<T> {
    fn new(hook: Hook, run: T) -> Self {
        Self { hook, run, more: More::default() }
    }
}

macro_rules! hooks {
    ($($(#[$doc:meta])* $name:ident, $method:ident => $list:ident, $last:ident: $outcome:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name<F>(&mut self, hook: Hook, run: F) -> &mut Self
        where
            F: Fn(&Arc<G>, &Context<'_>) -> HandlerFuture<$outcome> + Send + Sync + 'static,
        {
            let run: RunHook<$outcome> = self.with_gateway(run);
            self.bound.$list.push(Bare::new(hook, run));
            self.last = LastAdded::$last;
            self
        }

        /// Adds the method of a macro.
        #[doc(hidden)]
        pub fn $method(&mut self, entry: &MethodEntry, run: fn(&Arc<G>, &Context<'_>) -> HandlerFuture<$outcome>) {
            self.$name(entry.hook(), run).arguments(entry.arguments()).describe(entry);
        }
    )*};
}

// No bound on `Gateway`: a struct without the attribute then causes one compiler error at the block instead of four.
impl<G: Send + Sync + 'static> Handlers<G> {
    pub(crate) fn new(gateway: Option<Arc<G>>, declared: Declared) -> Self {
        Self { gateway, declared, bound: Bound::default(), last: LastAdded::Nothing }
    }

    /// Adds a handler of an event.
    pub fn subscribe<F>(&mut self, subscription: Subscription, handle: F) -> &mut Self
    where
        F: Fn(&Arc<G>, &Context<'_>) -> HandlerFuture + Send + Sync + 'static,
    {
        let call = self.with_gateway(handle);
        self.add_handler(subscription, call)
    }

    /// Adds the method of a macro.
    #[doc(hidden)]
    pub fn subscribe_method(&mut self, entry: &SubscriptionEntry, handle: fn(&Arc<G>, &Context<'_>) -> HandlerFuture) {
        self.subscribe(entry.subscription(), handle).arguments(entry.method.arguments());
        if let Some(more) = self.more() {
            more.error_types = Some(entry.error_types);
            more.describe = entry.method.describe;
        }
    }

    /// Adds the method of a macro.
    #[doc(hidden)]
    pub fn on_server_event_method(
        &mut self,
        entry: &SubscriptionEntry,
        handle: fn(&Arc<G>, &Context<'_>) -> HandlerFuture,
    ) {
        self.on_server_event(entry.subscription(), handle).arguments(entry.method.arguments());
    }

    /// Sets the bounds of the last added handler.
    #[doc(hidden)]
    pub fn policy(&mut self, set: fn(Subscription) -> Subscription) {
        if let Some(method) = self.bound.handlers.last_mut() {
            let subscription = &mut method.run.subscription;
            *subscription = set(subscription.clone());
        }
    }

    /// The function of a method with its gateway.
    fn with_gateway<T: 'static>(
        &self,
        run: impl Fn(&Arc<G>, &Context<'_>) -> HandlerFuture<T> + Send + Sync + 'static,
    ) -> RunHook<T> {
        match self.gateway.clone() {
            Some(gateway) => Box::new(move |context| run(&gateway, context)),
            None => Box::new(|_| unreachable!("a server whose gateways could not be built does not start")),
        }
    }

    /// Adds a method for events that other servers of a cluster send with
    /// [`Namespace::server_side_emit`](crate::Namespace::server_side_emit). Its reply is the answer. Only the names, the
    /// arguments and the timeout of the subscription matter.
    pub fn on_server_event<F>(&mut self, subscription: Subscription, handle: F) -> &mut Self
    where
        F: Fn(&Arc<G>, &Context<'_>) -> HandlerFuture + Send + Sync + 'static,
    {
        let call = self.with_gateway(handle);
        let hook = subscription.method;
        let handler = self.handler(subscription, call);
        self.bound.server_events.push(Bare::new(hook, handler));
        self.last = LastAdded::ServerEvent;
        self
    }

    // Not generic, unlike `subscribe`, which is compiled for each method.
    fn add_handler(&mut self, subscription: Subscription, call: RunHandler) -> &mut Self {
        let hook = subscription.method;
        let handler = self.handler(subscription, call);
        self.bound.handlers.push(Bare::new(hook, handler));
        self.last = LastAdded::Subscribe;
        self
    }

    fn handler(&self, subscription: Subscription, call: RunHandler) -> Handler {
        let (names, event) = Names::new(subscription.event, subscription.also);
        let hook = subscription.method;
        let method = MethodName { gateway: self.declared.name, method: hook.method };
        Handler { event, names, method, subscription, pipeline: None, meter: None, call }
    }

    /// Sets the guards, interceptors and filters of the last added method.
    pub fn around(&mut self, add: fn(&mut Layers<'_>)) -> &mut Self {
        if let Some(more) = self.more() {
            more.around = Some(add);
        }
        self
    }

    /// Sets the requirements of the last added method's arguments.
    pub fn arguments(&mut self, arguments: impl IntoIterator<Item = Argument>) -> &mut Self {
        if let Some(more) = self.more() {
            more.arguments.extend(arguments);
        }
        self
    }

    fn describe(&mut self, entry: &MethodEntry) {
        if let Some(more) = self.more() {
            more.describe = entry.describe;
        }
    }

    fn more(&mut self) -> Option<&mut More> {
        let Bound { handlers, init, connect, disconnect, message, server_events } = &mut self.bound;
        match self.last {
            LastAdded::Nothing => None,
            LastAdded::Subscribe => handlers.last_mut().map(|method| &mut method.more),
            LastAdded::Init => init.last_mut().map(|method| &mut method.more),
            LastAdded::Connect => connect.last_mut().map(|method| &mut method.more),
            LastAdded::Disconnect => disconnect.last_mut().map(|method| &mut method.more),
            LastAdded::ServerEvent => server_events.last_mut().map(|method| &mut method.more),
            LastAdded::Message => message.last_mut().map(|method| &mut method.more),
        }
    }

    hooks! {
        /// Adds a hook that runs once, before the port opens.
        on_init, on_init_method => init, Init: Result<(), String>;
        /// Adds a hook that accepts or refuses every new socket.
        on_connect, on_connect_method => connect, Connect: Result<(), ConnectRejection>;
        /// Adds a hook that runs for every accepted socket after its disconnect.
        on_disconnect, on_disconnect_method => disconnect, Disconnect: Result<(), Exception>;
        /// Adds a handler of whole messages without an envelope, which makes this a raw gateway.
        on_message, on_message_method => message, Message: Result<Option<Message>, Exception>;
    }
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
        self.server_events.append(&mut other.server_events);
        self
    }

    /// Sorts methods by source location, as the registry is unordered.
    pub(crate) fn sort(&mut self) {
        self.handlers.sort_by_key(Bare::place);
        self.init.sort_by_key(Bare::place);
        self.connect.sort_by_key(Bare::place);
        self.disconnect.sort_by_key(Bare::place);
        self.server_events.sort_by_key(Bare::place);
    }
}

impl<T> Bare<T> {
    fn place(&self) -> (&'static str, u32) {
        (self.hook.file, self.hook.line)
    }
}

impl<T> fmt::Debug for Bare<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hook.fmt(formatter)
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bound").field("handlers", &self.handlers).finish_non_exhaustive()
    }
}
