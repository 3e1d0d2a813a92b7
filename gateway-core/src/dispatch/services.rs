//! What the application provided to its server, found by type.

use std::any::{Any, TypeId, type_name};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One value a type.
#[derive(Debug, Default)]
pub(crate) struct Services {
    values: HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>,
    /// Those that are made when the server starts.
    promised: HashSet<TypeId>,
}

impl Services {
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

    /// Whether it is promised and not there, or not yet: then nobody need report it as missing.
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

    /// The types that were provided, for the report of what was not.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.values.values().map(|(name, _)| *name)
    }
}
