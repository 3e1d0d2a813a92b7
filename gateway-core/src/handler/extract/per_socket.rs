//! A socket's own value as an argument.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::Rejection;
use crate::handler::{Context, FromContext, Requirements, on};

/// The value that [`Server::provide_per_socket`](crate::Server::provide_per_socket) created for this socket.
///
/// If a method of the namespace uses it, the value is created when a socket connects, after its guards and before its
/// connect hooks, and dropped after the last disconnect hook. Without a factory of `T` the server does not start.
pub struct PerSocket<T>(pub Arc<T>);

impl<On: on::OfSocket, T: Send + Sync + 'static> FromContext<On> for PerSocket<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.of_socket().map(Self).ok_or_else(|| {
            let value = std::any::type_name::<T>();
            Rejection::internal(|id| {
                tracing::error!(value, id, "a handler requires a per-socket value that has no factory");
            })
        })
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.per_socket::<T>();
    }
}

impl<T> Deref for PerSocket<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for PerSocket<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for PerSocket<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PerSocket").field(&self.0).finish()
    }
}
