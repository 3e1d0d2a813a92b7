//! Services of the server, found by type.

use std::any::{Any, TypeId, type_name};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A value that can be provided to a server.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be provided to the server",
    label = "not `Clone + Send + Sync + 'static`",
    note = "provide an `Arc<{Self}>`, and write that type where it is asked for: as the field, or in `State<…>`",
    note = "or let the gateway make a field: `#[inject(default)]` or `#[inject(with = path)]` above it"
)]
pub trait Service: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Service for T {}

/// A map with one service per type.
#[derive(Debug, Default)]
pub(crate) struct ServiceMap {
    values: HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>,
    /// Types of services created when the server starts.
    promised: HashSet<TypeId>,
}

impl ServiceMap {
    /// Adds a service. It replaces an earlier one of its type, so that tests can replace services.
    pub(crate) fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.promised.remove(&TypeId::of::<T>());
        self.values.insert(TypeId::of::<T>(), (type_name::<T>(), Arc::new(value)));
    }

    /// Promises a service of this type.
    pub(crate) fn promise<T: 'static>(&mut self) {
        self.values.remove(&TypeId::of::<T>());
        self.promised.insert(TypeId::of::<T>());
    }

    /// Returns `true` if the service is promised but not available (yet), so that it is not reported as missing.
    pub(crate) fn is_promised<T: 'static>(&self) -> bool {
        self.promised.contains(&TypeId::of::<T>())
    }

    pub(crate) fn find<T: Clone + 'static>(&self) -> Option<T> {
        self.values.get(&TypeId::of::<T>()).and_then(|(_, value)| value.downcast_ref()).cloned()
    }

    /// Returns the service without cloning it.
    pub(crate) fn find_shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.values.get(&TypeId::of::<T>()).and_then(|(_, value)| Arc::clone(value).downcast().ok())
    }

    /// Returns a provided type similar to a missing one: with or without a wrapper, or a type instead of its trait.
    pub(crate) fn near<T: 'static>(&self) -> Option<&'static str> {
        let wanted = type_name::<T>();
        let around = |name: &'static str| name.split_once('<').map(|(around, _)| around);
        let is_dyn = wanted.contains("<dyn ");
        let is_near = |name: &&'static str| {
            wanted.contains(name) || name.contains(wanted) || (is_dyn && around(name) == around(wanted))
        };
        // The first by name, so that reports are deterministic.
        self.values.values().map(|(name, _)| *name).filter(is_near).min()
    }
}
