//! A guard's grant: its value, user and lifetime.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Exception;

/// A guard's decision to allow a client.
///
/// By default a grant is valid once, and the guard runs again at every event. With [`Grant::until`] or
/// [`Grant::for_socket`] it is valid for the socket, and the guard is skipped at events during that time. For rooms the
/// guard always runs.
///
/// ```
/// use gateway_core::pipeline::Grant;
/// use gateway_core::Exception;
///
/// struct User(String);
///
/// fn check(name: Option<&str>) -> Result<Grant<User>, Exception> {
///     let name = name.ok_or_else(Exception::unauthorized)?;
///     Ok(Grant::with(User(name.to_owned())).user(name).for_socket())
/// }
/// ```
#[must_use = "a pass counts once the guard returns it"]
pub struct Grant<T = ()> {
    value: Option<T>,
    user: Option<String>,
    holds: GrantLifetime,
    expires: Option<Instant>,
}

/// Time that a grant is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GrantLifetime {
    Once,
    Until(Instant),
    Always,
}

impl<T> Grant<T> {
    /// Creates a grant without a value.
    pub fn new() -> Self {
        Self { value: None, user: None, holds: GrantLifetime::Once, expires: None }
    }

    /// Creates a grant with a value, which handlers and hooks read as [`Auth<T>`](crate::extract::Auth).
    pub fn with(value: T) -> Self {
        Self { value: Some(value), ..Self::new() }
    }

    /// Creates a grant if `allowed`.
    ///
    /// # Errors
    ///
    /// [`Exception::forbidden`] if not `allowed`.
    pub fn when(allowed: bool) -> Result<Self, Exception> {
        if allowed { Ok(Self::new()) } else { Err(Exception::forbidden()) }
    }

    /// Sets the socket's user. [`Namespace::user`](crate::Namespace::user) selects all sockets of a user.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Makes the grant valid for the socket until `instant`. The guard runs again before the first event after it.
    pub fn until(mut self, instant: impl Into<Instant>) -> Self {
        self.holds = GrantLifetime::Until(instant.into());
        self
    }

    /// Makes the grant valid for the lifetime of the socket.
    pub fn for_socket(mut self) -> Self {
        self.holds = GrantLifetime::Always;
        self
    }

    /// Makes the grant valid for the socket until `instant`, at which the socket is disconnected with
    /// [`CloseCode::EXPIRED`](crate::CloseCode::EXPIRED). The earliest expiry of all guards counts.
    pub fn expires(mut self, instant: impl Into<Instant>) -> Self {
        let instant = instant.into();
        self.expires = Some(instant);
        self.until(instant)
    }
}

impl<T> Default for Grant<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Grant<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, user, holds, expires } = self;
        formatter
            .debug_struct("Grant")
            .field("grants", &value.is_some())
            .field("user", user)
            .field("holds", holds)
            .field("expires", expires)
            .finish()
    }
}

/// A type-erased grant.
pub(crate) struct ErasedGrant {
    pub(crate) value: Option<(TypeId, Arc<dyn Any + Send + Sync>)>,
    pub(crate) user: Option<String>,
    pub(crate) holds: GrantLifetime,
    pub(crate) expires: Option<Instant>,
}

impl ErasedGrant {
    /// Makes the grant valid for the checked event alone, without a user and without an expiry.
    pub(in crate::handler) fn limit_to_once(&mut self) {
        self.user = None;
        self.holds = GrantLifetime::Once;
        self.expires = None;
    }
}

impl<T: Send + Sync + 'static> From<Grant<T>> for ErasedGrant {
    fn from(pass: Grant<T>) -> Self {
        let Grant { value, user, holds, expires } = pass;
        let value = value.map(|value| (TypeId::of::<T>(), Arc::new(value) as _));
        Self { value, user, holds, expires }
    }
}
