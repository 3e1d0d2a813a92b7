//! Typed values that user code keeps with a socket.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One value a type. Empty maps allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct TypeMap(Mutex<Values>);

impl TypeMap {
    pub(crate) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.insert_shared(TypeId::of::<T>(), Arc::new(value));
    }

    /// A value whose type is forgotten.
    pub(crate) fn insert_shared(&self, kind: TypeId, value: Arc<dyn Any + Send + Sync>) {
        // Dropping the old value runs user code: not under the lock.
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, value);
        drop(old);
    }

    /// Lets go of all values.
    pub(crate) fn clear(&self) {
        // Dropping them runs user code: not under the lock.
        let values = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(values);
    }

    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }
}

/// Values of one socket, in every session that it has one after the other. Made when the first of them is kept.
#[derive(Debug, Default)]
pub(crate) struct SharedState(OnceLock<Arc<TypeMap>>);

impl SharedState {
    pub(crate) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.0.get_or_init(Arc::default).insert(value);
    }

    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get()?.find()
    }

    /// Another handle of the values: whatever is kept by one is found by both.
    pub(crate) fn share(&self) -> Self {
        Self(OnceLock::from(Arc::clone(self.0.get_or_init(Arc::default))))
    }
}
