//! What the arguments of every method ask for, compared with what there is, before the port opens.

use std::any::TypeId;

use crate::dispatch::{Argument, Declared, Hook, Needs, Scene, Services};
use crate::gateway::{Made, Problem, Route};

/// One method whose arguments are to be looked at once all gateways are known.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) route: usize,
    pub(crate) gateway: Declared,
    pub(crate) hook: Hook,
    pub(crate) arguments: Vec<Argument>,
    /// Of the guards that stand before this method alone.
    pub(crate) grants: Vec<TypeId>,
    pub(crate) is_intercepted: bool,
}

/// The types that guards at this place may grant.
pub(crate) fn grants(made: &Made) -> Vec<TypeId> {
    made.guards.iter().map(|guard| guard.layer.grants.0).collect()
}

impl Claim {
    /// All it does not get. `shared` are the types that guards of the whole namespace may grant.
    pub(crate) fn problems(&self, services: &Services, route: &Route, shared: &[TypeId]) -> Vec<Problem> {
        let grants: Vec<_> = shared.iter().chain(&self.grants).copied().collect();
        let parameters: Vec<_> = route.pattern.parameters().collect();
        let scene = Scene { services, grants: &grants, is_intercepted: self.is_intercepted, parameters: &parameters };
        let of = |argument: &Argument| {
            let missing = Needs::of(argument, &scene);
            missing.into_iter().map(|missing| self.problem(argument, &missing, route)).collect::<Vec<_>>()
        };
        self.arguments.iter().flat_map(of).collect()
    }

    fn problem(&self, argument: &Argument, missing: &crate::dispatch::Missing, route: &Route) -> Problem {
        Problem::argument(self.gateway, self.hook, argument.written, (missing, route.namespace))
    }
}
