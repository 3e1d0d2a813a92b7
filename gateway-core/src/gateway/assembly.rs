//! Assembly of selected gateways into routes: build, bind, merge, and note every problem.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;

use crate::gateway::handlers::{Bare, Bound};
use crate::gateway::layers::{AddLayers, pipeline};
use crate::gateway::pattern::Pattern;
use crate::gateway::registry::GatewayEntry;
use crate::gateway::renewal;
use crate::gateway::requirements_check::{MethodRequirements, RouteAvailable, grants};
use crate::gateway::unreachable_filters::FilterReach;
use crate::gateway::{BuiltLayers, GatewaySelection, Layers, Problem, Route, Routes, SocketFactory};
use crate::handler::{
    Argument, Context, Declared, Extensions, GuardedHook, Guards, Handler, Hook, Hooks, Router, RunHook, Scope,
    ServiceMap, Subject, cannot_be_subscribed, measured,
};
use crate::limits::Limits;
use crate::metrics::generic_not_served;

/// Routes that are complete except for running their init hooks.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) routes: Routes,
    init: Vec<InitHook>,
    filters: FilterReach,
    /// Generic gateways of libraries without a concrete type in this program.
    offered: Vec<Problem>,
}

struct InitHook {
    gateway: Declared,
    hook: Hook,
    run: RunHook<Result<(), String>>,
}

impl std::fmt::Debug for InitHook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hook.fmt(formatter)
    }
}

/// A builder of routes that adds gateways one by one.
#[derive(Debug)]
pub(crate) struct Assembly<'a> {
    given: AssemblyInputs<'a>,
    routes: Vec<Route>,
    /// Per route, the types that its guards may grant to a socket.
    grants: Vec<Vec<TypeId>>,
    claims: Vec<MethodRequirements>,
    init: Vec<InitHook>,
    raw: Vec<RawGateway>,
    filters: FilterReach,
    /// Maximum number of queued events per socket.
    queued_events: usize,
    /// Maximum length of an event's name in bytes.
    event_name_bytes: usize,
    problems: Vec<Problem>,
    /// Problems if the program has no other gateway.
    offered: Vec<Problem>,
}

/// The server's values for its gateways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AssemblyInputs<'a> {
    pub(crate) services: &'a ServiceMap,
    pub(crate) per_socket: &'a [Arc<SocketFactory>],
    /// Layers around every gateway.
    pub(crate) around: &'a BuiltLayers,
}

/// The handler of a route's whole messages.
#[derive(Debug)]
struct RawGateway {
    route: usize,
    gateway: Declared,
    hook: Hook,
}

/// The gateway being added.
#[derive(Clone, Copy)]
struct BindTarget<'a> {
    route: usize,
    gateway: Declared,
    made: &'a BuiltLayers,
}

impl BindTarget<'_> {
    /// Requirements of a method without layers of its own.
    fn claim(self, hook: Hook, arguments: Vec<Argument>) -> MethodRequirements {
        let Self { route, gateway, .. } = self;
        MethodRequirements { route, gateway, hook, arguments, grants: Vec::new(), is_intercepted: false }
    }
}

impl<'a> Assembly<'a> {
    /// Assembles all selected gateways, or returns all problems.
    pub(crate) fn assemble(
        selection: &GatewaySelection,
        given: AssemblyInputs<'a>,
        expected: &[String],
        limits: &Limits,
    ) -> Result<Assembled, Vec<Problem>> {
        let (unregistered, offered) = selection.unregistered();
        let no_layers = BuiltLayers { is_measured: given.around.is_measured, ..BuiltLayers::default() };
        let mut assembly = Assembly {
            given,
            routes: Vec::new(),
            grants: Vec::new(),
            claims: Vec::new(),
            init: Vec::new(),
            raw: Vec::new(),
            filters: FilterReach::default(),
            queued_events: limits.queued_events,
            event_name_bytes: limits.event_name_bytes,
            problems: unregistered,
            offered,
        };
        let gateways = selection.gateways();
        if gateways.iter().all(|gateway| gateway.is_built_in) && expected.is_empty() {
            assembly.problems.push(Problem::nothing_linked());
            assembly.problems.append(&mut assembly.offered);
        }
        for gateway in &gateways {
            assembly.given.around = if gateway.is_built_in { &no_layers } else { given.around };
            assembly.add(gateway, selection);
        }
        assembly.given.around = given.around;
        assembly.note_clashes_of_raw_gateways();
        assembly.note_what_arguments_miss();
        let is_missing = |namespace: &&String| !gateways.iter().any(|gateway| gateway.namespace == **namespace);
        assembly
            .problems
            .extend(expected.iter().filter(is_missing).map(|namespace| Problem::missing_namespace(namespace)));
        if assembly.problems.is_empty() {
            let Assembly { mut routes, init, filters, offered, .. } = assembly;
            for route in &mut routes {
                renewal::add(route, limits);
            }
            Ok(Assembled { routes: Routes::new(routes), init, filters, offered })
        } else {
            Err(assembly.problems)
        }
    }

