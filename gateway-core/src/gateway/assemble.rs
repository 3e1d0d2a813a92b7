//! From selected gateways to routes: build, bind, merge, and note every problem on the way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;

use crate::dispatch::{Context, Declared, Hook, Hooks, Router, RunHook, Services, Started, cannot_be_subscribed};
use crate::gateway::handlers::Bound;
use crate::gateway::pattern::Pattern;
use crate::gateway::registry::GatewayEntry;
use crate::gateway::{Problem, Route, Routes, Selection};
use crate::limits::Limits;

/// Routes that are complete but for their init hooks.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) routes: Routes,
    init: Vec<Init>,
}

struct Init {
    gateway: Declared,
    hook: Hook,
    run: RunHook<Started>,
}

impl std::fmt::Debug for Init {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hook.fmt(formatter)
    }
}

/// Takes up gateways one by one.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    routes: Vec<Route>,
    init: Vec<Init>,
    raw: Vec<Raw>,
    /// How many events of one socket may wait.
    queued_events: usize,
    problems: Vec<Problem>,
}

/// A method that takes the whole messages of a route.
#[derive(Debug)]
struct Raw {
    route: usize,
    gateway: Declared,
    hook: Hook,
}

impl Assembly {
    /// All selected gateways, or all that is wrong with them.
    pub(crate) fn of(
        selection: &Selection,
        services: &Services,
        expected: &[String],
        limits: &Limits,
    ) -> Result<Assembled, Vec<Problem>> {
        let problems = selection.unregistered();
        let mut assembly = Self { problems, queued_events: limits.queued_events, ..Self::default() };
        let gateways = selection.gateways();
        if gateways.is_empty() && expected.is_empty() {
            assembly.problems.push(Problem::nothing_linked());
        }
        for gateway in &gateways {
            assembly.add(gateway, selection, services);
        }
        assembly.note_clashes_of_raw_gateways();
        let is_missing = |namespace: &&String| !gateways.iter().any(|gateway| gateway.namespace == **namespace);
        assembly
            .problems
            .extend(expected.iter().filter(is_missing).map(|namespace| Problem::missing_namespace(namespace)));
        if assembly.problems.is_empty() {
            Ok(Assembled { routes: Routes::new(assembly.routes), init: assembly.init })
        } else {
            Err(assembly.problems)
        }
    }

    fn add(&mut self, entry: &GatewayEntry, selection: &Selection, services: &Services) {
        let pattern = Pattern::parse(entry.namespace).map_err(|error| {
            self.problems.push(Problem::pattern(entry.declared, entry.namespace, &error));
        });
        // Looked at also where the gateway cannot be built: all that is wrong is reported in one run.
        let instance = (entry.build)(services, &mut self.problems);
        match selection.bind(entry, instance.as_ref()) {
            None => self.problems.push(Problem::no_handlers(entry.declared)),
            Some(bound) => {
                if let Ok(pattern) = pattern {
                    self.merge(entry, pattern, bound);
                }
            }
        }
    }

    fn merge(&mut self, entry: &GatewayEntry, pattern: Pattern, bound: Bound) {
        let index = self.route(entry, pattern);
        let route = &mut self.routes[index];
        for handler in bound.handlers {
            for name in handler.names() {
                // What macros refuse where it is written, for tables that were written by hand.
                if let Some(why) = cannot_be_subscribed(name) {
                    self.problems.push(Problem::event_name(route.namespace, name, &handler, why));
                }
            }
            let contradictions = handler.subscription.policy.contradictions(self.queued_events);
            self.problems.extend(contradictions.into_iter().map(|(what, help)| Problem::policy(&handler, &what, help)));
            let second = Arc::new(handler);
            for (name, first) in route.router.insert(&second) {
                self.problems.push(Problem::duplicate_event(route.namespace, &name, &first, &second));
            }
        }
        self.raw.extend(bound.message.iter().map(|(hook, _)| Raw {
            route: index,
            gateway: entry.declared,
            hook: *hook,
        }));
        route.router.gateways.push(Hooks {
            init: Vec::new(),
            connect: bound.connect.into_iter().map(|(_, run)| run).collect(),
            disconnect: bound.disconnect.into_iter().map(|(_, run)| run).collect(),
            message: bound.message.into_iter().next().map(|(_, run)| run),
        });
        self.init.extend(bound.init.into_iter().map(|(hook, run)| Init { gateway: entry.declared, hook, run }));
    }

    /// Whole messages have one receiver, and no events beside it. Known only when every gateway was taken up.
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

    /// The route of this pattern, made when it is the first.
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
        });
        self.routes.len() - 1
    }
}

impl Assembled {
    /// Runs the init hooks, one after the other; all failures are reported.
    pub(crate) async fn init(self, services: &Services) -> Result<Routes, Vec<Problem>> {
        let mut problems = Vec::new();
        for Init { gateway, hook, run } in &self.init {
            let running = catch_unwind(AssertUnwindSafe(|| run(&Context::init(services))));
            let outcome = match running {
                Ok(running) => AssertUnwindSafe(running.outcome()).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            match outcome {
                Ok(Started(Ok(()))) => {}
                Ok(Started(Err(why))) => problems.push(Problem::init(*gateway, *hook, &why)),
                Err(_) => problems.push(Problem::init(*gateway, *hook, "it panicked")),
            }
        }
        if problems.is_empty() { Ok(self.routes) } else { Err(problems) }
    }
}
