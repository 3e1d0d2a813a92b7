//! Typed values that user code stores with a socket.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use crate::sync::lock;

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// A map with one value per type. An empty map allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct TypeMap(Mutex<Values>);

impl TypeMap {
    pub(crate) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.insert_shared(TypeId::of::<T>(), Arc::new(value));
    }

    /// Inserts a type-erased value.
    pub(crate) fn insert_shared(&self, kind: TypeId, value: Arc<dyn Any + Send + Sync>) {
        // Dropping the old value runs user code, so it happens outside of the lock.
        let old = lock(&self.0).insert(kind, value);
        drop(old);
    }

    /// Drops all values.
    pub(crate) fn clear(&self) {
        // Dropping the values runs user code, so it happens outside of the lock.
        let values = std::mem::take(&mut *lock(&self.0));
        drop(values);
    }

    /// Replaces all values by those of `other`, which is left empty.
    pub(crate) fn replace(&self, other: &Self) {
        let values = std::mem::take(&mut *lock(&other.0));
        // Dropping the old values runs user code, so it happens outside of the lock.
        let old = std::mem::replace(&mut *lock(&self.0), values);
        drop(old);
    }

    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = lock(&self.0).get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }
}

/// The values of one socket, shared by its successive sessions. Created with the first value.
#[derive(Debug, Default)]
pub(crate) struct SharedState(OnceLock<Arc<TypeMap>>);

impl SharedState {
    pub(crate) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.0.get_or_init(Arc::default).insert(value);
    }

    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get()?.find()
    }

    /// Returns another handle to the same values.
    pub(crate) fn share(&self) -> Self {
        Self(OnceLock::from(Arc::clone(self.0.get_or_init(Arc::default))))
    }
}
