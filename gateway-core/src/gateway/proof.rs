//! What the arguments of every method ask for, compared with what there is, before the port opens.

use std::any::TypeId;

use crate::dispatch::{Argument, Declared, Hook, Missing, Needs, Scene, Services};
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
    made.guards.iter().map(|guard| guard.layer.grants.0).chain(made.absent_grants.iter().copied()).collect()
}

/// What there is for every method of a namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) services: &'a Services,
    /// Types that can be made for each socket.
    pub(crate) per_socket: &'a [TypeId],
    /// Types that guards of the whole namespace may grant.
    pub(crate) grants: &'a [TypeId],
}

impl Claim {
    /// All it does not get, and what is to be made for each socket because it asks for it.
    pub(crate) fn judge(&self, shared: Shared<'_>, route: &Route) -> (Vec<Problem>, Vec<TypeId>) {
        let Shared { services, per_socket, grants } = shared;
        let grants: Vec<_> = grants.iter().chain(&self.grants).copied().collect();
        let parameters: Vec<_> = route.pattern.parameters().collect();
        let is_intercepted = self.is_intercepted;
        let scene = Scene { services, grants: &grants, per_socket, is_intercepted, parameters: &parameters };
        let (mut problems, mut wanted) = (Vec::new(), Vec::new());
        for argument in &self.arguments {
            let (missing, wants) = Needs::of(argument, &scene);
            problems.extend(missing.iter().map(|missing| self.problem(argument, missing, route)));
            wanted.extend(wants);
        }
        (problems, wanted)
    }

    fn problem(&self, argument: &Argument, missing: &Missing, route: &Route) -> Problem {
        Problem::argument(self.gateway, self.hook, argument.written, (missing, route.namespace))
    }
}
