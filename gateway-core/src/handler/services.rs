//! Values that the application provided to its server, found by type.

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

/// One value a type.
#[derive(Debug, Default)]
pub(crate) struct ServiceMap {
    values: HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>,
    /// Those that are made when the server starts.
    promised: HashSet<TypeId>,
}

impl ServiceMap {
    /// The later of two values of one type counts, so that a test can replace one.
    pub(crate) fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.promised.remove(&TypeId::of::<T>());
        self.values.insert(TypeId::of::<T>(), (type_name::<T>(), Arc::new(value)));
    }

    /// A value of this type is going to be provided.
    pub(crate) fn promise<T: 'static>(&mut self) {
        self.values.remove(&TypeId::of::<T>());
        self.promised.insert(TypeId::of::<T>());
    }

    /// Returns `true` if it is promised and not there, or not yet: then it need not be reported as missing.
    pub(crate) fn is_promised<T: 'static>(&self) -> bool {
        self.promised.contains(&TypeId::of::<T>())
    }

    pub(crate) fn find<T: Clone + 'static>(&self) -> Option<T> {
        self.values.get(&TypeId::of::<T>()).and_then(|(_, value)| value.downcast_ref()).cloned()
    }

    /// The value itself, for what need not be cloned.
    pub(crate) fn find_shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.values.get(&TypeId::of::<T>()).and_then(|(_, value)| Arc::clone(value).downcast().ok())
    }

    /// A type that was provided and looks like the one that was not: the same with or without something around it, or a type
    /// where its trait is asked for.
    pub(crate) fn near<T: 'static>(&self) -> Option<&'static str> {
        let wanted = type_name::<T>();
        let around = |name: &'static str| name.split_once('<').map(|(around, _)| around);
        let is_dyn = wanted.contains("<dyn ");
        let is_near = |name: &&'static str| {
            wanted.contains(name) || name.contains(wanted) || (is_dyn && around(name) == around(wanted))
        };
        // The first by name: a report does not change from start to start.
        self.values.values().map(|(name, _)| *name).filter(is_near).min()
    }
}
