//! Comparison of every method's requirements with the server's services and grants, before the port opens.

use std::any::TypeId;

use crate::gateway::{BuiltLayers, Problem, Route};
use crate::handler::{Argument, Available, Declared, Hook, Missing, Requirements, ServiceMap};

/// A method whose arguments are checked when all gateways are known.
#[derive(Debug)]
pub(crate) struct MethodRequirements {
    pub(crate) route: usize,
    pub(crate) gateway: Declared,
    pub(crate) hook: Hook,
    pub(crate) arguments: Vec<Argument>,
    /// Grant types of the guards of this method alone.
    pub(crate) grants: Vec<TypeId>,
    pub(crate) is_intercepted: bool,
}

/// Returns the types that guards at this place may grant.
pub(crate) fn grants(made: &BuiltLayers) -> Vec<TypeId> {
    made.guards.iter().map(|guard| guard.layer.grants.0).chain(made.absent_grants.iter().copied()).collect()
}

/// Values available to every method of a namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteAvailable<'a> {
    pub(crate) services: &'a ServiceMap,
    /// Types with a factory per socket.
    pub(crate) per_socket: &'a [TypeId],
    /// Types that guards of the whole namespace may grant.
    pub(crate) grants: &'a [TypeId],
}

impl MethodRequirements {
    /// Returns all unmet requirements as problems, and the per-socket types that the method uses.
    pub(crate) fn judge(&self, shared: RouteAvailable<'_>, route: &Route) -> (Vec<Problem>, Vec<TypeId>) {
        let RouteAvailable { services, per_socket, grants } = shared;
        let grants: Vec<_> = grants.iter().chain(&self.grants).copied().collect();
        let parameters: Vec<_> = route.pattern.parameters().collect();
        let is_intercepted = self.is_intercepted;
        let scene = Available { services, grants: &grants, per_socket, is_intercepted, parameters: &parameters };
        let (mut problems, mut wanted) = (Vec::new(), Vec::new());
        for argument in &self.arguments {
            let (missing, wants) = Requirements::check(argument, &scene);
            problems.extend(missing.iter().map(|missing| self.problem(argument, missing, route)));
            wanted.extend(wants);
        }
        (problems, wanted)
    }

    fn problem(&self, argument: &Argument, missing: &Missing, route: &Route) -> Problem {
        Problem::argument(self.gateway, self.hook, argument.written, (missing, route.namespace))
    }
}
