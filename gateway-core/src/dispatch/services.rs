//! What the application provided to its server, found by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

/// One value a type.
#[derive(Debug, Default)]
pub(crate) struct Services(HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>);

impl Services {
    /// The later of two values of one type counts, so that a test can replace one.
    pub(crate) fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), (type_name::<T>(), Arc::new(value)));
    }

    pub(crate) fn find<T: Clone + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>()).and_then(|(_, value)| value.downcast_ref()).cloned()
    }

    /// The value itself, for what need not be cloned.
    pub(crate) fn find_shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).and_then(|(_, value)| Arc::clone(value).downcast().ok())
    }

    /// The types that were provided, for the report of what was not.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().map(|(name, _)| *name)
    }
}
