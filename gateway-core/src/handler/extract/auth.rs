//! Granted values as an argument.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::Rejection;
use crate::handler::{Context, FromContext, Requirements, on};

/// The value that a guard granted with [`Grant::with`](crate::pipeline::Grant::with), for this event or for the socket.
///
/// If no guard of the gateway can grant a `T`, the server does not start. If a guard could but did not, the answer is the
/// exception `unauthorized`.
pub struct Auth<T>(pub Arc<T>);

impl<On: on::OfSocket, T: Send + Sync + 'static> FromContext<On> for Auth<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let missing = || Rejection::new("unauthorized", "you are not signed in");
        context.granted().map(Self).ok_or_else(missing)
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.granted::<T>();
    }
}

impl<T> Deref for Auth<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Auth<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Auth<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Auth").field(&self.0).finish()
    }
}