    fn add(&mut self, entry: &GatewayEntry, selection: &GatewaySelection) {
        let pattern = Pattern::parse(entry.namespace).map_err(|error| {
            self.problems.push(Problem::pattern(entry.declared, entry.namespace, &error));
        });
        // Bound even if the gateway cannot be built, so that one run reports all problems.
        let instance = (entry.build)(self.given.services, &mut self.problems);
        let made = self.make(entry.around);
        match selection.bind(entry, instance.as_ref()) {
            None => self.problems.push(Problem::no_handlers(entry.declared)),
            Some(bound) => {
                if let Ok(pattern) = pattern {
                    let route = self.route(entry, pattern);
                    self.merge(BindTarget { route, gateway: entry.declared, made: &made }, bound);
                }
            }
        }
    }

    fn make(&mut self, around: AddLayers) -> BuiltLayers {
        Layers::make(self.given.services, &mut self.problems, around)
    }

    fn merge(&mut self, place: BindTarget<'_>, bound: Bound) {
        let Bound { handlers, init, connect, disconnect, message, server_events } = bound;
        let is_raw = !message.is_empty();
        self.guard_the_route(place, is_raw);
        for handler in handlers {
            self.merge_handler(place, handler);
        }
        for handler in server_events {
            self.merge_server_event(place, handler);
        }
        let connect = connect.into_iter().map(|hook| self.guarded(place, hook, Guards::default())).collect();
        let before: Vec<_> = self.given.around.guards.iter().chain(&place.made.guards).cloned().collect();
        let mut messages = Vec::new();
        for method in message {
            self.raw.push(RawGateway { route: place.route, gateway: place.gateway, hook: method.hook });
            messages.push(self.guarded(place, method, Guards::new(before.clone())));
        }
        let disconnect = disconnect.into_iter().map(|hook| self.plain(place, hook).1).collect();
        let hooks = Hooks { connect, disconnect, message: messages.into_iter().next() };
        self.routes[place.route].router.gateways.push(hooks);
        for hook in init {
            let (hook, run) = self.plain(place, hook);
            self.init.push(InitHook { gateway: place.gateway, hook, run });
        }
    }

    /// Adds the guards of a gateway to its whole namespace.
    fn guard_the_route(&mut self, place: BindTarget<'_>, is_raw: bool) {
        let route = &mut self.routes[place.route];
        route.guards.extend(&place.made.guards);
        route.is_guarded |= !route.guards.is_empty();
        self.grants[place.route].extend(grants(place.made));
        if is_raw {
            self.problems
                .extend(place.made.event_layers().map(|written| Problem::layer_without_events(place.gateway, written)));
        }
    }

    fn merge_handler(&mut self, place: BindTarget<'_>, method: Bare<Handler>) {
        let Bare { hook, run: mut handler, more } = method;
        let own = more.around.map(|around| self.make(around)).unwrap_or_default();
        handler.pipeline = pipeline(&[self.given.around, place.made, &own]);
        if let Some(pipeline) = &handler.pipeline {
            self.filters.note(pipeline, more.error_types);
        }
        let (is_intercepted, is_guarded) = handler
            .pipeline
            .as_ref()
            .map_or((false, false), |pipeline| (!pipeline.interceptors.is_empty(), !pipeline.guards.is_empty()));
        let is_intercepted =
            is_intercepted || [self.given.around, place.made, &own].iter().any(|made| made.lacks_interceptor);
        let claim = place.claim(hook, more.arguments);
        self.claims.push(MethodRequirements { grants: grants(&own), is_intercepted, ..claim });
        let route = &mut self.routes[place.route];
        route.is_guarded |= is_guarded;
        for name in handler.names() {
            // Macros refuse such names in the source; this check is for gateways written by hand.
            if let Some(why) = cannot_be_subscribed(name) {
                self.problems.push(Problem::event_name(route.namespace, name, &handler, why));
            } else if name.len() > self.event_name_bytes {
                // A `*` matches one byte or more, so no matching event is shorter than the pattern.
                self.problems.push(Problem::long_event_name(route.namespace, name, &handler, self.event_name_bytes));
            }
        }
        let contradictions = handler.subscription.policy.contradictions(self.queued_events);
        self.problems.extend(contradictions.into_iter().map(|(what, help)| Problem::policy(&handler, &what, help)));
        let second = Arc::new(if self.given.around.is_measured { measured(handler) } else { handler });
        for (name, first) in route.router.insert(&second) {
            self.problems.push(Problem::duplicate_event(route.namespace, &name, &first, &second));
        }
    }

    /// Adds a method for events of other servers, which has no layers.
    fn merge_server_event(&mut self, place: BindTarget<'_>, method: Bare<Handler>) {
        let Bare { hook, run: handler, more } = method;
        if let Some(around) = more.around {
            self.note_layers_at_hook(place.gateway, hook, around);
        }
        self.claims.push(place.claim(hook, more.arguments));
        let (route, second) = (&mut self.routes[place.route], Arc::new(handler));
        for (name, first) in route.server_events.insert(&second) {
            self.problems.push(Problem::duplicate_event(route.namespace, &name, &first, &second));
        }
    }

