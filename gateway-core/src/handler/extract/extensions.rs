//! Values of one event: stored by interceptors, read by inner interceptors and handlers.

use std::any::{Any, TypeId};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::error::Rejection;
use crate::handler::{Context, FromContext, Requirements, on};
use crate::session::TypeMap;

/// Values of one event, one of each type.
#[derive(Default)]
pub struct Extensions(OnceLock<Box<EventValues>>);

/// Created with the first value.
#[derive(Default)]
struct EventValues {
    /// Values of interceptors.
    values: TypeMap,
    /// Values granted by guards for this event alone.
    granted: TypeMap,
}

impl Extensions {
    /// Drops the values. Nearly always there are none: a look at that costs less than the call of the drop.
    #[inline]
    pub(crate) fn discard(self) {
        if self.0.get().is_none() {
            std::mem::forget(self);
        }
    }

    /// Stores a value with the event. It replaces an earlier one of its type.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) {
        self.0.get_or_init(Box::default).values.insert(value);
    }

    /// Returns a clone of the value of this type.
    #[must_use]
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.get()?.values.find::<T>().map(|value| T::clone(&value))
    }

    pub(in crate::handler) fn grant(&self, kind: TypeId, value: Arc<dyn Any + Send + Sync>) {
        self.0.get_or_init(Box::default).granted.insert_shared(kind, value);
    }

    pub(in crate::handler) fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get()?.granted.find()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Extensions")
    }
}

/// A value that an interceptor stored in the event's [`Extensions`].
///
/// If the value is missing, the handler does not run and the answer is `internal`. For an optional value take
/// `Result<Extension<T>, Rejection>`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Extension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromContext<on::Message> for Extension<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.extensions().get().map(Self).ok_or_else(|| {
            let value = std::any::type_name::<T>();
            Rejection::internal(|id| {
                tracing::error!(value, id, "a handler requires an extension that no interceptor inserted");
            })
        })
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.extension::<T>();
    }
}

impl<T> Deref for Extension<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