    fn note_layers_at_hook(&mut self, gateway: Declared, hook: Hook, around: AddLayers) {
        let own = self.make(around);
        let written = own.guards.iter().map(|guard| guard.written).chain(own.event_layers());
        self.problems.extend(written.map(|written| Problem::layer_at_hook(gateway, hook, written)));
    }

    /// Creates a hook with its own guards after the earlier ones.
    fn guarded<T>(&mut self, place: BindTarget<'_>, method: Bare<RunHook<T>>, mut guards: Guards) -> GuardedHook<T> {
        let Bare { hook, run, more } = method;
        let own = more.around.map(|around| self.make(around)).unwrap_or_default();
        self.problems.extend(own.event_layers().map(|written| Problem::layer_at_hook(place.gateway, hook, written)));
        guards.extend(&own.guards);
        self.routes[place.route].is_guarded |= !guards.is_empty();
        // Grants at a connect hook belong to the socket.
        self.grants[place.route].extend(grants(&own));
        self.claims.push(place.claim(hook, more.arguments));
        GuardedHook { guards, run }
    }

    /// Creates a hook that cannot have layers.
    fn plain<T>(&mut self, place: BindTarget<'_>, method: Bare<RunHook<T>>) -> (Hook, RunHook<T>) {
        let Bare { hook, run, more } = method;
        if let Some(around) = more.around {
            self.note_layers_at_hook(place.gateway, hook, around);
        }
        self.claims.push(place.claim(hook, more.arguments));
        (hook, run)
    }

    /// Notes unmet requirements. Runs after all gateways were added, because gateways of one namespace share its sockets.
    fn note_what_arguments_miss(&mut self) {
        let Self {
            given: AssemblyInputs { services, per_socket, around },
            routes,
            grants: by_route,
            claims,
            problems,
            ..
        } = self;
        let kinds: Vec<_> = per_socket.iter().map(|factory| factory.makes).collect();
        for claim in claims {
            let grants: Vec<_> = grants(around).into_iter().chain(by_route[claim.route].iter().copied()).collect();
            let shared = RouteAvailable { services, per_socket: &kinds, grants: &grants };
            let route = &mut routes[claim.route];
            let (missing, wanted) = claim.judge(shared, route);
            problems.extend(missing);
            let is_new = |factory: &&Arc<SocketFactory>| {
                wanted.contains(&factory.makes) && !route.own.iter().any(|own| own.makes == factory.makes)
            };
            let new: Vec<_> = per_socket.iter().filter(is_new).cloned().collect();
            route.own.extend(new);
        }
    }

    /// Notes namespaces with two raw gateways, or with a raw gateway and events. Runs after all gateways were added.
    fn note_clashes_of_raw_gateways(&mut self) {
        for (position, raw) in self.raw.iter().enumerate() {
            let route = &self.routes[raw.route];
            if let Some(first) = self.raw[..position].iter().find(|first| first.route == raw.route) {
                self.problems.push(Problem::second_raw(
                    route.namespace,
                    (first.gateway, first.hook),
                    (raw.gateway, raw.hook),
                ));
            } else if route.router.handlers().next().is_some() {
                self.problems.push(Problem::raw_with_events(raw.gateway, route.namespace, raw.hook));
            }
        }
    }

    /// Returns the route of this pattern, created on first use.
    fn route(&mut self, entry: &GatewayEntry, pattern: Pattern) -> usize {
        if let Some(index) = self.routes.iter().position(|route| route.pattern.is_same_shape(&pattern)) {
            let first = &self.routes[index];
            if first.pattern != pattern {
                self.problems.push(Problem::other_parameters(
                    entry.declared,
                    entry.namespace,
                    first.declared,
                    first.namespace,
                ));
            }
            return index;
        }
        self.routes.push(Route {
            namespace: entry.namespace,
            declared: entry.declared,
            pattern,
            router: Router::default(),
            server_events: Router::default(),
            guards: Guards::new(self.given.around.guards.clone()),
            is_guarded: false,
            renewal: None,
            is_built_in: entry.is_built_in,
            own: Vec::new(),
        });
        self.grants.push(Vec::new());
        self.routes.len() - 1
    }
}

impl Assembled {
    /// Warns of problems that do not stop the start.
    pub(crate) fn warn(&self) {
        self.filters.warn();
        self.offered.iter().for_each(|generic| generic_not_served(generic));
    }

    /// Runs the init hooks one after the other and reports all failures.
    pub(crate) async fn init(self, services: &Arc<ServiceMap>) -> Result<Routes, Vec<Problem>> {
        let scope = Scope { services, socket: None, grants: None };
        let mut problems = Vec::new();
        for InitHook { gateway, hook, run } in &self.init {
            let running =
                catch_unwind(AssertUnwindSafe(|| run(&Context::new(scope, Subject::Nothing, &Extensions::default()))));
            let outcome = match running {
                Ok(running) => AssertUnwindSafe(running.outcome()).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(why)) => problems.push(Problem::init(*gateway, *hook, &why)),
                Err(_) => problems.push(Problem::init(*gateway, *hook, "it panicked")),
            }
        }
        if problems.is_empty() { Ok(self.routes) } else { Err(problems) }
    }
}
